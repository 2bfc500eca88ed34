package web

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"go.uber.org/goleak"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
	"github.com/betanet/betanet_exporter/internal/status"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

const version = "1.2.3"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prometheusAccept is the Accept header of Prometheus 2.42.
const prometheusAccept = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

func upstreamAt(name string) *fleet.Upstream {
	return &fleet.Upstream{
		Name: name, URLs: []*url.URL{{Scheme: "http", Host: "localhost:9000"}}, API: betanet.V1,
		Settings: fleet.Settings{Interval: 15 * time.Second, MaxStale: 5 * time.Minute, Histogram: true},
	}
}

// view returns a view of an upstream whose endpoint metrics has a given state.
func view(u *fleet.Upstream, r snapshot.Record, b breaker.State) *fleet.View {
	now := time.Now()
	v := &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Ticked: now, Collected: true}
	v.Endpoints = []fleet.EndpointView{
		{Endpoint: betanet.Metrics, Record: r, Breaker: b, Next: now.Add(10 * time.Second)},
		{Endpoint: betanet.Nodes, Record: snapshot.Record{}.Fetched(betanettest.Nodes{Active: 5, Inactive: 2, Total: 7}.Doc(), now), Next: now.Add(10 * time.Second)},
	}
	return v
}

var (
	good   = snapshot.Record{}.Fetched(betanettest.Metrics{PacketsProcessed: 5000, PacketsDropped: 10}.Doc(), time.Now())
	broken = &betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.New("fetch metrics: <script>alert(1)</script> refused")}
)

// complete sets the options that every handler requires.
func complete(o Options) Options {
	o.Log = slog.New(slog.DiscardHandler)
	if o.Health == nil {
		o.Health = &Health{Registry: o.Registry}
	}
	o.Status = &status.Model{Registry: o.Registry, History: new(history.History), TelemetryPath: "/metrics", Version: version}
	if o.TelemetryPath == "" {
		o.TelemetryPath = "/metrics"
	}
	return o
}

// healthyOptions returns options with one healthy upstream.
func healthyOptions() Options {
	return Options{Registry: registry(view(upstreamAt(""), good, breaker.Closed))}
}

// serve returns the response of a handler. The header is a list of names and values.
func serve(t *testing.T, o Options, method, path string, header ...string) *http.Response {
	t.Helper()
	h, err := Handler(complete(o))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func registry(views ...*fleet.View) *exposition.Registry {
	r := exposition.NewRegistry()
	for _, v := range views {
		r.Publish(v)
	}
	return r
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestProtobufHasTheSameValues(t *testing.T) {
	r := serve(t, healthyOptions(), "GET", "/metrics", "Accept", acceptProtobuf)
	d := expfmt.NewDecoder(r.Body, expfmt.ResponseFormat(r.Header))
	for {
		var f dto.MetricFamily
		if err := d.Decode(&f); err != nil {
			t.Fatalf("betanet_messages_total not found: %v", err)
		}
		if f.GetName() == "betanet_messages_total" {
			if got := f.Metric[0].Counter.GetValue(); got != 5000 {
				t.Errorf("got %v, want 5000", got)
			}
			return
		}
	}
}

func TestOnlyEnabledPathsAndTheirMethodsAreServed(t *testing.T) {
	o := healthyOptions()
	all := o // with everything that is optional
	all.Pprof, all.Probe, all.Names = true, &fakeProber{view: view(upstreamAt("a"), good, breaker.Closed)}, func() []*fleet.Upstream { return nil }
	for _, c := range []struct {
		method, path string
		want         int
		wantAll      int
	}{
		{"GET", "/metrics", 200, 200},
		{"HEAD", "/metrics", 200, 200},
		{"POST", "/metrics", 405, 405},
		{"DELETE", "/health", 405, 405},
		{"GET", "/health", 200, 200},
		{"GET", "/health/details", 200, 200},
		{"GET", "/-/healthy", 200, 200},
		{"GET", "/-/ready", 200, 200},
		{"GET", "/api/v1/status", 200, 200},
		{"GET", "/api/v1/status?sort=size", 400, 400},
		{"GET", "/api/v1/status/history", 200, 200},
		{"GET", "/api/v1/status/upstream/localhost:9000", 200, 200},
		{"GET", "/api/v1/status/upstream/none", 404, 404},
		{"GET", "/api/v1/status/none", 404, 404},
		{"GET", "/", 200, 200},
		{"GET", "/?sort=size", 400, 400},
		{"GET", "/upstream/localhost:9000", 200, 200},
		{"GET", "/upstream/none", 404, 404},
		{"GET", "/nothing", 404, 404},
		{"GET", "/metrics/", 404, 404},
		{"GET", "/debug/pprof/", 404, 200},
		{"GET", "/debug/pprof/heap", 404, 200},
		{"GET", "/probe?target=a", 404, 200},
		{"POST", "/probe?target=a", 404, 405},
		{"GET", "/sd", 404, 200},
		{"POST", "/sd", 404, 405},
		{"POST", "/-/reload", 403, 403},
		{"GET", "/-/reload", 405, 405},
	} {
		got, gotAll := serve(t, o, c.method, c.path).StatusCode, serve(t, all, c.method, c.path).StatusCode
		if got != c.want || gotAll != c.wantAll {
			t.Errorf("%s %s: got %d, and %d with all options, want %d and %d", c.method, c.path, got, gotAll, c.want, c.wantAll)
		}
	}
}

func TestReloadReportsItsResult(t *testing.T) {
	o := Options{Registry: registry(), Reload: func() error { return nil }}
	if got := serve(t, o, "POST", "/-/reload").StatusCode; got != 200 {
		t.Errorf("got %d, want 200", got)
	}
	o.Reload = func() error { return errors.New("line 3 is bad") }
	r := serve(t, o, "POST", "/-/reload")
	if got := body(t, r); r.StatusCode != 500 || !strings.Contains(got, "line 3 is bad") {
		t.Errorf("got %d %q, want 500 and the reason", r.StatusCode, got)
	}
}

func TestScrapesAboveTheLimitAreRejected(t *testing.T) {
	reg := registry(view(upstreamAt(""), good, breaker.Closed))
	h := metricsHandler(Options{Registry: reg, MaxRequests: 1, Log: slog.New(slog.DiscardHandler)})
	writing, done := make(chan struct{}), make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		h.ServeHTTP(&stuckWriter{httptest.NewRecorder(), writing, done}, httptest.NewRequest("GET", "/metrics", nil))
	}()
	<-writing
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 503 {
		t.Errorf("got %d, want 503", w.Code)
	}
	close(done)
	<-finished
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `betanet_exporter_http_rejected_total{reason="max_requests"} 1`) {
		t.Errorf("got %d, want 200 and one rejected scrape counted", w.Code)
	}
}

