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

// inspection is an exporter of published servers, with what it has to show of each.
type inspection struct {
	*process
	url       string
	servers   []*published
	condition map[*published]condition // not "" for those that do not answer
}

// inspect starts an exporter that collects from servers several times a second.
func inspect(t *testing.T, servers ...*published) *inspection {
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
	return &inspection{process: p, url: urls[0], servers: servers, condition: make(map[*published]condition)}
}

// agrees waits until everything that the exporter shows of its upstreams is what
// the servers computed.
func (i *inspection) agrees(t *testing.T, phase string) {
	t.Helper()
	failing := 0
	for _, c := range i.condition {
		if c != "" {
			failing++
		}
	}
	wait(t, phase, func() error {
		want := fleetOf(i.servers, failing)
		for _, s := range i.servers {
			for series, value := range s.collected(i.condition[s]) {
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
			return s.probed(i.condition[s]).compare(exposition)
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
	i := inspect(t, counting, derived, first, silent)
	i.agrees(t, "before a node was deployed")
	w := newWitness(t, i.url, []string{"counting", "derived", "first", "silent"})

	for _, s := range i.servers {
		s.deploy(t, 3)
	}
	silent.halt(1)
	i.agrees(t, "nodes without packets")

	began := time.Now()
	i.showsTraffic(t, w)
	i.showsSlowness(t, w, counting)
	i.isSilent(t, w, silent, began)
	i.showsRestarts(t, w, counting)
	i.tellsWhatIsWrong(t, counting)

	for _, s := range i.servers {
		for question := range s.questions() {
			switch question {
			case "GET /mixnodes", "POST /deploy", "GET /status": // the last two are the test's own
			case "GET /api/v1/metrics", "GET /api/v1/nodes/status", "GET /api/v1/network/stats":
			default:
				t.Errorf("%s was asked %s", s.name, question)
			}
		}
		if n := s.questions()["GET /status"]; s != counting && n > 0 || n > 1 {
			t.Errorf("%s was asked GET /status %d times, which locks it", s.name, n)
		}
	}
}

// showsTraffic has nodes carry packets at one loss after the other. The first is to
// put all counters above 0, as from there rates of different counters compare.
func (i *inspection) showsTraffic(t *testing.T, w *witness) {
	counting, derived, first := i.servers[0], i.servers[1], i.servers[2]
	for n, lost := range []struct{ counting, derived uint64 }{{50, 50}, {0, 100}, {10, 0}, {100, 10}} { // percent
		began := time.Now()
		fast := packets{40 * (100 - lost.counting), 40 * lost.counting, 20_017}
		slow := packets{10 * (100 - lost.counting), 10 * lost.counting, 33_333}
		counting.carry(fast, slow) // and the third node is idle
		derived.carry(packets{70 * (100 - lost.derived), 70 * lost.derived, 4_001})
		first.carry(packets{forwarded: 100, microseconds: 1})
		for _, s := range i.servers {
			s.pass(7)
		}
		i.agrees(t, fmt.Sprintf("losses of %d and %d %%", lost.counting, lost.derived))

		const mean = (4*20_017 + 33_333) / 5. / 1e6
		ratio := map[string]float64{"counting": float64(lost.counting) / 100, "derived": float64(lost.derived) / 100}
		for name, want := range ratio {
			w.records(t, ofExporter("upstream:betanet_packet_loss:ratio_rate5m", name), began, want)
			w.passes(t, panelExpression(t, "betanet-upstream", "Lost packets", name), began, want)
			if alert := only(alertExpression(t, "BetanetPacketLossHigh", span), name); want > 0.05 {
				w.passes(t, alert, began, want)
			} else {
				w.never(t, alert, began)
			}
		}
		w.records(t, ofExporter("upstream:betanet_latency_seconds:mean5m", "counting"), began, mean)
		w.passes(t, panelExpression(t, "betanet-upstream", "Average latency", "counting"), began, mean)
		w.records(t, ofExporter("upstream:betanet_latency_seconds:mean5m", "derived"), began, 0.004001)
		if n > 0 {
			all := (5*ratio["counting"] + 7*ratio["derived"]) / 12
			w.has(t, `job:betanet_packet_loss:ratio_rate5m{job="betanet-exporter"}`, began, all)
			w.has(t, panelExpression(t, "betanet-fleet", "Lost packets", ".*"), began, all)
		}
	}

	for _, s := range []*published{counting, derived, first} {
		w.has(t, only(alertExpression(t, "BetanetNoTraffic", span), s.name), time.Now().Add(-time.Second), 0)
	}
	all := counting.total()
	for series, want := range map[string]float64{
		"betanet_nodes_total": 3, "betanet_nodes_active": 3, "betanet_packets_processed_total": float64(all.processed),
		"betanet_packets_forwarded_total": float64(all.forwarded), "betanet_packets_dropped_total": float64(all.dropped),
		"betanet_avg_latency_ms": all.averageMS(),
	} {
		w.has(t, ofExporter(series, "counting"), time.Now().Add(-time.Second), want)
	}
	w.has(t, ofExporter("betanet_nodes_active", "silent"), time.Now().Add(-time.Second), 2)
	w.has(t, `betanet_avg_latency_ms{job="betanet-probe", instance="counting"}`, time.Now().Add(-time.Second), all.averageMS())
}

// only keeps of an alert's expression what is about one upstream of /metrics.
func only(expression, upstream string) string {
	return fmt.Sprintf("(%s) and on (job, instance, upstream) %s", expression, ofExporter("betanet_up", upstream))
}

// showsSlowness has one node take three seconds over a packet while the others are
// idle.
func (i *inspection) showsSlowness(t *testing.T, w *witness, s *published) {
	began := time.Now()
	s.carry(packets{}, packets{}, packets{forwarded: 500, microseconds: 3_000_000})
	i.agrees(t, "a slow node")
	w.passes(t, only(alertExpression(t, "BetanetLatencyHigh", span), s.name), began, 3)
	w.records(t, ofExporter("upstream:betanet_latency_seconds:mean5m", s.name), began, 3)
}

// isSilent holds everything about traffic to no value for a server that counts
// nothing.
func (i *inspection) isSilent(t *testing.T, w *witness, s *published, began time.Time) {
	for _, name := range []string{"BetanetNoTraffic", "BetanetLatencyHigh", "BetanetPacketLossHigh"} {
		w.never(t, only(alertExpression(t, name, span), s.name), began)
	}
	for _, series := range []string{"upstream:betanet_packet_loss:ratio_rate5m", "upstream:betanet_latency_seconds:mean5m", "betanet_avg_latency_ms"} {
		w.never(t, ofExporter(series, s.name), began)
		w.never(t, series+`{job="betanet-probe", instance="`+s.name+`"}`, began)
	}
	if page, err := get(i.url + "/upstream/" + s.name); err != nil || !strings.Contains(page, "no packet counted yet") {
		t.Errorf("the page of %s does not say that no packet was counted yet (%v)", s.name, err)
	}
}

// showsRestarts restarts a server until that is worth an alert.
func (i *inspection) showsRestarts(t *testing.T, w *witness, s *published) {
	began := time.Now()
	const often = 4
	for n := 1; n <= often; n++ {
		s.stop()
		i.condition[s] = "connect"
		i.agrees(t, "a server that is down")
		s.start(t)
		delete(i.condition, s)
		s.deploy(t, 2)
		i.agrees(t, "new nodes")
		s.carry(packets{90, 10, 1000}, packets{100, 0, 2500})
		i.agrees(t, "packets after a restart")
		w.has(t, ofExporter("betanet_exporter_upstream_resets_total", s.name), began, float64(n))
	}
	w.has(t, only(alertExpression(t, "BetanetCounterResets", "5m"), s.name), began, often)
	for _, counter := range []string{"betanet_messages_total", "betanet_packets_forwarded_total", "betanet_packets_dropped_total", "betanet_packet_latency_seconds_sum"} {
		w.has(t, "resets("+ofExporter(counter, s.name)+"[5m])", began, 0)
	}
}

// tellsWhatIsWrong breaks the document of a server, locks the server, and restarts
// it.
func (i *inspection) tellsWhatIsWrong(t *testing.T, s *published) {
	s.breakDocument(`[{"id":"m1","status":"active","packets_processed":1,"uptime_seconds":5},{"id":"m2","status":"active","packets_processed":1,"uptime_seconds":"5"}]`)
	i.condition[s] = "schema"
	i.agrees(t, "an invalid document")
	i.logs(t, "node m2: uptime_seconds is a string")
	unknownServer(t, s, "HTTP status 404; GET /mixnodes: node m2: uptime_seconds is a string")

	s.breakDocument("")
	delete(i.condition, s)
	i.agrees(t, "a valid document again")
	s.lock(t)
	i.condition[s] = "timeout"
	i.agrees(t, "a locked server")
	unknownServer(t, s, "HTTP status 404; GET /mixnodes: no answer in time")

	s.stop()
	s.start(t)
	delete(i.condition, s)
	s.deploy(t, 1)
	i.agrees(t, "the end of the lock")
	s.carry(packets{5, 5, 1000})
	i.agrees(t, "packets after the lock")
}

func (i *inspection) logs(t *testing.T, text string) {
	t.Helper()
	wait(t, "the log", func() error {
		if !i.log.Contains(text) {
			return fmt.Errorf("it does not say %q", text)
		}
		return nil
	})
}

// unknownServer has an exporter meet a server that it has not seen well: whatever
// shows the failure has to give the reason, not only that of API v1.
func unknownServer(t *testing.T, s *published, reason string) {
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
		if !p.log.Contains(reason) {
			return fmt.Errorf("it does not say %q:\n%s", reason, &p.log)
		}
		return nil
	})
	p.stop(t)
}
