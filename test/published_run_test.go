package test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A publishedFixture has an exporter of published servers, and their expected conditions.
type publishedFixture struct {
	*process
	url       string
	servers   []*publishedServer
	condition map[*publishedServer]condition // of the servers that fail
}

// newPublishedFixture starts an exporter that collects the servers several times per second.
func newPublishedFixture(t *testing.T, servers ...*publishedServer) *publishedFixture {
	t.Helper()
	var names, urls []string
	for _, s := range servers {
		names, urls = append(names, s.name), append(urls, s.url)
	}
	p, base := startExporter(t, "--config.file="+upstreamsFile(t, names, urls), "--metrics.latency-histogram",
		"--collect.interval=300ms", "--collect.timeout=250ms", "--retry.attempts=2", "--retry.backoff=20ms",
		"--breaker.failures=1000000", "--cache.ttl=100ms")
	return &publishedFixture{process: p, url: base, servers: servers, condition: make(map[*publishedServer]condition)}
}

// check waits until the exporter shows exactly the numbers of the servers.
func (f *publishedFixture) check(t *testing.T, phase string) {
	t.Helper()
	failing := 0
	for _, c := range f.condition {
		if c != "" {
			failing++
		}
	}
	waitForBody(t, phase, f.url+"/metrics", func(exposition string) error {
		want := fleetSeries(f.servers, failing)
		for _, s := range f.servers {
			for series, value := range s.metricsSeries(f.condition[s]) {
				want[series] = value
			}
		}
		return want.compare(exposition)
	})
	for _, s := range f.servers {
		waitForBody(t, phase+": /probe of "+s.name, f.url+"/probe?target="+s.name, func(exposition string) error {
			return s.probeSeries(f.condition[s]).compare(exposition)
		})
		waitForBody(t, phase+": /api/v1/status of "+s.name, f.url+"/api/v1/status", func(status string) error {
			return s.compareStatus(f.condition[s], status)
		})
	}
}

// TestNumbersAgreeWithThePublishedServer runs four servers: one that counts like the published
// server, and is restarted and locked; one whose nodes lack packets_forwarded; one of the
// first version; and one that counts nothing. At each stage the exporter must show the numbers
// of the servers, and the rules and dashboards in Prometheus must compute the correct values
// from them.
func TestNumbersAgreeWithThePublishedServer(t *testing.T) {
	counting := newPublished(t, "counting")
	derived := newPublished(t, "derived", "packets_forwarded")
	first := newPublished(t, "first", "packets_forwarded", "packets_dropped", "avg_latency_ms")
	silent := newPublished(t, "silent")
	f := newPublishedFixture(t, counting, derived, first, silent)
	f.check(t, "before nodes are deployed")
	m := newRuleMonitor(t, f.url, []string{"counting", "derived", "first", "silent"})

	for _, s := range f.servers {
		s.deploy(t, 3)
	}
	silent.stopNode(1)
	f.check(t, "nodes without packets")

	began := time.Now()
	f.testTraffic(t, m)
	f.testSlowness(t, m, counting)
	f.testSilence(t, m, silent, began)
	f.testRestarts(t, m, counting)
	f.testFailures(t, counting)

	for _, s := range f.servers {
		for request := range s.requests() {
			switch request {
			case "GET /mixnodes", "POST /deploy", "GET /status": // the test itself sends the last two
			case "GET /api/v1/metrics", "GET /api/v1/nodes/status", "GET /api/v1/network/stats":
			default:
				t.Errorf("%s got the request %s", s.name, request)
			}
		}
		if n := s.requests()["GET /status"]; s != counting && n > 0 || n > 1 {
			t.Errorf("%s got GET /status %d times, which locks it", s.name, n)
		}
	}
}

