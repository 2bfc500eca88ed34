package config

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPushEndpoint(t *testing.T) {
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
		{[]string{"demo"}, []string{own + "http://b/c"}, "<nil>"}, // what is made up goes nowhere
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
	if err := os.WriteFile(file, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	for env, want := range map[string]string{
		"PROTOCOL=http/json":                 `PROTOCOL: "http/json" is not valid, use http/protobuf`,
		"METRICS_PROTOCOL=grpc":              `METRICS_PROTOCOL: "grpc" is not valid, use http/protobuf`,
		"TIMEOUT=10s":                        `TIMEOUT: "10s" is not valid, use milliseconds from 1 to 3600000`,
		"TIMEOUT=0":                          `TIMEOUT: "0" is not valid, use milliseconds from 1 to 3600000`,
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
		if err == nil || err.Error() != "OTEL_EXPORTER_OTLP_"+want {
			t.Errorf("%s: got %v, want %s", env, err, want)
		}
	}
	if _, err := load(nil, "OTEL_EXPORTER_OTLP_ENDPOINT=http://u:"+canary+"@a"); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestTheHeadersFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headers")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("Authorization: Bearer " + canary + "\n")
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
		write(text)
		if got, err := c.OTLP.Headers(); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: got %q %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"A: 1\n" + canary:                  "line 2 is not a header, use Name: value",
		canary + " x: 1":                   "line 1 has a name that is not a valid header name",
		"Content-Type: " + canary:          "line 1 is Content-Type, which the exporter sets itself",
		"A: " + canary + "\x01":            "line 1 (A) has control characters in its value",
		"A: " + strings.Repeat("x", 1<<17): "has more than 65536 bytes",
	} {
		write(text)
		if _, err := c.OTLP.Headers(); err == nil || err.Error() != path+": "+want {
			t.Errorf("%.20q: got %v, want %s", text, err, want)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := c.OTLP.Headers(); err == nil || err.Error() != path+": no such file or directory" {
		t.Errorf("got %v, want that it is not there", err)
	}
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), canary) || !strings.Contains(b.String(), path) {
		t.Errorf("got\n%s\nwant the name of the file and nothing of it", b.String())
	}
}

func TestHeadersOfAPushNeverShow(t *testing.T) {
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
