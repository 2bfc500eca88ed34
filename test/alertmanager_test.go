package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// alert is one that Alertmanager tells of, or is told of.
type alert struct {
	Status      string            `json:"status,omitempty"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// webhook is a receiver of Alertmanager's webhooks. It keeps what it is told at
// each path.
type webhook struct {
	url string

	mu       sync.Mutex
	received map[string][]alert
}

func startWebhook(t *testing.T) *webhook {
	p := &webhook{received: make(map[string][]alert)}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message struct{ Alerts []alert }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received[r.URL.Path] = append(p.received[r.URL.Path], message.Alerts...)
}

// waitFor waits until the last that the pager was told, at a path, of the alert with
// just these labels is this status, and gives the annotations.
func (p *webhook) waitFor(t *testing.T, path, status string, labels map[string]string) (annotations map[string]string) {
	t.Helper()
	wait(t, fmt.Sprintf("%s is told that %v is %s", path, labels, status), func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, a := range slices.Backward(p.received[path]) {
			switch {
			case !maps.Equal(a.Labels, labels):
				continue
			case a.Status != status:
				return fmt.Errorf("it was told that it is %s", a.Status)
			}
			annotations = a.Annotations
			return nil
		}
		return fmt.Errorf("it was told of %v", p.received[path])
	})
	return annotations
}

// startAlertmanager starts one with the example as its configuration, which tells
// the pager, at once instead of half a minute later.
func startAlertmanager(t *testing.T, p *webhook) string {
	t.Helper()
	program := component(t, "prometheus-alertmanager", "prometheus-alertmanager")
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	text := fileWith(t, filepath.Join("monitoring", "alertmanager.yml"),
		"http://127.0.0.1:8080/", p.url+"/", "group_wait: 30s", "group_wait: 1s", "group_interval: 5m", "group_interval: 1s")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, urls := serve(t, []string{"127.0.0.1"}, "/-/ready", program, func(port string) []string {
		return []string{
			"--config.file=" + config, "--storage.path=" + filepath.Join(dir, "data"),
			"--web.listen-address=127.0.0.1:" + port, "--cluster.listen-address=",
		}
	})
	return urls[0]
}

// shortAlerts writes the shipped alerts with waits and windows of seconds, which
// is all that differs, and gives the file.
func shortAlerts(t *testing.T) string {
	t.Helper()
	text := readFile(t, alertsFile)
	for _, r := range []struct{ old, short string }{
		{`for: \d+m\n`, "for: 2s\n"}, {`\[\d+[mh]\]`, "[10s]"}, {`offset \d+m\b`, "offset 10s"},
	} {
		old := regexp.MustCompile(r.old)
		if !old.MatchString(text) {
			t.Fatalf("%s has no %q", alertsFile, r.old)
		}
		text = old.ReplaceAllString(text, r.short)
	}
	if n, all := strings.Count(text, "for: 2s\n"), len(readRules(t, alertsFile)); n != all {
		t.Fatalf("%d of %d alerts wait 2 s", n, all)
	}
	file := filepath.Join(t.TempDir(), "alerts.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// startSimulator starts one Betanet service. again starts it once more where it was.
func startSimulator(t *testing.T) (p *process, url string, again func()) {
	t.Helper()
	args := func(port string) []string { return []string{"simulate", "--listen-address=127.0.0.1:" + port} }
	p, urls := serve(t, []string{"127.0.0.1"}, "/api/v1/metrics", binary, args)
	return p, urls[0], func() {
		start(t, binary, args(urls[0][strings.LastIndex(urls[0], ":")+1:])...)
	}
}

func TestAlertmanagerNotifiesOfAnOutageAndItsEnd(t *testing.T) {
	server := component(t, "prometheus", "prometheus")
	component(t, "prometheus-alertmanager", "prometheus-alertmanager")
	const page = "https://github.com/betanet/betanet_exporter/blob/main/docs/runbook.md"
	p := startWebhook(t)
	service, well, again := startSimulator(t)
	_, other, _ := startSimulator(t)
	exporter, urls := serve(t, []string{"127.0.0.1"}, "/-/ready", binary, func(port string) []string {
		return []string{
			"--web.listen-address=127.0.0.1:" + port, "--betanet.url=" + well, "--betanet.url=" + other,
			"--collect.interval=1s", "--breaker.open=1s",
		}
	})
	prometheus := runPrometheus(t, server, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [%q]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
scrape_configs: [{job_name: betanet-exporter, static_configs: [{targets: [%q]}]}]
`, shortAlerts(t), host(startAlertmanager(t, p)), host(urls[0])))
	waitForValue(t, prometheus, `count(betanet_up == 1)`, 2)

	service.kill()
	down := map[string]string{
		"alertname": "BetanetDown", "severity": "critical",
		"job": "betanet-exporter", "instance": host(urls[0]), "upstream": host(well),
	}
	got := p.waitFor(t, "/pager", "firing", down)
	if want := map[string]string{
		"summary": fmt.Sprintf("Betanet %s is down", host(well)),
		"description": fmt.Sprintf("No endpoint of %s has answered %s (job betanet-exporter) with a valid document for more than 2 minutes. "+
			"betanet_exporter_endpoint_failing has the reasons.", host(well), host(urls[0])),
		"runbook_url": page + "#betanetdown",
	}; !maps.Equal(got, want) {
		t.Errorf("the annotations of BetanetDown are\n%v, want\n%v", got, want)
	}
	again()
	p.waitFor(t, "/pager", "resolved", down)

	exporter.kill()
	got = p.waitFor(t, "/pager", "firing", map[string]string{
		"alertname": "BetanetExporterDown", "severity": "critical", "job": "betanet-exporter", "instance": host(urls[0]),
	})
	if want := page + "#betanetexporterdown"; got["runbook_url"] != want {
		t.Errorf("the runbook_url of BetanetExporterDown is %q, want %q", got["runbook_url"], want)
	}
	checkRuleHealth(t, prometheus)
}