// testTraffic makes nodes process packets with different losses. The first round raises all
// counters above 0, because rates of different counters are comparable only after that.
func (f *publishedFixture) testTraffic(t *testing.T, m *ruleMonitor) {
	counting, derived, first := f.servers[0], f.servers[1], f.servers[2]
	for n, lost := range []struct{ counting, derived uint64 }{{50, 50}, {0, 100}, {10, 0}, {100, 10}} { // percent
		began := time.Now()
		fast := packets{40 * (100 - lost.counting), 40 * lost.counting, 20_017}
		slow := packets{10 * (100 - lost.counting), 10 * lost.counting, 33_333}
		counting.process(fast, slow) // the third node is idle
		derived.process(packets{70 * (100 - lost.derived), 70 * lost.derived, 4_001})
		first.process(packets{forwarded: 100, microseconds: 1})
		for _, s := range f.servers {
			s.advanceUptime(7)
		}
		f.check(t, fmt.Sprintf("losses of %d and %d %%", lost.counting, lost.derived))

		const mean = (4*20_017 + 33_333) / 5. / 1e6
		ratio := map[string]float64{"counting": float64(lost.counting) / 100, "derived": float64(lost.derived) / 100}
		for name, want := range ratio {
			m.expectMostly(t, upstreamSeries("upstream:betanet_packet_loss:ratio_rate5m", name), began, want)
			m.expectOnly(t, panelExpression(t, "betanet-upstream", "Lost packets", name), began, want)
			if alert := ofUpstream(alertExpression(t, "BetanetPacketLossHigh", rateWindow), name); want > 0.05 {
				m.expectOnly(t, alert, began, want)
			} else {
				m.expectNone(t, alert, began)
			}
		}
		m.expectMostly(t, upstreamSeries("upstream:betanet_latency_seconds:mean5m", "counting"), began, mean)
		m.expectOnly(t, panelExpression(t, "betanet-upstream", "Average latency", "counting"), began, mean)
		m.expectMostly(t, upstreamSeries("upstream:betanet_latency_seconds:mean5m", "derived"), began, 0.004001)
		if n > 0 {
			all := (5*ratio["counting"] + 7*ratio["derived"]) / 12
			m.expect(t, `job:betanet_packet_loss:ratio_rate5m{job="betanet-exporter"}`, began, all)
			m.expect(t, panelExpression(t, "betanet-fleet", "Lost packets", ".*"), began, all)
		}
	}

	for _, s := range []*publishedServer{counting, derived, first} {
		m.expect(t, ofUpstream(alertExpression(t, "BetanetNoTraffic", rateWindow), s.name), time.Now().Add(-time.Second), 0)
	}
	all := counting.total()
	for series, want := range map[string]float64{
		"betanet_nodes_total": 3, "betanet_nodes_active": 3, "betanet_packets_processed_total": float64(all.processed),
		"betanet_packets_forwarded_total": float64(all.forwarded), "betanet_packets_dropped_total": float64(all.dropped),
		"betanet_avg_latency_ms": all.averageMS(),
	} {
		m.expect(t, upstreamSeries(series, "counting"), time.Now().Add(-time.Second), want)
	}
	m.expect(t, upstreamSeries("betanet_nodes_active", "silent"), time.Now().Add(-time.Second), 2)
	m.expect(t, `betanet_avg_latency_ms{job="betanet-probe", instance="counting"}`, time.Now().Add(-time.Second), all.averageMS())
}

// ofUpstream limits the expression of an alert to one upstream of /metrics.
func ofUpstream(expression, upstream string) string {
	return fmt.Sprintf("(%s) and on (job, instance, upstream) %s", expression, upstreamSeries("betanet_up", upstream))
}

// testSlowness makes one node take three seconds per packet while the others are idle.
func (f *publishedFixture) testSlowness(t *testing.T, m *ruleMonitor, s *publishedServer) {
	began := time.Now()
	s.process(packets{}, packets{}, packets{forwarded: 500, microseconds: 3_000_000})
	f.check(t, "a slow node")
	m.expectOnly(t, ofUpstream(alertExpression(t, "BetanetLatencyHigh", rateWindow), s.name), began, 3)
	m.expectMostly(t, upstreamSeries("upstream:betanet_latency_seconds:mean5m", s.name), began, 3)
}

