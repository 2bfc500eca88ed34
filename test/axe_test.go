package test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// axePackage is the accessibility checker that is asked (MPL-2.0).
const axePackage = "axe-core@4.14.1"

// axe is the checker as a script, fetched once.
var axe = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "axe")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	ctx, end := context.WithTimeout(context.Background(), patience)
	defer end()
	npm := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--cache", filepath.Join(dir, "cache"), "--ignore-scripts", "--no-audit", "--no-fund", axePackage)
	if out, err := npm.CombinedOutput(); err != nil {
		return "", &exec.Error{Name: npm.String() + ": " + string(out), Err: err}
	}
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	return string(script), err
})

// violations are what the checker found.
type violations struct {
	Passes     int
	Violations []struct {
		ID    string
		Help  string
		Nodes []struct{ HTML, FailureSummary string }
	}
}

// accessible holds pages to WCAG 2 levels A and AA, as far as a program can.
func accessible(t *testing.T, s *site, colours string, paths ...string) {
	t.Run("axe, "+colours, func(t *testing.T) {
		component(t, "npm", "npm")
		script, err := axe()
		if err != nil && os.Getenv("CI") != "true" {
			t.Skipf("nothing is checked: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			p := open(t, s.browser, s.base, path, scheme(colours))
			eval[chromedp.Void](t, p, script)
			found := eval[violations](t, p, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
				.then(r => ({passes: r.passes.length, violations: r.violations}))`, chromedp.EvalAwaitPromise)
			if found.Passes < 5 {
				t.Errorf("%s: only %d rules looked at anything", path, found.Passes)
			}
			for _, v := range found.Violations {
				t.Errorf("%s: %s (%s): %d times, first %s\n%s", path, v.ID, v.Help, len(v.Nodes), v.Nodes[0].HTML, v.Nodes[0].FailureSummary)
			}
		}
	})
}
