package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documented returns the metrics in docs/metrics.md with their types.
func documented(t *testing.T) map[string]string {
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
		t.Fatalf("found %d metrics in docs/metrics.md", len(types))
	}
	if strings.Contains(string(page), "`betanet_exporter_build_info`") {
		types["betanet_exporter_build_info"] = "gauge"
	}
	return types
}

var (
	ofOthers   = regexp.MustCompile(`^(up|(go|process|scrape)_\w+)$`)
	noMetrics  = regexp.MustCompile(`"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(by|on|without) \([^)]*\)|\b(and|or|unless|bool)\b`)
	identifier = regexp.MustCompile(`\b[a-zA-Z_:][\w:]*`)
)

// names returns the metrics of an expression: the identifiers that are neither labels,
// nor operators, nor functions.
func names(expr string) (all []string) {
	expr = noMetrics.ReplaceAllString(expr, "")
	for _, at := range identifier.FindAllStringIndex(expr, -1) {
		if !strings.HasPrefix(strings.TrimLeft(expr[at[1]:], " "), "(") {
			all = append(all, expr[at[0]:at[1]])
		}
	}
	return all
}

func TestNamesAreTheMetricsOfAnExpression(t *testing.T) {
	got := names(`topk by (a) (1, rate(m_total{l="x (y"}[$__rate_interval])) + sum without (b) (n) and on (a, b) o{} == bool 1 - time() or p unless on (a) q`)
	if want := "m_total n o p q"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExpressionsUseMetricsThatExist(t *testing.T) {
	types := documented(t)
	eachFile(t, func(t *testing.T, f *file) {
		seen := 0
		check := func(where, expr string) {
			for _, name := range names(expr) {
				seen++
				if types[name] == "" && !ofOthers.MatchString(name) {
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
				t.Errorf("variable %s has the query %q", v.Name, query)
			}
			check(v.Name, metric)
		}
		if seen == 0 {
			t.Error("no expression has a metric")
		}
	})
}

// A counter starts again when its upstream restarts, so that its value has no meaning and
// a sum of counters falls.
func TestRateIsAppliedToCountersFirst(t *testing.T) {
	types := documented(t)
	rated := regexp.MustCompile(`(?:rate|increase)\((\w+)\{[^}]*\}\[\$__rate_interval\]\)`)
	eachFile(t, func(t *testing.T, f *file) {
		for _, p := range f.Panels {
			for _, q := range p.Targets {
				for _, r := range rated.FindAllStringSubmatch(q.Expr, -1) {
					if types[r[1]] == "gauge" {
						t.Errorf("%s: %s is not a counter", p.Title, r[1])
					}
				}
				for _, name := range names(rated.ReplaceAllString(q.Expr, "")) {
					if types[name] == "counter" || strings.HasSuffix(name, "_total") {
						t.Errorf("%s: %s has no rate", p.Title, name)
					}
				}
			}
		}
	})
}

func TestAnAbsentValueIsNotShownAsZero(t *testing.T) {
	eachFile(t, func(t *testing.T, f *file) {
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
	eachFile(t, func(t *testing.T, f *file) {
		for _, p := range f.Panels {
			for _, q := range p.Targets {
				if strings.Contains(q.Expr, "@") {
					t.Errorf("%s: a selector is not replaced in %s", p.Title, q.Expr)
				}
				if all, chosen := len(names(q.Expr)), strings.Count(q.Expr, `job=~"$job"`); chosen != all {
					t.Errorf("%s: %d of %d metrics are of the chosen job: %s", p.Title, chosen, all, q.Expr)
				}
			}
		}
	})
}
