package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// alert is an alert as Alertmanager receives and sends it.
type alert struct {
	Status      string            `json:"status,omitempty"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// webhook receives the notifications of Alertmanager and keeps their alerts by path.
type webhook struct {
	url string

	mu       sync.Mutex
	received map[string][]alert
}

func startWebhook(t *testing.T) *webhook {
	h := &webhook{received: make(map[string][]alert)}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message struct{ Alerts []alert }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.received[r.URL.Path] = append(h.received[r.URL.Path], message.Alerts...)
}

// waitFor waits until the last alert with exactly these labels that was received at a path
// has the given status, and returns its annotations.
func (h *webhook) waitFor(t *testing.T, path, status string, labels map[string]string) (annotations map[string]string) {
	t.Helper()
	wait(t, fmt.Sprintf("%s receives that %v is %s", path, labels, status), func() error {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, a := range slices.Backward(h.received[path]) {
			switch {
			case !maps.Equal(a.Labels, labels):
				continue
			case a.Status != status:
				return fmt.Errorf("the last status is %s", a.Status)
			}
			annotations = a.Annotations
			return nil
		}
		return fmt.Errorf("received only %v", h.received[path])
	})
	return annotations
}

// startAlertmanager starts Alertmanager with the example as its configuration, except
// that it notifies the webhook after a second.
func startAlertmanager(t *testing.T, h *webhook) string {
	t.Helper()
	program := component(t, "prometheus-alertmanager", "prometheus-alertmanager")
	config := tempFile(t, "alertmanager.yml", fileWith(t, filepath.Join("monitoring", "alertmanager.yml"),
		"http://127.0.0.1:8080/", h.url+"/", "group_wait: 30s", "group_wait: 1s", "group_interval: 5m", "group_interval: 1s"))
	_, urls := serve(t, loopback, "/-/ready", program, func(port string) []string {
		return []string{
			"--config.file=" + config, "--storage.path=" + filepath.Join(filepath.Dir(config), "data"),
			"--web.listen-address=127.0.0.1:" + port, "--cluster.listen-address=",
		}
	})
	return urls[0]
}

// shortAlerts writes the shipped alerts with durations and windows of seconds, and returns
// the file.
func shortAlerts(t *testing.T) string {
	t.Helper()
	text := readFile(t, alertsFile)
	for _, r := range []struct{ pattern, short string }{
		{`for: \d+m\n`, "for: 2s\n"}, {`\[\d+[mh]\]`, "[10s]"}, {`offset \d+m\b`, "offset 10s"},
	} {
		old := regexp.MustCompile(r.pattern)
		if !old.MatchString(text) {
			t.Fatalf("%s has no %q", alertsFile, r.pattern)
		}
		text = old.ReplaceAllString(text, r.short)
	}
	if n, all := strings.Count(text, "for: 2s\n"), len(readRules(t, alertsFile)); n != all {
		t.Fatalf("%d of %d alerts have for: 2s", n, all)
	}
	return tempFile(t, "alerts.yml", text)
}

func TestAlertmanagerNotifiesOfAnOutageAndItsEnd(t *testing.T) {
	server := component(t, "prometheus", "prometheus")
	component(t, "prometheus-alertmanager", "prometheus-alertmanager")
	const page = "https://github.com/betanet/betanet_exporter/blob/main/docs/runbook.md"
	h := startWebhook(t)
	service, first := startSimulator(t, "v1", 1)
	_, second := startSimulator(t, "v1", 1)
	exporter, base := startExporter(t, "--betanet.url="+first[0], "--betanet.url="+second[0], "--collect.interval=1s", "--breaker.open=1s")
	prometheus := runPrometheus(t, server, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%q]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
scrape_configs: [{job_name: betanet-exporter, static_configs: [{targets: [%q]}]}]
`, shortAlerts(t), host(startAlertmanager(t, h)), host(base)))
	waitForValue(t, prometheus, `count(betanet_up == 1)`, 2)

	service.kill()
	down := map[string]string{
		"alertname": "BetanetDown", "severity": "critical",
		"job": "betanet-exporter", "instance": host(base), "upstream": host(first[0]),
	}
	got := h.waitFor(t, "/pager", "firing", down)
	if want := map[string]string{
		"summary": fmt.Sprintf("Betanet %s is down", host(first[0])),
		"description": fmt.Sprintf("No endpoint of %s has returned a valid document to %s (job betanet-exporter) for more than 2 minutes. "+
			"betanet_exporter_endpoint_failing has the reasons.", host(first[0]), host(base)),
		"runbook_url": page + "#betanetdown",
	}; !maps.Equal(got, want) {
		t.Errorf("BetanetDown: got the annotations\n%v\nwant\n%v", got, want)
	}
	start(t, binary, service.Cmd.Args[1:]...)
	h.waitFor(t, "/pager", "resolved", down)

	exporter.kill()
	got = h.waitFor(t, "/pager", "firing", map[string]string{
		"alertname": "BetanetExporterDown", "severity": "critical", "job": "betanet-exporter", "instance": host(base),
	})
	if want := page + "#betanetexporterdown"; got["runbook_url"] != want {
		t.Errorf("the runbook_url of BetanetExporterDown is %q, want %q", got["runbook_url"], want)
	}
	checkRuleHealth(t, prometheus)
}

