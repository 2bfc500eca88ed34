package test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// prometheus3 is a Prometheus server with an OTLP receiver, which Debian's version does not
// have. Without cloud service discovery it builds in half the time.
var prometheus3 = moduleProgram{
	name: "prometheus", module: "github.com/prometheus/prometheus/cmd/prometheus@v0.316.0", flags: []string{"-tags=remove_all_sd"},
}

// startReceiver starts a Prometheus 3 server that only receives OTLP.
func startReceiver(t *testing.T, features ...string) string {
	t.Helper()
	return runPrometheus(t, prometheus3.path(t), "global: {}\n", append(features, "--web.enable-otlp-receiver")...)
}

// startPusher starts an exporter on a port that pushes to a receiver, and waits for a
// successful push.
func startPusher(t *testing.T, port string, s *fakeService, receiver string) *process {
	t.Helper()
	p := start(t, binary, "--betanet.url="+s.url, "--collect.interval=1s", "--web.listen-address=127.0.0.1:"+port,
		"--otlp.endpoint="+receiver+"/api/v1/otlp/v1/metrics", "--otlp.interval=1s", "--log.level=debug")
	wait(t, "pushes of "+p.String(), func() error {
		select {
		case <-p.Gone:
			t.Fatalf("%s ended: %v\n%s", p, p.Err, &p.log)
		default:
		}
		text, err := get("http://127.0.0.1:" + port + "/metrics")
		if err != nil {
			return err
		}
		if strings.Contains(text, `betanet_exporter_push_total{result="success"} 0`) {
			return errors.New("no push succeeded")
		}
		return nil
	})
	return p
}

// TestPrometheusReceivesPushedSeries pushes to a real server, which must then have every
// metric that a scrape would have stored.
func TestPrometheusReceivesPushedSeries(t *testing.T) {
	prometheus := startReceiver(t)
	s := startServices(t, 1)[0]
	port := freePort(t, loopback)
	startPusher(t, port, s, prometheus)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	labels := fmt.Sprintf(`job="betanet_exporter", instance="%s:%s"`, host, port)
	waitForValue(t, prometheus, "betanet_up{"+labels+"}", 1)
	waitForValue(t, prometheus, "betanet_mixnode_active{"+labels+"}", 1000)
	waitForValue(t, prometheus, "betanet_packets_dropped_total{"+labels+"}", 1e6)
	waitForValue(t, prometheus, "betanet_bytes_transmitted_total{"+labels+"}", 1e12)
	waitForValue(t, prometheus, `betanet_message_latency_seconds_bucket{le="0.5", `+labels+"}", 0)
	waitForIncrease(t, prometheus, `betanet_message_latency_seconds_bucket{le="1", `+labels+"}", 1)
	waitForIncrease(t, prometheus, "betanet_messages_total{"+labels+"}", 1)
	waitForIncrease(t, prometheus, "betanet_exporter_collections_total{"+labels+"}", 1)
	waitForValue(t, prometheus, "count(target_info{service_version!=\"\", "+labels+"})", 1)

	// Everything in a scrape must have been received.
	scraped := make(map[string]bool)
	for line := range strings.Lines(mustGet(t, "http://127.0.0.1:"+port+"/metrics")) {
		if name, _, found := strings.Cut(strings.ReplaceAll(line, "{", " "), " "); found && strings.HasPrefix(name, "betanet_") {
			scraped[name] = true
		}
	}
	if len(scraped) < 30 {
		t.Fatalf("a scrape has only %d names: %v", len(scraped), scraped)
	}
	for name := range scraped {
		wait(t, name, func() error {
			values, err := query(prometheus, name+"{"+labels+"}")
			if err == nil && len(values) == 0 {
				err = errors.New("not received")
			}
			return err
		})
	}
}

// TestRestartAfterAKillDoesNotLookLikeTraffic kills an exporter whose upstream has large
// counters, and starts another one. A Prometheus server must not see traffic, whether or not it
// uses start times.
func TestRestartAfterAKillDoesNotLookLikeTraffic(t *testing.T) {
	for name, features := range map[string][]string{
		"without start times": nil,
		"with start times":    {"--enable-feature=created-timestamp-zero-ingestion"},
	} {
		t.Run(name, func(t *testing.T) {
			prometheus := startReceiver(t, features...)
			s := startServices(t, 1)[0]
			began := time.Now()
			port := freePort(t, loopback)
			expectSteady := func() {
				t.Helper()
				waitForValue(t, prometheus, `betanet_bytes_transmitted_total{job="betanet_exporter"}`, 1e12)
			}
			first := startPusher(t, port, s, prometheus)
			expectSteady()
			waitForIncrease(t, prometheus, "betanet_exporter_collections_total", 1)
			first.kill()
			second := startPusher(t, port, s, prometheus)
			expectSteady()
			waitForIncrease(t, prometheus, "betanet_exporter_collections_total", 1)
			second.stop(t)
			over := fmt.Sprintf("[%ds]", int(time.Since(began).Seconds())+60)
			for _, counter := range []string{"betanet_bytes_transmitted_total", "betanet_bytes_received_total", "betanet_packets_dropped_total"} {
				waitForValue(t, prometheus, "max(increase("+counter+over+"))", 0)
				waitForValue(t, prometheus, "max(resets("+counter+over+"))", 0)
			}
			// The service counts its requests as messages, so only a few may be added.
			values, err := query(prometheus, "max(increase(betanet_messages_total"+over+")) < 1000")
			if err != nil || len(values) != 1 {
				t.Errorf("messages increased by %v, want only a few (%v)", values, err)
			}
			// The exporter's own counters restarted, which must be visible.
			values, err = query(prometheus, "max(resets(betanet_exporter_collections_total"+over+")) >= 1")
			if err != nil || len(values) != 1 {
				t.Errorf("the exporter's own counters were never reset (%v)", err)
			}
		})
	}
}
