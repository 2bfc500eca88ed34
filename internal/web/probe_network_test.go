package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/probe"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// TestProbesOverTheNetwork probes a service over loopback, with the resolver of the
// operating system.
func TestProbesOverTheNetwork(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, map[string]string{
			betanet.Metrics.Path(): `{"packets_processed":77,"packets_dropped":10}`,
			betanet.Nodes.Path():   `{"active_nodes":5,"inactive_nodes":2,"total_nodes":7}`,
			betanet.Network.Path(): `{"bytes_transmitted":1,"bytes_received":5,"avg_latency_ms":45.0,"peak_throughput":1}`,
		}[r.URL.Path])
	}))
	t.Cleanup(upstream.Close)
	at := upstream.Listener.Addr().(*net.TCPAddr).AddrPort()
	_, port, _ := net.SplitHostPort(upstream.Listener.Addr().String())

	o := Options{Registry: registry(), Probe: targetsOn(t, at)}
	for target, want := range map[string]string{
		"edge-1":                        "betanet_messages_total 77",
		at.String():                     "betanet_messages_total 77",
		"localhost:" + port:             "betanet_messages_total 77",
		"[::ffff:127.0.0.1]:" + port:    "betanet_messages_total 77",
		"127.0.0.99:" + port:            `betanet_exporter_endpoint_failing{endpoint="metrics",reason="connect"} 1`,
		"node.betanet.invalid:9000":     `betanet_exporter_endpoint_failing{endpoint="metrics",reason="dns"} 1`,
		"127.0.0.1:1":                   "403 target not allowed",
		"http://127.0.0.1:" + port:      "400 malformed target",
		"2130706433:" + port:            "400 malformed target",
		"edge-2":                        "400 malformed target",
		strings.Repeat("x", 5000):       "400 malformed target",
		"\"\n<script>" + port + ":9000": `400 malformed target "\"\n<script>`,
	} {
		r := serve(t, o, "GET", "/probe?target="+url.QueryEscape(target))
		got := body(t, r)
		if r.StatusCode != 200 {
			got = fmt.Sprintf("\n%d %s", r.StatusCode, got)
		}
		if !strings.Contains(got, "\n"+want) {
			t.Errorf("%.50q: got %s, want %s", target, got, want)
		}
		if r.StatusCode != 200 && (len(got) > 400 || strings.Count(got, "\n") != 2) {
			t.Errorf("%.50q: got %d bytes, want one short line: %s", target, len(got), got)
		}
	}
}

// targetsOn returns targets that allow a service on loopback, by the name edge-1 and
// by its address, and host names that do not exist.
func targetsOn(t *testing.T, at netip.AddrPort) *probe.Targets {
	ctx, cancel := context.WithCancel(context.Background())
	poller := poll.New(poll.Options{Publish: func(*fleet.View) {}, Report: func(poll.Event) {}})
	var polling sync.WaitGroup
	polling.Go(func() { poller.Run(ctx) })
	named := upstreamAt("edge-1")
	named.URLs = []*url.URL{{Scheme: "http", Host: at.String()}}
	named.Settings = fleet.Settings{
		Interval: 15 * time.Second, Timeout: 5 * time.Second, RequestTimeout: 5 * time.Second, Attempts: 1, Jitter: retry.None,
		Backoff: time.Second, MaxBackoff: time.Second, BreakerFailures: 5, BreakerOpen: 30 * time.Second,
	}
	if err := poller.Add(ctx, named, false); err != nil {
		t.Fatal(err)
	}
	targets := probe.New(ctx, probe.Options{
		Poller: poller, Settings: named.Settings, API: betanet.V1,
		Lookup: func(name string) *fleet.Upstream { return map[string]*fleet.Upstream{"edge-1": named}[name] },
	})
	targets.SetRules([]probe.Rule{
		{Prefix: netip.MustParsePrefix("127.0.0.0/8"), Port: at.Port()},
		{Prefix: netip.MustParsePrefix("::1/128"), Port: at.Port()},
		{Glob: "*.betanet.invalid", Port: 9000},
	})
	t.Cleanup(func() {
		cancel()
		targets.Wait()
		polling.Wait()
	})
	return targets
}
