package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/betanet/betanet_exporter/internal/breaker"
)

const (
	asText     = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
	asOM0      = "application/openmetrics-text; version=0.0.1; charset=utf-8; escaping=underscores"
	asOM1      = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
	asProtobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores"

	acceptProtobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// serveHeader returns the response to a GET request with a header of several lines.
func serveHeader(t *testing.T, o Options, path, name string, lines []string) *http.Response {
	t.Helper()
	var header []string
	for _, l := range lines {
		header = append(header, name, l)
	}
	return serve(t, o, "GET", path, header...)
}

func TestFormatFollowsAcceptAndIsNeverExcluded(t *testing.T) {
	for _, c := range []struct {
		accept []string
		want   string // "" for 406
	}{
		{[]string{""}, asText},
		{[]string{"text/html,*/*;q=0.8"}, asText},
		{[]string{"text/plain;version=0.0.4"}, asText},
		{[]string{prometheusAccept}, asOM1},
		{[]string{"application/openmetrics-text"}, asOM0},
		{[]string{acceptProtobuf}, asProtobuf},
		{[]string{"*/*"}, asText},
		{[]string{"application/json"}, asText},
		{[]string{"application/openmetrics-text;q=0, */*"}, asText},
		{[]string{"application/openmetrics-text;q=0"}, asText},
		{[]string{"application/openmetrics-text; Q=0.000 ,*/*;q=0.1"}, asText},
		{[]string{"APPLICATION/OpenMetrics-Text;q=0, application/openmetrics-text;version=1.0.0;q=0, */*"}, asText},
		{[]string{"application/openmetrics-text;version=1.0.0;q=0,application/openmetrics-text;version=0.0.1,*/*"}, asOM0},
		{[]string{"application/openmetrics-text;q=0,application/openmetrics-text;version=1.0.0"}, asOM1}, // the most specific clause applies
		{[]string{acceptProtobuf + ";q=0, application/*, */*"}, asText},
		{[]string{"application/vnd.google.protobuf;q=0," + acceptProtobuf + ";q=0,text/plain;version=0.0.4;q=0.1"}, asText},
		{[]string{"text/plain;q=0, */*"}, asOM1},
		{[]string{"text/*;q=0, *"}, asOM1},
		{[]string{"text/plain;version=0.0.4;q=0, */*"}, asOM1},
		{[]string{"text/plain;q=0, application/openmetrics-text;version=1.0.0;q=0, */*"}, asOM0},
		{[]string{"text/plain;q=0, application/openmetrics-text;q=0, */*"}, asProtobuf},
		{[]string{"*/*;q=0, " + acceptProtobuf}, asProtobuf},
		{[]string{"*/*;q=0, text/plain"}, asText},
		{[]string{"*/*", "application/openmetrics-text;version=1.0.0"}, asOM1}, // two lines of the header
		{[]string{"application/openmetrics-text;version=1.0.0", "application/openmetrics-text;version=1.0.0;q=0"}, asOM1},
		{[]string{"text/plain;q=none"}, asText},
		{[]string{"*/*;q=0"}, ""},
		{[]string{"text/plain;q=0"}, ""},
		{[]string{"text/plain;q=0, application/json"}, ""},
		{[]string{"text/*;q=0, application/*;q=0, */*"}, ""},
	} {
		r := serveHeader(t, healthyOptions(), "/metrics", "Accept", c.accept)
		got, text := r.Header.Get("Content-Type"), body(t, r)
		if c.want == "" {
			if r.StatusCode != http.StatusNotAcceptable {
				t.Errorf("%q: got %d %q, want 406", c.accept, r.StatusCode, got)
			}
			continue
		}
		if r.StatusCode != http.StatusOK || got != c.want {
			t.Errorf("%q: got %d %q, want %q", c.accept, r.StatusCode, got, c.want)
		}
		if got, want := strings.HasSuffix(text, "# EOF\n"), strings.Contains(c.want, "openmetrics"); got != want {
			t.Errorf("%q: response ends with # EOF: got %v, want %v", c.accept, got, want)
		}
	}
}

// decoders has a decoder for each coding of responses.
var decoders = map[string]func(io.Reader) (io.Reader, error){
	"":     func(r io.Reader) (io.Reader, error) { return r, nil },
	"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
}

func TestCodingFollowsAcceptEncodingAndIsNeverExcluded(t *testing.T) {
	for _, c := range []struct {
		accept []string
		path   string
		want   string // coding, "" for none, or "406"
	}{
		{[]string{""}, "/metrics", ""},
		{[]string{"gzip"}, "/metrics", "gzip"},
		{[]string{"zstd"}, "/metrics", "zstd"},
		{[]string{"gzip;q=0, *"}, "/metrics", ""},
		{[]string{"*"}, "/metrics", ""},
		{[]string{"identity;q=0, *"}, "/metrics", "gzip"},
		{[]string{"gzip;q=0, identity;q=0, *"}, "/metrics", "zstd"},
		{[]string{"gzip, deflate, br, zstd"}, "/metrics", "zstd"},
		{[]string{"gzip;q=0, zstd;q=0, *"}, "/metrics", ""},
		{[]string{"gzip; q=0.0"}, "/metrics", ""},
		{[]string{"zstd;q=0, gzip"}, "/metrics", "gzip"},
		{[]string{"zstd;q=0.2, gzip;q=0.9, br;q=0"}, "/metrics", "gzip"},
		{[]string{"gzip", "zstd;q=0"}, "/metrics", "gzip"},
		{[]string{"identity;q=0, gzip"}, "/metrics", "gzip"},
		{[]string{"identity;q=0, gzip"}, "/metrics?name[]=betanet_up", "gzip"}, // a small response
		{[]string{"*;q=0, gzip;q=0.1"}, "/metrics", "gzip"},
		{[]string{"gzip"}, "/metrics?name[]=betanet_up", ""},
		{[]string{"*;q=0"}, "/metrics", "406"},
		{[]string{"identity;q=0"}, "/metrics", "406"},
		{[]string{"identity;q=0, br"}, "/", "406"},
		{[]string{"*;q=0, identity"}, "/", ""},
	} {
		r := serveHeader(t, healthyOptions(), c.path, "Accept-Encoding", c.accept)
		got := r.Header.Get("Content-Encoding")
		if r.StatusCode == http.StatusNotAcceptable {
			got = "406"
		}
		if got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.path, c.accept, got, c.want)
		}
		if decode := decoders[got]; decode != nil && c.path == "/metrics" {
			plain, err := decode(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(plain); err != nil || !strings.Contains(string(b), "betanet_messages_total 5000\n") {
				t.Errorf("%q: got %v and %d bytes, want the samples", c.accept, err, len(b))
			}
		}
		if vary := r.Header.Values("Vary"); !slices.Contains(vary, "Accept-Encoding") {
			t.Errorf("%s %q: got Vary %q, want Accept-Encoding", c.path, c.accept, vary)
		}
	}
}

