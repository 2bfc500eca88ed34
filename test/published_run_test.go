package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// publishedFixture is an exporter of published servers, with what it has to show of each.
type publishedFixture struct {
	*process
	url       string
	servers   []*publishedServer
	condition map[*publishedServer]condition // not "" for those that do not answer
}

// newPublishedFixture starts an exporter that collects from servers several times a second.
func newPublishedFixture(t *testing.T, servers ...*publishedServer) *publishedFixture {
	t.Helper()
	var config strings.Builder
	config.WriteString("upstreams:\n")
	for _, s := range servers {
		fmt.Fprintf(&config, "- {name: %s, url: %q}\n", s.name, s.url)
	}
	file := filepath.Join(t.TempDir(), "exporter.yml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p, urls := serve(t, []string{"127.0.0.1"}, "/-/ready", binary, func(port string) []string {
		return []string{
			"--web.listen-address=127.0.0.1:" + port, "--config.file=" + file, "--metrics.latency-histogram",
			"--collect.interval=300ms", "--collect.timeout=250ms", "--retry.attempts=2", "--retry.backoff=20ms",
			"--breaker.failures=1000000", "--cache.ttl=100ms",
		}
	})
	return &publishedFixture{process: p, url: urls[0], servers: servers, condition: make(map[*publishedServer]condition)}
}

// check waits until everything that the exporter shows of its upstreams is what
// the servers computed.
func (i *publishedFixture) check(t *testing.T, phase string) {
	t.Helper()
	failing := 0
	for _, c := range i.condition {
		if c != "" {
			failing++
		}
	}
	wait(t, phase, func() error {
		want := inFleet(i.servers, failing)
		for _, s := range i.servers {
			for series, value := range s.inMetrics(i.condition[s]) {
				want[series] = value
			}
		}
		exposition, err := get(i.url + "/metrics")
		if err != nil {
			return err
		}
		return want.compare(exposition)
	})
	for _, s := range i.servers {
		wait(t, phase+": /probe of "+s.name, func() error {
			exposition, err := get(i.url + "/probe?target=" + s.name)
			if err != nil {
				return err
			}
			return s.inProbe(i.condition[s]).compare(exposition)
		})
		wait(t, phase+": /api/v1/status of "+s.name, func() error {
			status, err := get(i.url + "/api/v1/status")
			if err != nil {
				return err
			}
			return s.inStatus(i.condition[s], status)
		})
	}
}

// TestNumbersAgreeWithThePublishedServer has a server that counts as the published
// one does deployed, busy, losing packets, restarted and locked, beside one whose
// nodes do not give packets_forwarded, one of the first version, and one that counts
// nothing. At each stage the exporter has to show the numbers that the servers
// themselves computed, and Prometheus has to make the right ones of them.
func TestNumbersAgreeWithThePublishedServer(t *testing.T) {
	counting := newPublished(t, "counting")
	derived := newPublished(t, "derived", "packets_forwarded")
	first := newPublished(t, "first", "packets_forwarded", "packets_dropped", "avg_latency_ms")
	silent := newPublished(t, "silent")
	i := newPublishedFixture(t, counting, derived, first, silent)
	i.check(t, "before a node was deployed")
	w := newRuleMonitor(t, i.url, []string{"counting", "derived", "first", "silent"})

	for _, s := range i.servers {
		s.deploy(t, 3)
	}
	silent.stopNode(1)
	i.check(t, "nodes without packets")

	began := time.Now()
	i.testTraffic(t, w)
	i.testSlowness(t, w, counting)
	i.testSilence(t, w, silent, began)
	i.testRestarts(t, w, counting)
	i.testFailures(t, counting)

	for _, s := range i.servers {
		for question := range s.requests() {
			switch question {
			case "GET /mixnodes", "POST /deploy", "GET /status": // the last two are the test's own
			case "GET /api/v1/metrics", "GET /api/v1/nodes/status", "GET /api/v1/network/stats":
			default:
				t.Errorf("%s was asked %s", s.name, question)
			}
		}
		if n := s.requests()["GET /status"]; s != counting && n > 0 || n > 1 {
			t.Errorf("%s was asked GET /status %d times, which locks it", s.name, n)
		}
	}
}

