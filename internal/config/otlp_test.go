package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestThePushEndpointComesFromFlagsAndVariables(t *testing.T) {
	const base, own = "OTEL_EXPORTER_OTLP_ENDPOINT=", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="
	for _, c := range []struct {
		args, env []string
		want      string
	}{
		{nil, nil, "<nil>"},
		{[]string{"--otlp.endpoint=http://a"}, nil, "http://a/v1/metrics"},
		{[]string{"--otlp.endpoint=https://a:4318/"}, nil, "https://a:4318/v1/metrics"},
		{[]string{"--otlp.endpoint=http://a/api/v1/otlp/v1/metrics"}, nil, "http://a/api/v1/otlp/v1/metrics"},
		{nil, []string{base + "http://a"}, "http://a/v1/metrics"},
		{nil, []string{base + "http://a/otlp/"}, "http://a/otlp/v1/metrics"},
		{nil, []string{own + "http://a"}, "http://a/"},
		{nil, []string{own + "http://a/b"}, "http://a/b"},
		{nil, []string{base + "http://a", own + "http://b/c"}, "http://b/c"},
		{nil, []string{base + "http://a", own + "http://b/c", "BETANET_EXPORTER_OTLP_ENDPOINT=http://d"}, "http://d/v1/metrics"},
		{[]string{"--otlp.endpoint=http://e"}, []string{own + "http://b/c", "BETANET_EXPORTER_OTLP_ENDPOINT=http://d"}, "http://e/v1/metrics"},
		{[]string{"demo"}, []string{own + "http://b/c"}, "<nil>"}, // simulated values are never pushed
	} {
		got, err := load(c.args, c.env...)
		if err != nil {
			t.Errorf("%q %q: %v", c.args, c.env, err)
			continue
		}
		text := "<nil>"
		if got.OTLP.Endpoint != nil {
			text = got.OTLP.Endpoint.String()
		}
		if text != c.want {
			t.Errorf("%q %q: got %s, want %s", c.args, c.env, text, c.want)
		}
	}
}

