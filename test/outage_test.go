package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// outage is a Prometheus server that has scraped a fleet in which one upstream failed
// for a while and recovered.
type outage struct {
	prometheus string
	from, to   time.Time
	discovered string // name of the discovered upstream
}

// runOutage scrapes four jobs through an outage: an exporter of a fleet, an exporter of one
// service, a probe, and a program that is not this exporter.
func runOutage(t *testing.T) *outage {
	t.Helper()
	server := component(t, "prometheus", "prometheus")
	v1, mixnodes := simulate(t, "v1"), simulate(t, "mixnodes")
	_, flaky := startSimulator(t, "v1", 1, "--fault=http500", "--fault.every=20s", "--fault.for=8s")
	discovered := strings.TrimPrefix(mixnodes[1], "http://")
	ca := newCA()
	secured, err := url.Parse(v1[1])
	if err != nil {
		t.Fatal(err)
	}
	secure := startTLS(t, ca, httputil.NewSingleHostReverseProxy(secured))

	config := tempFile(t, "fleet.yml", fmt.Sprintf(`
defaults: {metrics: {mixnodes: 1}}
upstreams:
- {name: edge, url: %q, labels: {region: eu}}
- {name: flaky, url: %q}
- {name: mix, url: %q}
- {name: core, replicas: [%q, %q]}
- {name: secure, url: "https://%s", http_client: {tls_config: {ca_file: ca.crt}}}
discovery: {files: [{paths: [found.json]}]}
`, v1[0], flaky[0], mixnodes[0], v1[1], v1[2], secure))
	writeFile(t, filepath.Join(filepath.Dir(config), "found.json"), fmt.Sprintf(`[{"targets": [%q]}]`, discovered))
	writeFile(t, filepath.Join(filepath.Dir(config), "ca.crt"), string(ca.PEM()))

	fleet := startFastExporter(t, "--config.file="+config, "--otlp.endpoint=http://127.0.0.1:1", "--otlp.interval=1s") // nothing listens there
	one := startFastExporter(t, "--betanet.url="+flaky[0])
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "go_goroutines 1\nprocess_resident_memory_bytes 1")
	}))
	t.Cleanup(other.Close)
	o := &outage{from: time.Now(), discovered: discovered}
	o.prometheus = runPrometheus(t, server, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- {job_name: fleet, static_configs: [{targets: [%q]}]}
- {job_name: one, static_configs: [{targets: [%q]}]}
- {job_name: probe, metrics_path: /probe, params: {target: [flaky]}, static_configs: [{targets: [%q]}]}
- {job_name: other, static_configs: [{targets: [%q]}]}
`, host(fleet), host(one), host(fleet), host(other.URL)))

	// Wait until, in the first three jobs, the values of the upstream flaky were stale and then
	// expired, its breaker was open, and then everything was up for longer than the window of a
	// rate.
	for _, expr := range []string{
		`max_over_time(betanet_exporter_data_stale{upstream=~"flaky|"}[10m]) == 1`,
		`max_over_time(betanet_exporter_circuit_breaker_state{upstream=~"flaky|", endpoint="metrics"}[10m]) == 2`,
		`max_over_time((betanet_up{upstream=~"flaky|"} == 0 unless on (job) betanet_messages_total{upstream=~"flaky|"})[10m:1s]) == 0`,
		`min_over_time(betanet_up{upstream=~"flaky|"}[5s]) == 1 and count_over_time(betanet_up[5s]) >= 4`,
	} {
		waitForValue(t, o.prometheus, "count("+expr+")", 3)
	}
	o.to = time.Now()
	return o
}

// startFastExporter starts an exporter with short intervals and limits, and returns its base URL.
func startFastExporter(t *testing.T, settings ...string) string {
	t.Helper()
	_, base := startExporter(t, append(settings, "--collect.interval=1s", "--retry.backoff=100ms",
		"--breaker.failures=3", "--breaker.open=2s", "--cache.max-stale=4s")...)
	return base
}

// queryRange queries an expression of a dashboard during the outage.
func (o *outage) queryRange(t *testing.T, expr string, values map[string]string) []curve {
	t.Helper()
	curves, err := queryRange(o.prometheus, substitute(t, expr, values), o.from, o.to)
	if err != nil {
		t.Error(err)
	}
	return curves
}

// panel queries the expressions of one panel.
func (o *outage) panel(t *testing.T, d *dashboard, title string, selected map[string][]string) [][]curve {
	t.Helper()
	values := d.variableValues(t, o.prometheus, selected)
	for _, p := range d.Panels {
		if p.Title != title || p.Type == "row" || p.Type == "stat" {
			continue
		}
		var all [][]curve
		for _, q := range p.Targets {
			all = append(all, o.queryRange(t, q.Expr, values))
		}
		return all
	}
	t.Fatalf("%s has no panel %q", d.UID, title)
	return nil
}