// checkRuleHealth checks that no rule has an error. A rule that promtool accepts may still
// match two series where it needs one.
func checkRuleHealth(t *testing.T, prometheus string) {
	t.Helper()
	var response struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := getJSON(prometheus+"/api/v1/rules", &response); err != nil {
		t.Fatal(err)
	}
	rules := 0
	for _, group := range response.Data.Groups {
		for _, r := range group.Rules {
			if rules++; r.Health != "ok" {
				t.Errorf("rule %s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if want := len(readRules(t, alertsFile)); rules != want {
		t.Errorf("Prometheus evaluates %d rules, want %d", rules, want)
	}
}

// One root cause must cause one notification: the example inhibits the alerts that
// follow from another alert, and no others.
func TestAlertmanagerInhibitsConsequencesOfAnotherAlert(t *testing.T) {
	labelsOf := func(name, instance, upstream, endpoint, replica string) map[string]string {
		labels := map[string]string{"alertname": name, "job": "betanet-exporter", "instance": instance, "upstream": upstream, "endpoint": endpoint, "replica": replica}
		maps.DeleteFunc(labels, func(_, v string) bool { return v == "" })
		return labels
	}
	base := startAlertmanager(t, startWebhook(t))
	wants := []struct {
		labels    map[string]string
		inhibited bool
	}{
		{labelsOf("BetanetExporterDown", "down", "", "", ""), false},
		{labelsOf("BetanetPacketLossHigh", "down", "edge", "", ""), true},
		{labelsOf("BetanetReloadFailed", "down", "", "", ""), true},
		{labelsOf("BetanetPacketLossHigh", "running", "edge", "", ""), false},
		{labelsOf("BetanetFleetCoverageLow", "", "", "", ""), false},

		{labelsOf("BetanetDown", "many", "edge-1", "", ""), false},
		{labelsOf("BetanetDataStale", "many", "edge-1", "nodes", ""), true},
		{labelsOf("BetanetCircuitBreakerOpen", "many", "edge-1", "nodes", "a"), true},
		{labelsOf("BetanetNoTraffic", "many", "edge-1", "", ""), true},
		{labelsOf("BetanetCounterResets", "many", "edge-1", "", ""), false},
		{labelsOf("BetanetDown", "one", "", "", ""), false},
		{labelsOf("BetanetDataStale", "one", "", "nodes", ""), true},

		{labelsOf("BetanetDataStale", "many", "edge-2", "metrics", "a"), false},
		{labelsOf("BetanetCircuitBreakerOpen", "many", "edge-2", "metrics", "a"), true},
		{labelsOf("BetanetCircuitBreakerOpen", "many", "edge-2", "metrics", "b"), false},
		{labelsOf("BetanetCircuitBreakerOpen", "many", "edge-2", "nodes", "a"), false},
		{labelsOf("BetanetNoTraffic", "many", "edge-2", "", ""), true},
		{labelsOf("BetanetTooFewPeers", "many", "edge-2", "", ""), false},
		{labelsOf("BetanetDataStale", "many", "edge-3", "nodes", ""), false},
		{labelsOf("BetanetNoTraffic", "many", "edge-3", "", ""), false},
	}
	var all []alert
	for _, w := range wants {
		all = append(all, alert{Labels: w.labels})
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Post(base+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("Alertmanager responded %s", response.Status)
	}
	wait(t, "inhibition", func() error {
		var got []struct {
			Labels map[string]string
			Status struct{ InhibitedBy []string }
		}
		if err := getJSON(base+"/api/v2/alerts", &got); err != nil {
			return err
		}
		inhibited := make(map[string]bool)
		for _, g := range got {
			inhibited[fmt.Sprint(g.Labels)] = len(g.Status.InhibitedBy) > 0
		}
		for _, w := range wants {
			if is, ok := inhibited[fmt.Sprint(w.labels)]; !ok || is != w.inhibited {
				return fmt.Errorf("%v: inhibited %v (present %v), want %v", w.labels, is, ok, w.inhibited)
			}
		}
		return nil
	})
}
