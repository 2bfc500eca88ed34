package test

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// Rule files of monitoring/, and the page about the alerts.
var (
	alertsFile         = filepath.Join("..", "monitoring", "alerts", "betanet.yml")
	recordingRulesFile = filepath.Join("..", "monitoring", "rules", "betanet.yml")
	fogComputeFile     = filepath.Join("..", "monitoring", "rules", "fog-compute.yml")
	runbook            = filepath.Join("..", "docs", "runbook.md")
)

func ruleTests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "monitoring", "tests", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no rule tests: %v", err)
	}
	return files
}

func TestPromtoolAcceptsTheRules(t *testing.T) {
	promtool := component(t, "promtool", "prometheus")
	runWithoutWarning(t, promtool, "check", "rules", alertsFile, recordingRulesFile)
	runWithoutWarning(t, promtool, append([]string{"test", "rules"}, ruleTests(t)...)...)
}

// monitoringRule is an alert or a recording rule, with the keys of Prometheus.
type monitoringRule struct {
	Alert, Record, Expr string
	For                 string
	Labels, Annotations map[string]string
}

// readRules returns the rules of a file.
func readRules(t *testing.T, file string) (all []monitoringRule) {
	t.Helper()
	var document struct {
		Groups []struct{ Rules []monitoringRule }
	}
	readYAML(t, file, &document)
	for _, group := range document.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no rule", file)
	}
	return all
}

func readYAML(t *testing.T, file string, document any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(readFile(t, file)), document); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestAlertsHaveASeverityADescriptionAndARunbook(t *testing.T) {
	const page = "https://github.com/betanet/betanet_exporter/blob/main/docs/runbook.md#"
	sections := make(map[string]string) // anchor: heading
	for _, heading := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(readFile(t, runbook), -1) {
		sections[strings.ToLower(heading[1])] = heading[1]
	}
	for _, a := range readRules(t, alertsFile) {
		if d, err := time.ParseDuration(a.For); err != nil || d < time.Minute {
			t.Errorf("%s: for is %q, want a minute or more", a.Alert, a.For)
		}
		if severity := a.Labels["severity"]; len(a.Labels) != 1 || !slices.Contains([]string{"critical", "warning", "info"}, severity) {
			t.Errorf("%s: labels %v, want only severity: critical, warning or info", a.Alert, a.Labels)
		}
		// A text without a template cannot name the upstream.
		for _, text := range []string{"summary", "description"} {
			if !strings.Contains(a.Annotations[text], "{{") {
				t.Errorf("%s: %s is %q, which has no template", a.Alert, text, a.Annotations[text])
			}
		}
		anchor, ok := strings.CutPrefix(a.Annotations["runbook_url"], page)
		if !ok || sections[anchor] != a.Alert {
			t.Errorf("%s: runbook_url %q refers to the section %q of the runbook", a.Alert, a.Annotations["runbook_url"], sections[anchor])
		}
		delete(sections, strings.ToLower(a.Alert))
	}
	if len(sections) > 0 {
		t.Errorf("the runbook has sections without an alert: %v", sections)
	}
}

// An expectation is whether a rule test expects an alert to fire at a time.
type expectation struct {
	at    time.Duration
	fires bool
}

// Each alert needs a test that expects it to be pending first (during its "for"), then to
// fire, and then to be resolved.
func TestEveryAlertIsTestedPendingFiringAndResolved(t *testing.T) {
	seen := make(map[string]bool)
	for _, file := range ruleTests(t) {
		var document struct {
			Tests []struct {
				Alerts []struct {
					At     string `yaml:"eval_time"`
					Alert  string `yaml:"alertname"`
					Expect []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		readYAML(t, file, &document)
		for _, test := range document.Tests {
			expected := make(map[string][]expectation)
			for _, a := range test.Alerts {
				at, err := time.ParseDuration(a.At)
				if err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				expected[a.Alert] = append(expected[a.Alert], expectation{at, len(a.Expect) > 0})
			}
			for alert, e := range expected {
				seen[alert] = seen[alert] || pendsFiresAndResolves(e)
			}
		}
	}
	for _, a := range readRules(t, alertsFile) {
		if !seen[a.Alert] {
			t.Errorf("no test expects %s to be pending, to fire, and to be resolved", a.Alert)
		}
	}
}

// pendsFiresAndResolves reports whether an alert is expected not to fire, then to fire, and
// then not to fire again.
func pendsFiresAndResolves(expected []expectation) bool {
	slices.SortFunc(expected, func(a, b expectation) int { return cmp.Compare(a.at, b.at) })
	stage := 0
	for _, e := range expected {
		if e.fires == (stage == 1) {
			stage = min(stage+1, 3)
		}
	}
	return stage == 3
}

func TestEveryRecordingRuleIsTested(t *testing.T) {
	var all strings.Builder
	for _, file := range ruleTests(t) {
		all.WriteString(readFile(t, file))
	}
	for _, r := range append(readRules(t, recordingRulesFile), readRules(t, fogComputeFile)...) {
		if !strings.Contains(all.String(), "labels: '"+r.Record+"{") {
			t.Errorf("no test expects a sample of %s", r.Record)
		}
	}
}

// familyOf returns the metric family of a series: its name without the suffix of a summary
// or histogram.
func familyOf(series string) string {
	for _, suffix := range []string{"_sum", "_count", "_bucket"} {
		if family, ok := strings.CutSuffix(series, suffix); ok {
			return family
		}
	}
	return series
}

// metricName matches possible metric names in an expression whose strings were removed.
var metricName = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)

// An expression with an unknown metric never has a value.
func TestRulesUseOnlyExistingMetrics(t *testing.T) {
	documented := readFile(t, filepath.Join("..", "docs", "metrics.md"))
	recorded := make(map[string]bool)
	for _, r := range readRules(t, recordingRulesFile) {
		recorded[r.Record] = true
	}
	used := 0
	for _, file := range []string{alertsFile, recordingRulesFile, fogComputeFile} {
		for _, r := range readRules(t, file) {
			expr := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(r.Expr, "")
			for _, name := range metricName.FindAllString(expr, -1) {
				switch {
				case strings.Contains(name, ":"):
					// The alerts do not need the recording rules.
					if !recorded[name] || r.Alert != "" {
						t.Errorf("%s%s uses %s, which is unknown or a recording rule used by an alert", r.Alert, r.Record, name)
					}
				case strings.HasPrefix(name, "betanet"):
					if used++; !strings.Contains(documented, "| `"+familyOf(name)+"` |") {
						t.Errorf("%s%s uses %s, which is not in docs/metrics.md", r.Alert, r.Record, name)
					}
				}
			}
		}
	}
	if used == 0 {
		t.Error("no rule uses a metric of the exporter")
	}
}

func TestRunbookNamesOnlyExistingMetrics(t *testing.T) {
	documented, recorded := readFile(t, filepath.Join("..", "docs", "metrics.md")), readFile(t, recordingRulesFile)
	names := regexp.MustCompile(`[\w:]*betanet_[\w:]+\*?`).FindAllString(readFile(t, runbook), -1)
	for _, name := range names {
		want, in := "| `"+familyOf(name)+"` |", documented
		switch prefix, isPrefix := strings.CutSuffix(name, "*"); {
		case name == "betanet_exporter": // the program
			continue
		case isPrefix:
			want = "| `" + prefix
		case strings.Contains(name, ":"):
			want, in = "record: "+name+"\n", recorded
		}
		if !strings.Contains(in, want) {
			t.Errorf("the runbook names %s, which does not exist", name)
		}
	}
	if len(names) == 0 {
		t.Error("the runbook names no metric")
	}
}
