package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// codeInTables are the texts in code style of the rows of a page's tables.
func codeInTables(t *testing.T, page string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "|") {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(line, -1) {
				all = append(all, strings.ReplaceAll(m[1], `\|`, "|"))
			}
		}
	}
	return all
}

// TestThereIsAQueryForEachSeries holds docs/queries.md to docs/metrics.md, which is made from the program.
func TestThereIsAQueryForEachSeries(t *testing.T) {
	asked := strings.Join(codeInTables(t, "queries.md"), "\n")
	known := map[string]bool{"betanet_exporter_build_info": true} // stands in the text there
	for _, name := range codeInTables(t, "metrics.md") {
		if !strings.HasPrefix(name, "betanet_") {
			continue
		}
		known[name] = true
		if !regexp.MustCompile(name + `(_bucket|_count|_sum)?\b`).MatchString(asked) {
			t.Errorf("there is no query for %s", name)
		}
	}
	if len(known) < 40 {
		t.Fatalf("docs/metrics.md has %d series, want more: it is not read right", len(known))
	}
	for _, name := range regexp.MustCompile(`betanet_\w+`).FindAllString(asked, -1) {
		if !known[familyOf(name)] {
			t.Errorf("there is a query for %s, which does not exist", name)
		}
	}
}

func TestPromtoolAcceptsTheQueries(t *testing.T) {
	promtool := component(t, "promtool", "prometheus")
	var rules strings.Builder
	rules.WriteString("groups:\n- name: queries\n  rules:\n")
	for i, q := range codeInTables(t, "queries.md") {
		if strings.Contains(q, "_") { // a query, no word
			fmt.Fprintf(&rules, "  - {record: 'q%d', expr: %q}\n", i, q)
		}
	}
	file := filepath.Join(t.TempDir(), "queries.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	runWithoutWarning(t, promtool, "check", "rules", file)
}
