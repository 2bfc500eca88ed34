package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// span is the window of rates in this test, in place of minutes.
const span = "5s"

// windowOf replaces the windows and offsets of an expression, or of a file of rules.
func windowOf(text, window string) string {
	text = regexp.MustCompile(`\[\d+[mh]\]`).ReplaceAllString(text, "["+window+"]")
	return regexp.MustCompile(`offset \d+m\b`).ReplaceAllString(text, "offset "+window)
}

// ruleMonitor is a Prometheus server that scrapes an exporter during the whole test and
// evaluates the shipped recording rules.
type ruleMonitor struct{ prometheus string }

func newRuleMonitor(t *testing.T, exporter string, targets []string) *ruleMonitor {
	t.Helper()
	server := component(t, "prometheus", "prometheus")
	dir := t.TempDir()
	for _, file := range []string{recordsFile, fogComputeFile} {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), []byte(windowOf(readFile(t, file), span)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	prometheus := runPrometheus(t, server, fmt.Sprintf(`
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
rule_files: [%q]
scrape_configs:
- {job_name: betanet-exporter, static_configs: [{targets: [%q]}]}
- job_name: betanet-probe
  metrics_path: /probe
  static_configs: [{targets: [%q, %q, %q, %q]}]
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__address__], target_label: instance}
  - {target_label: __address__, replacement: %q}
`, filepath.Join(dir, "*.yml"), host(exporter), targets[0], targets[1], targets[2], targets[3], host(exporter)))
	// A rate needs a sample from before the traffic.
	waitForValue(t, prometheus, `count(betanet_messages_total == 0)`, 4)
	waitForValue(t, prometheus, `count(betanet_up{job="betanet-probe"})`, 4)
	return &ruleMonitor{prometheus}
}

// alertExpression is what an alert asks, with another window.
func alertExpression(t *testing.T, name, window string) string {
	t.Helper()
	for _, a := range readRules(t, alertsFile) {
		if a.Alert == name {
			return windowOf(a.Expr, window)
		}
	}
	t.Fatalf("there is no alert %s", name)
	return ""
}

// panelExpression is what the first target of a panel asks about one upstream.
func panelExpression(t *testing.T, uid, title, upstream string) string {
	t.Helper()
	for _, p := range dashboards(t)[uid].Panels {
		if p.Title == title && p.Type == "timeseries" {
			return substitute(t, p.Targets[0].Expr, map[string]string{
				"job": "betanet-exporter", "instance": ".*", "upstream": upstream, "__rate_interval": span,
			})
		}
	}
	t.Fatalf("%s has no panel %q", uid, title)
	return ""
}

// ofExporter selects the upstream of a name as the job betanet-exporter has it.
func ofExporter(series, upstream string) string {
	return labelled(series, "job", "betanet-exporter", "upstream", upstream)
}

// since are the values of an expression that has at most one series, a value a
// second since a time; ended reports whether it has none now.
func (w *ruleMonitor) since(expression string, from time.Time) (values []float64, ended bool, err error) {
	to := time.Now()
	curves, err := queryRange(w.prometheus, expression, from, to)
	if err != nil || len(curves) == 0 {
		return nil, true, err
	}
	if len(curves) > 1 {
		return nil, false, fmt.Errorf("%s has %d series", expression, len(curves))
	}
	_, has := curves[0].values[to.Unix()]
	return slices.Collect(maps.Values(curves[0].values)), !has, nil
}

// hadOnly waits until an expression has had values since a time and has none any
// more. Every one of them has to be the same.
func (w *ruleMonitor) hadOnly(t *testing.T, expression string, from time.Time, want float64) {
	t.Helper()
	if values, right := w.history(t, expression, from, want); right < len(values) {
		t.Errorf("%s = %v, want %v", expression, values, want)
	}
}

// hadMostly is passes for what a rule records from other rules. A scrape that arrives
// between two rules gives them different samples, so a minority may be wrong.
func (w *ruleMonitor) hadMostly(t *testing.T, series string, from time.Time, want float64) {
	t.Helper()
	if values, right := w.history(t, series, from, want); 2*right <= len(values) {
		t.Errorf("%s = %v, want %v", series, values, want)
	}
}

func (w *ruleMonitor) history(t *testing.T, expression string, from time.Time, want float64) (values []float64, right int) {
	t.Helper()
	wait(t, "values and the end of "+expression, func() error {
		all, ended, err := w.since(expression, from)
		if values = all; err == nil && (len(all) == 0 || !ended) {
			err = fmt.Errorf("values %v, ended %t", all, ended)
		}
		return err
	})
	for _, got := range values {
		if equal(got, want) {
			right++
		}
	}
	return values, right
}

// had waits until an expression has had the wanted value since a time.
func (w *ruleMonitor) had(t *testing.T, expression string, from time.Time, want float64) {
	t.Helper()
	wait(t, expression, func() error {
		values, _, err := w.since(expression, from)
		if err == nil && !slices.ContainsFunc(values, func(v float64) bool { return equal(v, want) }) {
			err = fmt.Errorf("was %v, want %v", values, want)
		}
		return err
	})
}

// hadNone holds an expression to no value since a time.
func (w *ruleMonitor) hadNone(t *testing.T, expression string, from time.Time) {
	t.Helper()
	values, _, err := w.since(expression, from)
	if err != nil || len(values) > 0 {
		t.Errorf("%s = %v (%v), want no value", expression, values, err)
	}
}
