package web

import (
	"regexp"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/breaker"
)

func TestRedirectsAreRelative(t *testing.T) {
	o := Options{Registry: registry(view(upstreamAt("a"), good, breaker.Closed)), Pprof: true}
	for path, want := range map[string]string{
		"/debug/pprof": ".././debug/pprof/", "/upstream//a?x=1": "../.././upstream/a?x=1", "//metrics": ".././metrics", "/./health": ".././health",
	} {
		r := serve(t, o, "GET", path)
		if got := r.Header.Get("Location"); r.StatusCode/100 != 3 || got != want {
			t.Errorf("%s: got %d to %q, want a redirect to %q", path, r.StatusCode, got, want)
		}
	}
}

// links matches the links of a page and the targets of its forms.
var links = regexp.MustCompile(`<(?:a|form)[^>]* (?:href|action)="([^"]*)"`)

func TestLinksOfPagesAreRelative(t *testing.T) {
	a, b := upstreamAt("a/b c"), upstreamAt("second")
	for _, o := range []Options{{Registry: registry(view(a, good, breaker.Closed), view(b, good, breaker.Open))}, {Registry: registry(view(a, good, breaker.Closed))}} {
		for path, root := range map[string]string{"/": "", "/?limit=1": "", "/upstream/a%2Fb%20c": "../", "/upstream/a/b%20c": "../../"} {
			page := body(t, serve(t, o, "GET", path))
			found := links.FindAllStringSubmatch(page, -1)
			if len(found) < 4 {
				t.Fatalf("%s: got %d links, want at least 4", path, len(found))
			}
			for _, l := range found {
				if strings.HasPrefix(l[1], "/") || l[1] == "" {
					t.Errorf("%s has the link %q, which does not work below a path prefix", path, l[1])
				}
			}
			if want := `href="` + root + `./"`; !strings.Contains(page, want) {
				t.Errorf("%s lacks the link to the root, %s", path, want)
			}
		}
	}
}
