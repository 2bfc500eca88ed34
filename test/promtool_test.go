package test

import (
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// kept are the findings of promtool that stay, with the reason. Names are an
// interface: programs are written against them.
var kept = map[string]string{
	// Not a name of the seed, but of our own interface page. The rule looks for
	// "counter" between underscores, meant for names such as requests_counter.
	// This series is about counters: it counts how often one of an upstream's fell.
	"betanet_exporter_counter_resets_total metric name should not include type 'counter'": "what is counted is resets of counters",
}

func TestPromtoolFindsNothingInMetrics(t *testing.T) {
	promtool := component(t, "promtool", "prometheus")
	for _, test := range []struct {
		name   string
		up     int // upstreams that are well
		serve  func(t *testing.T) (urls []string)
		series []string // that have to be there, so that they are looked at
	}{
		{"six upstreams of both APIs and one that refuses", 6, func(t *testing.T) []string {
			urls := append(simulate(t, "v1"), simulate(t, "mixnodes")...)
			return append(urls, "http://"+net.JoinHostPort("127.0.0.1", freePort(t, []string{"127.0.0.1"})))
		}, []string{"betanet_messages_total{", "betanet_mixnode_up{", "betanet_exporter_endpoint_failing{", "betanet_message_latency_seconds_bucket{"}},
		{
			"one upstream without a name", 1, func(t *testing.T) []string { return simulate(t, "v1")[:1] },
			[]string{"betanet_messages_total ", "betanet_message_latency_seconds_bucket{"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			metrics := expose(t, test.up, test.serve(t)) + "/metrics"
			text, err := get(metrics)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range test.series {
				if !strings.Contains(text, "\n"+s) {
					t.Errorf("no line in /metrics starts with %q", s)
				}
			}
			for _, finding := range check(t, promtool, text) {
				if reason := kept[finding]; reason != "" {
					t.Logf("%s: kept, because %s", finding, reason)
					continue
				}
				t.Errorf("promtool check metrics: %s", finding)
			}
		})
	}
}

// check is what promtool finds in an exposition, a line each.
func check(t *testing.T, promtool, metrics string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(metrics)
	out, err := cmd.CombinedOutput()
	const lint = 3 // promtool's exit code for findings; others are for errors
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == lint {
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	if err != nil || len(out) > 0 {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return nil
}
