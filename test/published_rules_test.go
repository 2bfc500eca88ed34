package test

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// rateWindow is the window of rates in this test, instead of minutes.
const rateWindow = "5s"

// withWindow replaces the windows and offsets in an expression or a rule file.
func withWindow(text, window string) string {
	text = regexp.MustCompile(`\[\d+[mh]\]`).ReplaceAllString(text, "["+window+"]")
	return regexp.MustCompile(`offset \d+m\b`).ReplaceAllString(text, "offset "+window)
}

// A ruleMonitor is a Prometheus server that scrapes an exporter during the whole test and
// evaluates the recording rules.
type ruleMonitor struct{ prometheus string }

func newRuleMonitor(t *testing.T, exporter string, targets []string) *ruleMonitor {
	t.Helper()
	server := component(t, "prometheus", "prometheus")
	dir := t.TempDir()
	for _, file := range []string{recordingRulesFile, fogComputeFile} {
		writeFile(t, filepath.Join(dir, filepath.Base(file)), withWindow(readFile(t, file), rateWindow))
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

// alertExpression returns the expression of an alert with another window.
func alertExpression(t *testing.T, name, window string) string {
	t.Helper()
	for _, a := range readRules(t, alertsFile) {
		if a.Alert == name {
			return withWindow(a.Expr, window)
		}
	}
	t.Fatalf("no alert %s", name)
	return ""
}

// panelExpression returns the first expression of a panel for one upstream.
func panelExpression(t *testing.T, uid, title, upstream string) string {
	t.Helper()
	for _, p := range dashboards(t)[uid].Panels {
		if p.Title == title && p.Type == "timeseries" {
			return substitute(t, p.Targets[0].Expr, map[string]string{
				"job": "betanet-exporter", "instance": ".*", "upstream": upstream, "__rate_interval": rateWindow,
			})
		}
	}
	t.Fatalf("%s has no panel %q", uid, title)
	return ""
}

// upstreamSeries returns a selector for the series of an upstream in the job betanet-exporter.
func upstreamSeries(series, upstream string) string {
	return labelled(series, "job", "betanet-exporter", "upstream", upstream)
}

// valuesSince returns the values since a time, one per second, of an expression with at most
// one series. ended reports whether it has no value now.
func (m *ruleMonitor) valuesSince(expression string, from time.Time) (values []float64, ended bool, err error) {
	to := time.Now()
	curves, err := queryRange(m.prometheus, expression, from, to)
	if err != nil || len(curves) == 0 {
		return nil, true, err
	}
	if len(curves) > 1 {
		return nil, false, fmt.Errorf("%s has %d series", expression, len(curves))
	}
	_, ok := curves[0].values[to.Unix()]
	return slices.Collect(maps.Values(curves[0].values)), !ok, nil
}

// expectOnly waits until an expression has had values since a time and no longer has one, and
// checks that all of them were the wanted value.
func (m *ruleMonitor) expectOnly(t *testing.T, expression string, from time.Time, want float64) {
	t.Helper()
	if values, correct := m.history(t, expression, from, want); correct < len(values) {
		t.Errorf("%s = %v, want %v", expression, values, want)
	}
}

// expectMostly is a weaker expectOnly, for series that are recorded from other rules. A scrape
// between the evaluations of two rules makes them use different samples, so a minority of the
// values may be wrong.
func (m *ruleMonitor) expectMostly(t *testing.T, series string, from time.Time, want float64) {
	t.Helper()
	if values, correct := m.history(t, series, from, want); 2*correct <= len(values) {
		t.Errorf("%s = %v, want %v", series, values, want)
	}
}

// history waits until an expression has had values since a time and no longer has one. It
// returns the values, and how many of them were the wanted one.
func (m *ruleMonitor) history(t *testing.T, expression string, from time.Time, want float64) (values []float64, correct int) {
	t.Helper()
	wait(t, "values of "+expression+" and their end", func() error {
		all, ended, err := m.valuesSince(expression, from)
		if values = all; err == nil && (len(all) == 0 || !ended) {
			err = fmt.Errorf("values %v, ended %t", all, ended)
		}
		return err
	})
	for _, got := range values {
		if equal(got, want) {
			correct++
		}
	}
	return values, correct
}

// expect waits until an expression has had the wanted value since a time.
func (m *ruleMonitor) expect(t *testing.T, expression string, from time.Time, want float64) {
	t.Helper()
	wait(t, expression, func() error {
		values, _, err := m.valuesSince(expression, from)
		if err == nil && !slices.ContainsFunc(values, func(v float64) bool { return equal(v, want) }) {
			err = fmt.Errorf("got %v, want %v", values, want)
		}
		return err
	})
}

// expectNone checks that an expression has had no value since a time.
func (m *ruleMonitor) expectNone(t *testing.T, expression string, from time.Time) {
	t.Helper()
	values, _, err := m.valuesSince(expression, from)
	if err != nil || len(values) > 0 {
		t.Errorf("%s = %v (%v), want no value", expression, values, err)
	}
}