// testTraffic has nodes carry packets at one loss after the other. The first is to
// put all counters above 0, as from there rates of different counters compare.
func (i *publishedFixture) testTraffic(t *testing.T, w *ruleMonitor) {
	counting, derived, first := i.servers[0], i.servers[1], i.servers[2]
	for n, lost := range []struct{ counting, derived uint64 }{{50, 50}, {0, 100}, {10, 0}, {100, 10}} { // percent
		began := time.Now()
		fast := packets{40 * (100 - lost.counting), 40 * lost.counting, 20_017}
		slow := packets{10 * (100 - lost.counting), 10 * lost.counting, 33_333}
		counting.process(fast, slow) // and the third node is idle
		derived.process(packets{70 * (100 - lost.derived), 70 * lost.derived, 4_001})
		first.process(packets{forwarded: 100, microseconds: 1})
		for _, s := range i.servers {
			s.advanceUptime(7)
		}
		i.check(t, fmt.Sprintf("losses of %d and %d %%", lost.counting, lost.derived))

		const mean = (4*20_017 + 33_333) / 5. / 1e6
		ratio := map[string]float64{"counting": float64(lost.counting) / 100, "derived": float64(lost.derived) / 100}
		for name, want := range ratio {
			w.hadMostly(t, ofExporter("upstream:betanet_packet_loss:ratio_rate5m", name), began, want)
			w.hadOnly(t, panelExpression(t, "betanet-upstream", "Lost packets", name), began, want)
			if alert := only(alertExpression(t, "BetanetPacketLossHigh", span), name); want > 0.05 {
				w.hadOnly(t, alert, began, want)
			} else {
				w.hadNone(t, alert, began)
			}
		}
		w.hadMostly(t, ofExporter("upstream:betanet_latency_seconds:mean5m", "counting"), began, mean)
		w.hadOnly(t, panelExpression(t, "betanet-upstream", "Average latency", "counting"), began, mean)
		w.hadMostly(t, ofExporter("upstream:betanet_latency_seconds:mean5m", "derived"), began, 0.004001)
		if n > 0 {
			all := (5*ratio["counting"] + 7*ratio["derived"]) / 12
			w.had(t, `job:betanet_packet_loss:ratio_rate5m{job="betanet-exporter"}`, began, all)
			w.had(t, panelExpression(t, "betanet-fleet", "Lost packets", ".*"), began, all)
		}
	}

	for _, s := range []*publishedServer{counting, derived, first} {
		w.had(t, only(alertExpression(t, "BetanetNoTraffic", span), s.name), time.Now().Add(-time.Second), 0)
	}
	all := counting.total()
	for series, want := range map[string]float64{
		"betanet_nodes_total": 3, "betanet_nodes_active": 3, "betanet_packets_processed_total": float64(all.processed),
		"betanet_packets_forwarded_total": float64(all.forwarded), "betanet_packets_dropped_total": float64(all.dropped),
		"betanet_avg_latency_ms": all.averageMS(),
	} {
		w.had(t, ofExporter(series, "counting"), time.Now().Add(-time.Second), want)
	}
	w.had(t, ofExporter("betanet_nodes_active", "silent"), time.Now().Add(-time.Second), 2)
	w.had(t, `betanet_avg_latency_ms{job="betanet-probe", instance="counting"}`, time.Now().Add(-time.Second), all.averageMS())
}

// only keeps of an alert's expression what is about one upstream of /metrics.
func only(expression, upstream string) string {
	return fmt.Sprintf("(%s) and on (job, instance, upstream) %s", expression, ofExporter("betanet_up", upstream))
}

// testSlowness has one node take three seconds over a packet while the others are
// idle.
func (i *publishedFixture) testSlowness(t *testing.T, w *ruleMonitor, s *publishedServer) {
	began := time.Now()
	s.process(packets{}, packets{}, packets{forwarded: 500, microseconds: 3_000_000})
	i.check(t, "a slow node")
	w.hadOnly(t, only(alertExpression(t, "BetanetLatencyHigh", span), s.name), began, 3)
	w.hadMostly(t, ofExporter("upstream:betanet_latency_seconds:mean5m", s.name), began, 3)
}