func TestStandardVariablesConfigureThePush(t *testing.T) {
	c, err := load([]string{"--otlp.endpoint=http://a", "--otlp.interval=30s"},
		"OTEL_EXPORTER_OTLP_TIMEOUT=2500", "OTEL_EXPORTER_OTLP_COMPRESSION=none", "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION=gzip",
		"OTEL_EXPORTER_OTLP_HEADERS=api-key = a%20b , X-Scope=1,", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
	if err != nil {
		t.Fatal(err)
	}
	if o := c.OTLP; o.Interval != 30*time.Second || o.Timeout != 2500*time.Millisecond || !o.Gzip {
		t.Errorf("got %+v", o)
	}
	headers, err := c.OTLP.Headers()
	if want := map[string]string{"Api-Key": "a b", "X-Scope": "1"}; err != nil || !maps.Equal(headers, want) {
		t.Errorf("got %q %v, want %q", headers, err, want)
	}
	if c, err = load([]string{"--otlp.endpoint=http://a"}); err != nil || c.OTLP.Timeout != 10*time.Second || c.OTLP.Interval != 15*time.Second || c.OTLP.Gzip {
		t.Errorf("got %+v %v, want the standard defaults and 15s", c.OTLP, err)
	}
}

func TestInvalidStandardVariablesAreNamed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, canary)
	for env, want := range map[string]string{
		"PROTOCOL=http/json":                 `PROTOCOL: "http/json" is not valid, use http/protobuf`,
		"METRICS_PROTOCOL=grpc":              `METRICS_PROTOCOL: "grpc" is not valid, use http/protobuf`,
		"TIMEOUT=10s":                        `TIMEOUT: "10s" is not valid, use a number of milliseconds from 1 to 3600000`,
		"TIMEOUT=0":                          `TIMEOUT: "0" is not valid, use a number of milliseconds from 1 to 3600000`,
		"COMPRESSION=zstd":                   `COMPRESSION: "zstd" is not valid, use gzip or none`,
		"HEADERS=a=1," + canary:              "HEADERS: header 2 is not valid, use name=value separated by commas, values percent-encoded",
		"HEADERS=a=" + canary + "%zz":        "HEADERS: header 1 is not valid, use name=value separated by commas, values percent-encoded",
		"HEADERS=a b=" + canary:              "HEADERS: header 1 has a name that is not a valid header name",
		"HEADERS=host=" + canary:             "HEADERS: header 1 is Host, which the exporter sets itself",
		"HEADERS=a=" + canary + "%0ab":       "HEADERS: header 1 (A) has control characters in its value",
		"CERTIFICATE=" + dir + "/none":       "CERTIFICATE: " + dir + "/none: no such file or directory",
		"CERTIFICATE=" + file:                "CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY: ca or ca_file has no PEM certificate",
		"CLIENT_KEY=" + file:                 "CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY: must be set together",
		"METRICS_CLIENT_CERTIFICATE=" + file: "CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY: must be set together",
	} {
		_, err := load([]string{"--otlp.endpoint=http://a"}, "OTEL_EXPORTER_OTLP_"+env)
		checkError(t, env, err, "OTEL_EXPORTER_OTLP_"+want)
	}
	if _, err := load(nil, "OTEL_EXPORTER_OTLP_ENDPOINT=http://u:"+canary+"@a"); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestTheHeadersFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headers")
	write(t, path, "Authorization: Bearer "+canary+"\n")
	c, err := load([]string{"--otlp.endpoint=http://a", "--otlp.headers-file=" + path}, "OTEL_EXPORTER_OTLP_HEADERS=authorization=x,b=2")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]map[string]string{
		"Authorization: Bearer " + canary + "\n":  {"Authorization": "Bearer " + canary, "B": "2"},
		"\r\nauthorization:  Basic a:b  \r\n\r\n": {"Authorization": "Basic a:b", "B": "2"},
		"":                                      {"Authorization": "x", "B": "2"},
		"\ufeffAuthorization: Bearer " + canary: {"Authorization": "Bearer " + canary, "B": "2"}, // as some editors write it
	} {
		write(t, path, text)
		if got, err := c.OTLP.Headers(); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: got %q %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"A: 1\n" + canary:                  "line 2 is not a header, use Name: value",
		canary + " x: 1":                   "line 1 has a name that is not a valid header name",
		"Content-Type: " + canary:          "line 1 is Content-Type, which the exporter sets itself",
		"A: " + canary + "\x01":            "line 1 (A) has control characters in its value",
		"A: " + strings.Repeat("x", 1<<17): "is larger than 65536 bytes",
	} {
		write(t, path, text)
		_, err := c.OTLP.Headers()
		checkError(t, text, err, path+": "+want)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = c.OTLP.Headers()
	checkError(t, "a removed file", err, path+": no such file or directory")
	if got := output(t, c, nil); strings.Contains(got, canary) || !strings.Contains(got, path) {
		t.Errorf("got\n%s\nwant the name of the file, but not its content", got)
	}
}

func TestPushHeadersAreNeverShown(t *testing.T) {
	for headers, valid := range map[string]bool{
		"authorization=Bearer%20" + canary: true, "x=" + canary + ",y=" + canary: true,
		canary: false, "x=" + canary + "%zz": false, "x=" + canary + "%0a": false, "a b=" + canary: false,
	} {
		c, err := load([]string{"--otlp.endpoint=http://a"}, "OTEL_EXPORTER_OTLP_HEADERS="+headers)
		got := output(t, c, err)
		if valid != (err == nil) || strings.Contains(got, canary) || valid && !strings.Contains(got, "OTEL_EXPORTER_OTLP_HEADERS: <secret>") {
			t.Errorf("%s: got\n%s", headers, got)
		}
	}
}

