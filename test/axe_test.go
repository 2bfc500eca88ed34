package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// axePackage is the accessibility checker (MPL-2.0). Only this test uses it.
const axePackage = "axe-core@4.14.1"

// axeScript is the script of the accessibility checker, which is fetched while other parts
// of the test run.
type axeScript struct {
	fetched chan struct{} // closed when script or err is set
	script  string
	err     error
}

// fetchAxe starts fetching the script.
func fetchAxe(t *testing.T) *axeScript {
	t.Helper()
	axe, dir := &axeScript{fetched: make(chan struct{})}, t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	go func() {
		defer close(axe.fetched)
		axe.script, axe.err = installAxe(ctx, dir)
	}()
	t.Cleanup(func() {
		cancel()
		<-axe.fetched
	})
	return axe
}

// installAxe installs the package in dir and returns its script.
func installAxe(ctx context.Context, dir string) (string, error) {
	npm := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--cache", filepath.Join(dir, "cache"), "--ignore-scripts", "--no-audit", "--no-fund", axePackage)
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", npm, err, out)
	}
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	return string(script), err
}

// axeResult is the result of the checker.
type axeResult struct {
	Passes     int
	Violations []struct {
		ID    string
		Help  string
		Nodes []struct{ HTML, FailureSummary string }
	}
}

// checkAccessible checks pages for conformance to WCAG 2 levels A and AA, as far as a program
// can, in light and dark colours.
func checkAccessible(t *testing.T, browser context.Context, axe *axeScript, base string, paths ...string) {
	t.Helper()
	for _, path := range paths {
		checkTabAccessible(t, openTab(t, browser, base, path), axe, path)
	}
}

// checkTabAccessible is like checkAccessible, but checks the page in an open tab.
func checkTabAccessible(t *testing.T, p *tab, axe *axeScript, what string) {
	t.Helper()
	component(t, "npm", "npm")
	<-axe.fetched
	if axe.err != nil {
		unavailable(t, axe.err.Error())
	}
	eval[chromedp.Void](t, p, axe.script)
	for colours, background := range map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"} {
		p.do(t, scheme(colours))
		p.await(t, colours+" colours", `getComputedStyle(document.body).backgroundColor === "`+background+`"`)
		found := eval[axeResult](t, p, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
			.then(r => ({passes: r.passes.length, violations: r.violations}))`, chromedp.EvalAwaitPromise)
		if found.Passes < 10 {
			t.Errorf("%s, %s: only %d rules passed", what, colours, found.Passes)
		}
		for _, v := range found.Violations {
			t.Errorf("%s, %s: %s (%s): %d times, first %s\n%s", what, colours, v.ID, v.Help, len(v.Nodes), v.Nodes[0].HTML, v.Nodes[0].FailureSummary)
		}
	}
}