// testSilence holds everything about traffic to no value for a server that counts
// nothing.
func (i *publishedFixture) testSilence(t *testing.T, w *ruleMonitor, s *publishedServer, began time.Time) {
	for _, name := range []string{"BetanetNoTraffic", "BetanetLatencyHigh", "BetanetPacketLossHigh"} {
		w.hadNone(t, only(alertExpression(t, name, span), s.name), began)
	}
	for _, series := range []string{"upstream:betanet_packet_loss:ratio_rate5m", "upstream:betanet_latency_seconds:mean5m", "betanet_avg_latency_ms"} {
		w.hadNone(t, ofExporter(series, s.name), began)
		w.hadNone(t, series+`{job="betanet-probe", instance="`+s.name+`"}`, began)
	}
	if page, err := get(i.url + "/upstream/" + s.name); err != nil || !strings.Contains(page, "no packet counted yet") {
		t.Errorf("the page of %s does not say that no packet was counted yet (%v)", s.name, err)
	}
}

// testRestarts restarts a server until that is worth an alert.
func (i *publishedFixture) testRestarts(t *testing.T, w *ruleMonitor, s *publishedServer) {
	began := time.Now()
	const often = 4
	for n := 1; n <= often; n++ {
		s.stop()
		i.condition[s] = "connect"
		i.check(t, "a server that is down")
		s.start(t)
		delete(i.condition, s)
		s.deploy(t, 2)
		i.check(t, "new nodes")
		s.process(packets{90, 10, 1000}, packets{100, 0, 2500})
		i.check(t, "packets after a restart")
		w.had(t, ofExporter("betanet_exporter_upstream_resets_total", s.name), began, float64(n))
	}
	w.had(t, only(alertExpression(t, "BetanetCounterResets", "5m"), s.name), began, often)
	for _, counter := range []string{"betanet_messages_total", "betanet_packets_forwarded_total", "betanet_packets_dropped_total", "betanet_packet_latency_seconds_sum"} {
		w.had(t, "resets("+ofExporter(counter, s.name)+"[5m])", began, 0)
	}
}

// testFailures breaks the document of a server, locks the server, and restarts
// it.
func (i *publishedFixture) testFailures(t *testing.T, s *publishedServer) {
	s.breakDocument(`[{"id":"m1","status":"active","packets_processed":1,"uptime_seconds":5},{"id":"m2","status":"active","packets_processed":1,"uptime_seconds":"5"}]`)
	i.condition[s] = "schema"
	i.check(t, "an invalid document")
	i.waitForLog(t, "node m2: uptime_seconds is a string")
	checkUnknownServer(t, s, "HTTP status 404; GET /mixnodes: node m2: uptime_seconds is a string")

	s.breakDocument("")
	delete(i.condition, s)
	i.check(t, "a valid document again")
	s.lock(t)
	i.condition[s] = "timeout"
	i.check(t, "a locked server")
	checkUnknownServer(t, s, "HTTP status 404; GET /mixnodes: no answer in time")

	s.stop()
	s.start(t)
	delete(i.condition, s)
	s.deploy(t, 1)
	i.check(t, "the end of the lock")
	s.process(packets{5, 5, 1000})
	i.check(t, "packets after the lock")
}

func (i *publishedFixture) waitForLog(t *testing.T, text string) {
	t.Helper()
	wait(t, "the log", func() error {
		if !i.out.contains(text) {
			return fmt.Errorf("it does not say %q", text)
		}
		return nil
	})
}

// checkUnknownServer has an exporter meet a server that it has not seen well: whatever
// shows the failure has to give the reason, not only that of API v1.
func checkUnknownServer(t *testing.T, s *publishedServer, reason string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "collect", "--output=table", "--collect.timeout=1s", "--retry.attempts=1", s.url)
	table, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(table), reason) {
		t.Errorf("%s: %v, does not say %q:\n%s", cmd, err, reason, table)
	}

	p, urls := serve(t, []string{"127.0.0.1"}, "/-/ready", binary, func(port string) []string {
		return []string{"--web.listen-address=127.0.0.1:" + port, "--betanet.url=" + s.url, "--collect.interval=500ms"}
	})
	for _, path := range []string{"/api/v1/status", "/health/details", "/", "/upstream/" + host(s.url)} {
		wait(t, path, func() error {
			body, err := get(urls[0] + path)
			if err == nil && !strings.Contains(body, reason) {
				err = fmt.Errorf("it does not say %q: %.2000s", reason, body)
			}
			return err
		})
	}
	wait(t, "the log", func() error {
		if !p.out.contains(reason) {
			return fmt.Errorf("it does not say %q:\n%s", reason, p.out.tail())
		}
		return nil
	})
	p.stop(t)
}