func TestVaryHasAcceptIfTheResponseDependsOnIt(t *testing.T) {
	o := Options{Registry: registry(view(upstreamAt(""), good, breaker.Closed)), Probe: &fakeProber{view: view(upstreamAt("a"), good, breaker.Closed)}}
	for path, want := range map[string]bool{
		"/metrics": true, "/probe?target=a": true, "/": false, "/api/v1/status": false,
	} {
		for _, accept := range []string{"", "*/*;q=0"} {
			vary := serve(t, o, "GET", path, "Accept", accept).Header.Values("Vary")
			if got := slices.Contains(vary, "Accept"); got != want {
				t.Errorf("%s with Accept %q: got Vary %q, want Accept in it: %v", path, accept, vary, want)
			}
		}
	}
}

// The test selects families about an upstream, the exporter and the Go runtime.
func TestNamedFamiliesAreServedInEveryFormat(t *testing.T) {
	o := Options{Registry: registry(view(upstreamAt("edge"), good, breaker.Closed))}
	const path = "/metrics?name[]=betanet_up&name[]=betanet_exporter_collections_total&name[]=go_goroutines&name[]=nothing"
	for accept, names := range map[string][]string{
		"": {"betanet_exporter_collections_total", "betanet_up", "go_goroutines"},
		"application/openmetrics-text;version=1.0.0": {"betanet_exporter_collections", "betanet_up", "go_goroutines"},
	} {
		var got []string
		text := body(t, serve(t, o, "GET", path, "Accept", accept))
		for line := range strings.Lines(text) {
			if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
				name, _, _ = strings.Cut(name, " ")
				got = append(got, name)
			}
		}
		if !slices.Equal(got, names) || strings.HasSuffix(text, "# EOF\n") != (accept != "") {
			t.Errorf("Accept %q: got families %q, want %q; the response is\n%s", accept, got, names, text)
		}
	}
	r := serve(t, o, "GET", path, "Accept", acceptProtobuf)
	var got []string
	for d := expfmt.NewDecoder(r.Body, expfmt.ResponseFormat(r.Header)); ; {
		var f dto.MetricFamily
		if d.Decode(&f) != nil {
			break
		}
		got = append(got, f.GetName())
	}
	if want := []string{"betanet_exporter_collections_total", "betanet_up", "go_goroutines"}; !slices.Equal(got, want) {
		t.Errorf("protobuf: got %q, want %q", got, want)
	}
	if got := body(t, serve(t, o, "GET", "/metrics?name[]=nothing", "Accept", "application/openmetrics-text;version=1.0.0")); got != "# EOF\n" {
		t.Errorf("OpenMetrics without families: got %q, want only # EOF", got)
	}
	if got := body(t, serve(t, o, "GET", "/metrics?name[]=", "Accept", acceptProtobuf)); got != "" {
		t.Errorf("protobuf of an empty name: got %q, want nothing", got)
	}
}