// stuckWriter writes to a client that reads nothing until done is closed.
type stuckWriter struct {
	http.ResponseWriter
	writing, done chan struct{}
}

func (s *stuckWriter) Write(b []byte) (int, error) {
	close(s.writing)
	<-s.done
	return s.ResponseWriter.Write(b)
}

func TestScrapeCanSelectFamilies(t *testing.T) {
	o := Options{Registry: registry(view(upstreamAt("edge"), good.Failed(broken, time.Now()), breaker.Closed))}
	for path, want := range map[string]string{
		"/metrics?name[]=betanet_up":           "# HELP betanet_up Whether the last collection of every endpoint of the upstream succeeded; 0 before the first\n# TYPE betanet_up gauge\nbetanet_up{upstream=\"edge\"} 0\n",
		"/metrics?name%5B%5D=nothing":          "",
		"/metrics?name[]=nothing&name[]=there": "",
	} {
		r := serve(t, o, "GET", path)
		if got := body(t, r); r.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s: got %d\n%s\nwant\n%s", path, r.StatusCode, got, want)
		}
	}
}

func TestInvalidQueryIsReportedInOneLine(t *testing.T) {
	for _, path := range []string{"/?sort=size", "/api/v1/status?sort=size"} {
		r := serve(t, healthyOptions(), "GET", path)
		got := body(t, r)
		if r.StatusCode != 400 || !strings.HasPrefix(got, `Bad request: sort="size" is not accepted`) || strings.Index(got, "\n") != len(got)-1 || !strings.HasSuffix(got, ".\n") {
			t.Errorf("%s: got %d %q, want 400 and one line", path, r.StatusCode, got)
		}
	}
}

// Health checks expect all upstreams, whatever parameters other paths accept.
func TestHealthDetailsIgnoreParameters(t *testing.T) {
	o := Options{Registry: registry(view(upstreamAt("a"), good, breaker.Closed), view(upstreamAt("b"), good, breaker.Closed))}
	var d struct {
		Upstreams []json.RawMessage `json:"upstreams"`
	}
	if err := json.Unmarshal([]byte(body(t, serve(t, o, "GET", "/health/details?limit=1&q=a"))), &d); err != nil || len(d.Upstreams) != 2 {
		t.Errorf("got %d upstreams, %v, want 2", len(d.Upstreams), err)
	}
}
