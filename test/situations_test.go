package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// serveSituations serves the pages of the nine situations that the verdict distinguishes,
// which a test of internal/status writes.
func serveSituations(t *testing.T) (base string, pages []string) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "test", "-C", "..", "-count=1", "-run=^TestPagesShowTheVerdict$", "./internal/status")
	cmd.Env = append(os.Environ(), "BETANET_PAGES="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil || len(files) < 9 {
		t.Fatalf("got %d pages, %v, want at least 9", len(files), err)
	}
	for _, f := range files {
		pages = append(pages, "/"+filepath.Base(f))
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return server.URL, pages
}

func TestSituationsInABrowser(t *testing.T) {
	b, axe := startBrowser(t), fetchAxe(t)
	base, pages := serveSituations(t)
	for _, page := range pages {
		t.Run(strings.TrimSuffix(page[1:], ".html"), func(t *testing.T) {
			p := openTab(t, b, base, page)
			checkTabAccessible(t, p, axe, page)
			for _, width := range []int64{1280, 390} {
				p.do(t, viewport(width, 844))
				if got := eval[int64](t, p, `document.documentElement.scrollWidth`); got > width {
					t.Errorf("%d pixels wide, want at most %d", got, width)
				}
				// What is wrong, and since when, must be visible without scrolling.
				if got := eval[string](t, p, onFirstScreen); got != "" {
					t.Errorf("at %d pixels: %s", width, got)
				}
			}
		})
	}
}

// onFirstScreen evaluates to an error if users must scroll to see the verdict, or the
// state and reason of the first upstream with a problem.
var onFirstScreen = fmt.Sprintf(`(() => {
	const seen = e => !e || e.getBoundingClientRect().bottom <= innerHeight && e.getBoundingClientRect().width > 0;
	if (!seen(document.querySelector("h1"))) return "the verdict is not visible";
	for (const part of %s) if (!seen(document.querySelector(".upstreams tbody tr.old " + part))) return "the first problem's " + part + " is not visible";
	return "";
})()`, `["th", ".state", ".why", ".bar"]`)
