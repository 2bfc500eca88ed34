package test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notSlug = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors returns the anchors that GitHub generates for the headings of a page.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(page, -1) {
		all[strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return all
}

// TestLinksInTheDocumentationAreValid checks the links to files and headings in the repository.
func TestLinksInTheDocumentationAreValid(t *testing.T) {
	followed := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			followed++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			page, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr == nil && info.IsDir() {
				err = nil
			}
			if err != nil || anchor != "" && !anchors(string(page))[anchor] {
				t.Errorf("%s: broken link %s", strings.TrimPrefix(path, "../"), m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if followed < 40 {
		t.Errorf("found %d links, want at least 40: the pages were not parsed correctly", followed)
	}
}

var (
	jobName = regexp.MustCompile(`\b(?:job_name|jobName)\s*[:=]\s*["']?([\w-]+)`)
	// removedLine matches lines that a page shows as removed from another project's
	// configuration.
	removedLine = regexp.MustCompile(`(?m)^-  .*\n`)
)

// TestExamplesNameTheirJobsAsTheAlertsExpect checks all scrape configurations in pages and
// examples: a job that scrapes /probe must be called betanet-probe, and any other job
// betanet-exporter.
func TestExamplesNameTheirJobsAsTheAlertsExpect(t *testing.T) {
	count := map[string]int{}
	for _, root := range []string{"README.md", "docs", "examples", "deploy"} {
		err := filepath.WalkDir(filepath.Join("..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(path, "/files/") {
				return err
			}
			for name, n := range jobsIn(t, path, removedLine.ReplaceAllString(readFile(t, path), "")) {
				count[name] += n
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if count["betanet-exporter"] < 8 || count["betanet-probe"] < 8 {
		t.Errorf("found the jobs %v, want at least 8 of each", count)
	}
}

// jobsIn counts the jobs in a text by name. The path of a job is between its name and the
// next name, or the end of the code block in a page.
func jobsIn(t *testing.T, path, text string) map[string]int {
	t.Helper()
	jobs := map[string]int{}
	found := jobName.FindAllStringSubmatchIndex(text, -1)
	for i, at := range found {
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		if fence := strings.Index(text[at[0]:end], "```"); fence >= 0 {
			end = at[0] + fence
		}
		want := "betanet-exporter"
		if regexp.MustCompile(`(?:metrics_path|metricsPath|\bpath)\s*[:=]\s*"?/probe`).MatchString(text[at[0]:end]) {
			want = "betanet-probe"
		}
		if got := text[at[2]:at[3]]; got != want {
			line := strings.Count(text[:at[0]], "\n") + 1
			t.Errorf("%s, line %d (not counting removed ones): the job is %s, want %s", strings.TrimPrefix(path, "../"), line, got, want)
		}
		jobs[text[at[2]:at[3]]]++
	}
	return jobs
}

// codeInTables returns the code spans in the tables of a page.
func codeInTables(t *testing.T, page string) (all []string) {
	t.Helper()
	for line := range strings.Lines(readFile(t, "..", "docs", page)) {
		if strings.HasPrefix(line, "|") {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(line, -1) {
				all = append(all, strings.ReplaceAll(m[1], `\|`, "|"))
			}
		}
	}
	return all
}

// TestEverySeriesHasAQuery compares docs/queries.md with docs/metrics.md, which the program
// generates.
func TestEverySeriesHasAQuery(t *testing.T) {
	queries := strings.Join(codeInTables(t, "queries.md"), "\n")
	known := map[string]bool{"betanet_exporter_build_info": true} // only in the prose of that page
	for _, name := range codeInTables(t, "metrics.md") {
		if !strings.HasPrefix(name, "betanet_") {
			continue
		}
		known[name] = true
		if !regexp.MustCompile(name + `(_bucket|_count|_sum)?\b`).MatchString(queries) {
			t.Errorf("no query for %s", name)
		}
	}
	if len(known) < 40 {
		t.Fatalf("docs/metrics.md has %d series, want at least 40: it was not parsed correctly", len(known))
	}
	for _, name := range regexp.MustCompile(`betanet_\w+`).FindAllString(queries, -1) {
		if !known[familyOf(name)] {
			t.Errorf("a query uses %s, which does not exist", name)
		}
	}
}

func TestPromtoolAcceptsTheQueries(t *testing.T) {
	promtool := component(t, "promtool", "prometheus")
	var rules strings.Builder
	rules.WriteString("groups:\n- name: queries\n  rules:\n")
	for i, q := range codeInTables(t, "queries.md") {
		if strings.Contains(q, "_") { // a query, not a word
			fmt.Fprintf(&rules, "  - {record: 'q%d', expr: %q}\n", i, q)
		}
	}
	runWithoutWarning(t, promtool, "check", "rules", tempFile(t, "queries.yml", rules.String()))
}
