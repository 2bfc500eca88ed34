package config

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// load calls Load with arguments and environment variables (NAME=value).
func load(args []string, env ...string) (*Config, error) {
	return Load(args, env, io.Discard)
}

func TestDefaultValues(t *testing.T) {
	c, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := c.Settings
	if c.Command != ServeCmd || c.URLs[0].String() != "http://localhost:9000" || s.Interval != 15*time.Second || s.Timeout != 14*time.Second ||
		s.RequestTimeout != 5*time.Second || s.Attempts != 3 || s.Backoff != time.Second || s.MaxBackoff != 4*time.Second ||
		s.BreakerFailures != 5 || s.BreakerOpen != 30*time.Second || s.TTL != 10*time.Second || s.MaxStale != 5*time.Minute {
		t.Errorf("got %+v", c)
	}
	if !slices.Equal(c.Web.ListenAddresses, []string{":9200"}) || c.Web.TelemetryPath != "/metrics" || c.Web.MaxRequests != 40 {
		t.Errorf("got %+v", c.Web)
	}
}

func TestDefaultTimeoutsDependOnTheInterval(t *testing.T) {
	for interval, want := range map[string][2]time.Duration{
		"15s": {14 * time.Second, 5 * time.Second}, "3s": {2 * time.Second, 2 * time.Second},
		"2s": {time.Second, time.Second}, "1s": {900 * time.Millisecond, 900 * time.Millisecond}, "10ms": {9 * time.Millisecond, 9 * time.Millisecond},
	} {
		c, err := load([]string{"--collect.interval=" + interval})
		if err != nil {
			t.Errorf("%s: %v", interval, err)
			continue
		}
		if got := [2]time.Duration{c.Settings.Timeout, c.Settings.RequestTimeout}; got != want {
			t.Errorf("%s: got timeouts %v, want %v", interval, got, want)
		}
	}
}

func TestEveryOptionIsSetByItsVariable(t *testing.T) {
	for _, o := range options {
		command := ServeCmd
		if only := o.onlyOf(); only != "" {
			command = only
		}
		// Only options that accept any text accept this value.
		_, err := load([]string{command}, o.variable()+"=\x00")
		anyText := o.name == "listen-address" || o.name == "fault"
		if anyText != (err == nil) || err != nil && !strings.Contains(err.Error(), o.variable()+": ") {
			t.Errorf("%s: got %v, want an error that names the variable", o.variable(), err)
		}
	}
}

func TestReservedAndInvalidTelemetryPathsAreRejected(t *testing.T) {
	for _, p := range []string{"/health", "/health/details", "/-/ready", "/api/v1/status", "/probe", "/sd", "/upstream/x", "/debug/pprof", "/", "metrics", "/a/../b", "/a b", "/{x}"} {
		if _, err := load([]string{"--web.telemetry-path=" + p}); err == nil {
			t.Errorf("%s: got no error, want the path rejected", p)
		}
	}
	if _, err := load([]string{"--web.telemetry-path=/healthy/metrics"}); err != nil {
		t.Errorf("/healthy/metrics: %v", err)
	}
}
