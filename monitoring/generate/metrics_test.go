package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documentedTypes returns the types of the metrics in docs/metrics.md by name.
func documentedTypes(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	types := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `(betanet_\\w+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(page), -1) {
		types[row[1]] = row[2]
		if row[2] == "histogram" {
			types[row[1]+"_bucket"] = "counter"
		}
		if row[2] == "summary" {
			types[row[1]+"_sum"], types[row[1]+"_count"] = row[2], row[2]
		}
	}
	if len(types) < 40 {
		t.Fatalf("found %d metrics in docs/metrics.md, want at least 40: the page was not parsed correctly", len(types))
	}
	if strings.Contains(string(page), "`betanet_exporter_build_info`") {
		types["betanet_exporter_build_info"] = "gauge"
	}
	return types
}

var (
	foreign    = regexp.MustCompile(`^(up|(go|process|scrape)_\w+)$`)
	notMetrics = regexp.MustCompile(`"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|on|without) \([^)]*\)|\b(and|or|unless|bool)\b`)
	identifier = regexp.MustCompile(`\b[a-zA-Z_:][\w:]*`)
)

// metricNames returns the metrics in an expression: the identifiers that are neither
// labels, operators nor functions.
func metricNames(expr string) (all []string) {
	expr = notMetrics.ReplaceAllString(expr, "")
	for _, at := range identifier.FindAllStringIndex(expr, -1) {
		if !strings.HasPrefix(strings.TrimLeft(expr[at[1]:], " "), "(") {
			all = append(all, expr[at[0]:at[1]])
		}
	}
	return all
}

func TestMetricNames(t *testing.T) {
	got := metricNames(`topk by (a) (1, rate(m_total{l="x (y"}[$__rate_interval])) + sum without (b) (n) and on (a, b) o{} == bool 1 - time() or p unless on (a) q`)
	if want := "m_total n o p q"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExpressionsUseMetricsThatExist(t *testing.T) {
	types := documentedTypes(t)
	eachDashboard(t, func(t *testing.T, f *dashboardJSON) {
		seen := 0
		check := func(where, expr string) {
			for _, name := range metricNames(expr) {
				seen++
				if types[name] == "" && !foreign.MatchString(name) {
					t.Errorf("%s: %s is not in docs/metrics.md", where, name)
				}
			}
		}
		for _, p := range f.Panels {
			for _, q := range p.Targets {
				check(p.Title, q.Expr)
			}
		}
		for _, v := range f.Templating.List[1:] {
			query, _ := v.Query.(map[string]any)["query"].(string)
			metric, _, ok := strings.Cut(strings.TrimPrefix(query, "label_values("), ", "+v.Name+")")
			if !ok {
				t.Errorf("variable %s has the query %q, want label_values of its own label", v.Name, query)
			}
			check(v.Name, metric)
		}
		if seen == 0 {
			t.Error("no expression has a metric")
		}
	})
}

// A counter restarts with its upstream, so its value by itself has no meaning, and a sum of
// counters may fall.
func TestRatesAreTakenBeforeSums(t *testing.T) {
	types := documentedTypes(t)
	rated := regexp.MustCompile(`(?:rate|increase)\((\w+)\{[^}]*\}\[\$__rate_interval\]\)`)
	eachDashboard(t, func(t *testing.T, f *dashboardJSON) {
		for _, p := range f.Panels {
			for _, q := range p.Targets {
				for _, r := range rated.FindAllStringSubmatch(q.Expr, -1) {
					if types[r[1]] == "gauge" {
						t.Errorf("%s: %s is not a counter", p.Title, r[1])
					}
				}
				for _, name := range metricNames(rated.ReplaceAllString(q.Expr, "")) {
					if types[name] == "counter" || strings.HasSuffix(name, "_total") {
						t.Errorf("%s: counter %s is used without rate or increase", p.Title, name)
					}
				}
			}
		}
	})
}

func TestAbsentValuesAreNotShownAsZero(t *testing.T) {
	eachDashboard(t, func(t *testing.T, f *dashboardJSON) {
		for _, p := range f.Panels {
			for _, q := range p.Targets {
				if strings.Contains(q.Expr, "vector(") || strings.Contains(q.Expr, "absent") {
					t.Errorf("%s invents a value: %s", p.Title, q.Expr)
				}
			}
		}
	})
}

func TestEveryExpressionUsesTheSelection(t *testing.T) {
	eachDashboard(t, func(t *testing.T, f *dashboardJSON) {
		for _, p := range f.Panels {
			for _, q := range p.Targets {
				if strings.Contains(q.Expr, "@") {
					t.Errorf("%s: a selector is not expanded in %s", p.Title, q.Expr)
				}
				if all, selected := len(metricNames(q.Expr)), strings.Count(q.Expr, `job=~"$job"`); selected != all {
					t.Errorf("%s: %d of %d metrics are limited to the selected job: %s", p.Title, selected, all, q.Expr)
				}
			}
		}
	})
}
