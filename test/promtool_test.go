package test

import (
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
)

func TestPromtoolFindsNoProblemInMetrics(t *testing.T) {
	promtool := component(t, "promtool", "prometheus")
	for _, test := range []struct {
		name   string
		up     int // upstreams that are up
		serve  func(t *testing.T) (urls []string)
		series []string // that must exist, so that promtool checks them
	}{
		{"six upstreams with both APIs and one that refuses connections", 6, func(t *testing.T) []string {
			urls := append(simulate(t, "v1"), simulate(t, "mixnodes")...)
			return append(urls, "http://"+net.JoinHostPort("127.0.0.1", freePort(t, loopback)))
		}, []string{"betanet_messages_total{", "betanet_mixnode_up{", "betanet_exporter_endpoint_failing{", "betanet_packet_latency_seconds_count{"}},
		{
			"one upstream without a name", 1, func(t *testing.T) []string { return simulate(t, "v1")[:1] },
			[]string{"betanet_messages_total ", "betanet_message_latency_seconds_bucket{"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := mustGet(t, startExporterFor(t, test.up, test.serve(t))+"/metrics")
			for _, s := range test.series {
				if !strings.Contains(text, "\n"+s) {
					t.Errorf("no line in /metrics starts with %q", s)
				}
			}
			for _, finding := range promtoolFindings(t, promtool, text) {
				t.Errorf("promtool check metrics: %s", finding)
			}
		})
	}
}

// promtoolFindings returns what promtool reports about an exposition, by line.
func promtoolFindings(t *testing.T, promtool, metrics string) []string {
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
