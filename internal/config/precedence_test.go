package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// samples has four values for each option that a file may set: for flag, variable,
// defaults and upstream. Adjacent values differ.
var samples = map[string][4]string{
	"betanet.api": {"v1", "mixnodes", "v1", "mixnodes"}, "collect.interval": {"31s", "32s", "33s", "34s"}, "collect.timeout": {"11s", "12s", "13s", "10s"},
	"request.timeout": {"1s", "2s", "3s", "4s"}, "retry.attempts": {"4", "5", "6", "7"}, "retry.backoff": {"1100ms", "1200ms", "1300ms", "1400ms"},
	"retry.max-backoff": {"5s", "6s", "7s", "8s"}, "retry.jitter": {"none", "full", "none", "full"}, "breaker.failures": {"6", "7", "8", "9"},
	"breaker.open": {"1s", "2s", "3s", "4s"}, "cache.ttl": {"1s", "2s", "3s", "4s"}, "cache.max-stale": {"1m", "2m", "3m", "4m"},
	"metrics.latency-histogram": {"true", "false", "true", "false"}, "metrics.mixnodes": {"1", "2", "3", "0"},
}

// TestTheMostSpecificSourceWins sets each option in each combination of sources.
func TestTheMostSpecificSourceWins(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, o := range options {
		if !o.upstream {
			continue
		}
		values, known := samples[o.name]
		if !known {
			t.Errorf("%s has no samples", o.name)
			continue
		}
		for sources := range 1 << 4 {
			set := func(i int) bool { return sources&(1<<i) != 0 }
			args, env := []string{"--config.file=c.yml"}, ""
			inFile := func(i int) string {
				if !set(i) {
					return "{}"
				}
				path := strings.Split(o.keyPath(), ".")
				return "{" + strings.Join(path, ": {") + ": " + values[i] + strings.Repeat("}", len(path))
			}
			if set(0) {
				args = append(args, flag(o, values[0]))
			}
			if set(1) {
				env = o.variable() + "=" + values[1]
			}
			write(t, "c.yml", fmt.Sprintf("defaults: %s\nupstreams: [{url: http://a, <<: %s}, {url: http://b}]", inFile(2), inFile(3)))
			c, err := load(args, env)
			if err != nil {
				t.Errorf("%s from %04b: %v", o.name, sources, err)
				continue
			}
			wantAll, origin := "", "default"
			for i, from := range []string{"flag", "env", "file"} {
				if set(i) {
					wantAll, origin = values[i], from
					break
				}
			}
			want := wantAll
			if set(3) {
				want = values[3]
			}
			u := c.Upstreams()
			checkSame(t, o, sources, "the upstream", want, u[0].API, u[0].Settings)
			checkSame(t, o, sources, "the other upstream", wantAll, u[1].API, u[1].Settings)
			checkSame(t, o, sources, "discovered upstreams", wantAll, c.API, c.Settings)
			if got := c.values[o.name].origin; got != origin {
				t.Errorf("%s from %04b: got origin %s, want %s", o.name, sources, got, origin)
			}
		}
	}
}

func flag(o *option, value string) string {
	if o.isBool() && value == "false" {
		return "--no-" + o.name
	} else if o.isBool() {
		return "--" + o.name
	}
	return "--" + o.name + "=" + value
}

// checkSame compares settings with the settings of an upstream for which only the option
// is set to value, or no option if value is empty.
func checkSame(t *testing.T, o *option, sources int, who, value string, api betanet.API, got fleet.Settings) {
	t.Helper()
	write(t, "named.yml", "upstreams: [{url: http://c}]")
	args := []string{"--config.file=named.yml"}
	if value != "" {
		args = append(args, flag(o, value))
	}
	want, err := load(args)
	if err != nil {
		t.Fatal(err)
	}
	if api != want.API || got != want.Settings {
		t.Errorf("%s from %04b, %s: got %v %+v, want %v %+v", o.name, sources, who, api, got, want.API, want.Settings)
	}
}

func TestTheLatencyHistogramIsOnForOneUpstreamWithoutAName(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "one.yml", "upstreams: [{url: http://a}, {url: http://b, metrics: {latency-histogram: true}}]")
	for _, c := range []struct {
		args []string
		want []bool
	}{
		{nil, []bool{true}},
		{[]string{"--betanet.url=http://a"}, []bool{true}},
		{[]string{"--no-metrics.latency-histogram"}, []bool{false}},
		{[]string{"--betanet.url=http://a", "--betanet.url=http://b"}, []bool{false, false}},
		{[]string{"--betanet.url=http://a", "--betanet.url=http://b", "--metrics.latency-histogram"}, []bool{true, true}},
		{[]string{"--config.file=one.yml"}, []bool{false, true}},
	} {
		cfg, err := load(c.args)
		if err != nil {
			t.Fatal(err)
		}
		var got []bool
		for _, u := range cfg.Upstreams() {
			got = append(got, u.Settings.Histogram)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: got %v, want %v", c.args, got, c.want)
		}
	}
}