func TestStandardVariablesDisableThePushThatTheyConfigure(t *testing.T) {
	const (
		endpoint    = "OTEL_EXPORTER_OTLP_ENDPOINT=http://a"
		metrics     = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://a"
		protocol    = " is not supported, so nothing is pushed to the endpoint of OTEL_EXPORTER_OTLP_ENDPOINT; set OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf if the receiver accepts it"
		notDisabled = " does not disable the push that "
	)
	own := []string{"--otlp.endpoint=http://own"}
	for _, c := range []struct {
		args, env []string
		pushes    bool
		warning   string
	}{
		{nil, []string{endpoint}, true, ""},
		{nil, []string{endpoint, "OTEL_SDK_DISABLED=true"}, false, ""},
		{nil, []string{metrics, "OTEL_SDK_DISABLED=TRUE"}, false, ""},
		{nil, []string{endpoint, "OTEL_SDK_DISABLED=false"}, true, ""},
		{nil, []string{endpoint, "OTEL_SDK_DISABLED=1"}, true, `OTEL_SDK_DISABLED: "1" is neither true nor false and is treated as false`},
		{nil, []string{endpoint, "OTEL_METRICS_EXPORTER=none"}, false, ""},
		{nil, []string{metrics, "OTEL_METRICS_EXPORTER=prometheus, console"}, false, ""},
		{nil, []string{endpoint, "OTEL_METRICS_EXPORTER=prometheus, otlp"}, true, ""},
		{nil, []string{endpoint, "OTEL_METRICS_EXPORTER= , "}, true, ""},
		{nil, []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, false, `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"` + protocol},
		{nil, []string{endpoint, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/json"}, false, `OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/json"` + protocol},
		{nil, []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf"}, true, ""},
		// An endpoint for gRPC needs no scheme.
		{nil, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=a:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, false, `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"` + protocol},
		{nil, []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_SDK_DISABLED=true"}, false, ""},
		{nil, []string{"OTEL_SDK_DISABLED=true", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, false, ""}, // no push is configured

		{own, []string{"OTEL_SDK_DISABLED=true"}, true, "OTEL_SDK_DISABLED=true" + notDisabled + "--otlp.endpoint configures"},
		{own, []string{endpoint, "OTEL_METRICS_EXPORTER=none"}, true, "OTEL_METRICS_EXPORTER=none" + notDisabled + "--otlp.endpoint configures"},
		{nil, []string{"BETANET_EXPORTER_OTLP_ENDPOINT=http://own", "OTEL_METRICS_EXPORTER=console"}, true, "OTEL_METRICS_EXPORTER=console" + notDisabled + "BETANET_EXPORTER_OTLP_ENDPOINT configures"},
		{own, []string{"OTEL_METRICS_EXPORTER=otlp"}, true, ""},
	} {
		got, err := load(c.args, c.env...)
		if err != nil {
			t.Errorf("%q %q: %v", c.args, c.env, err)
			continue
		}
		var want []string
		if c.warning != "" {
			want = []string{c.warning}
		}
		if pushes := got.OTLP.Endpoint != nil; pushes != c.pushes || !slices.Equal(got.Warnings(), want) {
			t.Errorf("%q %q: got push %v, warnings %q, want %v, %q", c.args, c.env, pushes, got.Warnings(), c.pushes, want)
		}
	}
}

func TestAnUnsupportedProtocolIsAnErrorWithTheExportersOwnEndpoint(t *testing.T) {
	for _, env := range [][]string{
		{"BETANET_EXPORTER_OTLP_ENDPOINT=http://own", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
		{"BETANET_EXPORTER_OTLP_ENDPOINT=http://own", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_SDK_DISABLED=true"},
	} {
		_, err := load(nil, env...)
		checkError(t, strings.Join(env, " "), err, `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not valid, use http/protobuf`)
	}
}
