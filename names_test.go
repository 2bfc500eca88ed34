package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// removed matches series and labels that no longer exist.
var removed = []*regexp.Regexp{
	regexp.MustCompile(`counter_resets`),
	regexp.MustCompile(`circuit_breaker_state\{[^}]*\bstate\b`),
	regexp.MustCompile(`circuit_breaker_state with state`),
	regexp.MustCompile(`data_stale\{[^}]*\bendpoint\b`),
	regexp.MustCompile(`request_duration_seconds\w*\{[^}]*\bendpoint\b`),
	regexp.MustCompile(`sum by \([^)]*endpoint[^)]*\) \([^)]*request_duration_seconds`),
}

// exceptions are the files that may name removed series: the changelog and this test.
var exceptions = map[string]bool{"CHANGELOG.md": true, "names_test.go": true}

func TestNoFileNamesARemovedSeries(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("not a Git working tree: ", err)
	}
	files := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(files) < 100 {
		t.Fatalf("got %d files, want all files of the repository", len(files))
	}
	for _, f := range files {
		if exceptions[f] {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			continue // a file that was removed in the working tree
		}
		for _, r := range removed {
			for _, found := range r.FindAllString(string(b), -1) {
				t.Errorf("%s names %s", f, found)
			}
		}
	}
}