// testSilence checks that traffic series and alerts have no value for a server that counts
// nothing.
func (f *publishedFixture) testSilence(t *testing.T, m *ruleMonitor, s *publishedServer, began time.Time) {
	for _, name := range []string{"BetanetNoTraffic", "BetanetLatencyHigh", "BetanetPacketLossHigh"} {
		m.expectNone(t, ofUpstream(alertExpression(t, name, rateWindow), s.name), began)
	}
	for _, series := range []string{"upstream:betanet_packet_loss:ratio_rate5m", "upstream:betanet_latency_seconds:mean5m", "betanet_avg_latency_ms"} {
		m.expectNone(t, upstreamSeries(series, s.name), began)
		m.expectNone(t, series+`{job="betanet-probe", instance="`+s.name+`"}`, began)
	}
	if page, err := get(f.url + "/upstream/" + s.name); err != nil || !strings.Contains(page, "no packets counted yet") {
		t.Errorf("the page of %s does not show that no packet was counted (%v)", s.name, err)
	}
}

// testRestarts restarts a server until BetanetCounterResets fires.
func (f *publishedFixture) testRestarts(t *testing.T, m *ruleMonitor, s *publishedServer) {
	began := time.Now()
	const restarts = 4
	for n := 1; n <= restarts; n++ {
		s.stop()
		f.condition[s] = "connect"
		f.check(t, "a server that is down")
		s.start(t)
		delete(f.condition, s)
		s.deploy(t, 2)
		f.check(t, "new nodes")
		s.process(packets{90, 10, 1000}, packets{100, 0, 2500})
		f.check(t, "packets after a restart")
		m.expect(t, upstreamSeries("betanet_exporter_upstream_resets_total", s.name), began, float64(n))
	}
	m.expect(t, ofUpstream(alertExpression(t, "BetanetCounterResets", "5m"), s.name), began, restarts)
	for _, counter := range []string{"betanet_messages_total", "betanet_packets_forwarded_total", "betanet_packets_dropped_total", "betanet_packet_latency_seconds_sum"} {
		m.expect(t, "resets("+upstreamSeries(counter, s.name)+"[5m])", began, 0)
	}
}

// testFailures breaks the document of a server, locks the server, and restarts it.
func (f *publishedFixture) testFailures(t *testing.T, s *publishedServer) {
	s.breakDocument(`[{"id":"m1","status":"active","packets_processed":1,"uptime_seconds":5},{"id":"m2","status":"active","packets_processed":1,"uptime_seconds":"5"}]`)
	f.condition[s] = "schema"
	f.check(t, "an invalid document")
	waitForLog(t, f.process, "node m2: uptime_seconds is a string")
	checkUndetectedAPI(t, s, "HTTP status 404; GET /mixnodes: node m2: uptime_seconds is a string")

	s.breakDocument("")
	delete(f.condition, s)
	f.check(t, "a valid document again")
	s.lock(t)
	f.condition[s] = "timeout"
	f.check(t, "a locked server")
	checkUndetectedAPI(t, s, "HTTP status 404; GET /mixnodes: no answer in time")

	s.stop()
	s.start(t)
	delete(f.condition, s)
	s.deploy(t, 1)
	f.check(t, "after the lock")
	s.process(packets{5, 5, 1000})
	f.check(t, "packets after the restart that ended the lock")
}

// waitForLog waits until the log of a process contains a text.
func waitForLog(t *testing.T, p *process, text string) {
	t.Helper()
	wait(t, "the log", func() error {
		if !p.log.Contains(text) {
			return fmt.Errorf("no %q in\n%s", text, &p.log)
		}
		return nil
	})
}

// checkUndetectedAPI starts an exporter for a server that already fails, so that its API is
// not known. Everything that shows the failure must include the result of /mixnodes, not only
// the result of API v1.
func checkUndetectedAPI(t *testing.T, s *publishedServer, reason string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "collect", "--output=table", "--collect.timeout=1s", "--retry.attempts=1", s.url)
	table, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(table), reason) {
		t.Errorf("%s: %v, no %q in\n%s", cmd, err, reason, table)
	}

	p, base := startExporter(t, "--betanet.url="+s.url, "--collect.interval=500ms")
	for _, path := range []string{"/api/v1/status", "/health/details", "/", "/upstream/" + host(s.url)} {
		waitForBody(t, path, base+path, contains(reason))
	}
	waitForLog(t, p, reason)
	p.stop(t)
}
