package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	jobName = regexp.MustCompile(`\b(?:job_name|jobName)\s*[:=]\s*["']?([\w-]+)`)
	// Lines that a page shows as removed from somebody else's configuration.
	removedLine = regexp.MustCompile(`(?m)^-  .*\n`)
)

// TestEveryExampleNamesItsJobsAsTheAlertsExpect reads the recipes in pages and
// examples: the job that scrapes /probe is betanet-probe, any other betanet-exporter.
func TestEveryExampleNamesItsJobsAsTheAlertsExpect(t *testing.T) {
	counted := map[string]int{}
	for _, root := range []string{"README.md", "docs", "examples", "deploy"} {
		err := filepath.WalkDir(filepath.Join("..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.Contains(path, "/files/") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for name, n := range jobsIn(t, path, removedLine.ReplaceAllString(string(text), "")) {
				counted[name] += n
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if counted["betanet-exporter"] < 8 || counted["betanet-probe"] < 8 {
		t.Errorf("the recipes have the jobs %v, want at least 8 of each", counted)
	}
}

// jobsIn counts the jobs of a text by name. Its path stands between the name and the
// next one, or the end of the block in a page.
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
			t.Errorf("%s, line %d without removed ones: the job is %s, want %s", strings.TrimPrefix(path, "../"), line, got, want)
		}
		jobs[text[at[2]:at[3]]]++
	}
	return jobs
}