// checkRuleHealth holds a Prometheus server to having had no error in any rule: what
// promtool accepts may still find two series where one was meant.
func checkRuleHealth(t *testing.T, prometheus string) {
	t.Helper()
	body, err := get(prometheus + "/api/v1/rules")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	rules := 0
	for _, group := range answer.Data.Groups {
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

// One root cause is one message: what follows from another alert is inhibited by
// the example, and what does not is not.
func TestAlertmanagerInhibitsWhatFollowsFromAnotherAlert(t *testing.T) {
	of := func(name, instance, upstream, endpoint, replica string) map[string]string {
		labels := map[string]string{"alertname": name, "job": "betanet-exporter", "instance": instance, "upstream": upstream, "endpoint": endpoint, "replica": replica}
		maps.DeleteFunc(labels, func(_, v string) bool { return v == "" })
		return labels
	}
	base := startAlertmanager(t, startWebhook(t))
	wants := []struct {
		labels    map[string]string
		inhibited bool
	}{
		{of("BetanetExporterDown", "dead", "", "", ""), false},
		{of("BetanetPacketLossHigh", "dead", "edge", "", ""), true},
		{of("BetanetReloadFailed", "dead", "", "", ""), true},
		{of("BetanetPacketLossHigh", "alive", "edge", "", ""), false},
		{of("BetanetFleetCoverageLow", "", "", "", ""), false},

		{of("BetanetDown", "many", "edge-1", "", ""), false},
		{of("BetanetDataStale", "many", "edge-1", "nodes", ""), true},
		{of("BetanetCircuitBreakerOpen", "many", "edge-1", "nodes", "a"), true},
		{of("BetanetNoTraffic", "many", "edge-1", "", ""), true},
		{of("BetanetCounterResets", "many", "edge-1", "", ""), false},
		{of("BetanetDown", "one", "", "", ""), false},
		{of("BetanetDataStale", "one", "", "nodes", ""), true},

		{of("BetanetDataStale", "many", "edge-2", "metrics", "a"), false},
		{of("BetanetCircuitBreakerOpen", "many", "edge-2", "metrics", "a"), true},
		{of("BetanetCircuitBreakerOpen", "many", "edge-2", "metrics", "b"), false},
		{of("BetanetCircuitBreakerOpen", "many", "edge-2", "nodes", "a"), false},
		{of("BetanetNoTraffic", "many", "edge-2", "", ""), true},
		{of("BetanetTooFewPeers", "many", "edge-2", "", ""), false},
		{of("BetanetDataStale", "many", "edge-3", "nodes", ""), false},
		{of("BetanetNoTraffic", "many", "edge-3", "", ""), false},
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
		t.Fatalf("Alertmanager takes the alerts with status %s", response.Status)
	}
	wait(t, "inhibition", func() error {
		body, err := get(base + "/api/v2/alerts")
		if err != nil {
			return err
		}
		var got []struct {
			Labels map[string]string
			Status struct{ InhibitedBy []string }
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			return err
		}
		inhibited := make(map[string]bool)
		for _, g := range got {
			inhibited[fmt.Sprint(g.Labels)] = len(g.Status.InhibitedBy) > 0
		}
		for _, w := range wants {
			if is, ok := inhibited[fmt.Sprint(w.labels)]; !ok || is != w.inhibited {
				return fmt.Errorf("%v: inhibited %v (known %v), want %v", w.labels, is, ok, w.inhibited)
			}
		}
		return nil
	})
}
