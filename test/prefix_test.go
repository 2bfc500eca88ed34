package test

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// linked matches links and form actions in a page.
var linked = regexp.MustCompile(`<(?:a|form)[^>]* (?:href|action)="([^"]*)"`)

// TestStatusPageWorksBelowAPathPrefix follows every link through HAProxy, which serves only
// the exporter, below a path prefix.
func TestStatusPageWorksBelowAPathPrefix(t *testing.T) {
	exporter := startExporterFor(t, 3, simulate(t, "v1"))
	proxy := startHAProxy(t, "/tools/betanet/-/ready", func(port string) string {
		return `global
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend web
  bind 127.0.0.1:` + port + `
  http-request deny deny_status 404 unless { path_beg /tools/betanet/ }
  http-request replace-path /tools/betanet/(.*) /\1
  default_backend exporter
backend exporter
  server one ` + host(exporter) + "\n"
	})
	start := proxy + "/tools/betanet/"
	seen, queue := map[string]bool{start: true}, []string{start}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		page, err := get(at)
		if err != nil {
			t.Errorf("broken link: %v", err)
			continue
		}
		base, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range linked.FindAllStringSubmatch(page, -1) {
			to, err := base.Parse(html.UnescapeString(l[1]))
			if err != nil {
				t.Fatal(err)
			}
			to.Fragment = ""
			if to.Host != base.Host || seen[to.String()] {
				continue // the documentation, or already seen
			}
			if !strings.HasPrefix(to.Path, "/tools/betanet/") {
				t.Errorf("%s links to %s, which lacks the prefix", at, to)
			}
			seen[to.String()] = true
			queue = append(queue, to.String())
		}
	}
	if len(seen) < 15 {
		t.Errorf("followed %d links, want at least 15", len(seen))
	}
	p := openTab(t, startBrowser(t), proxy, "/tools/betanet/")
	p.waitForRefresh(t)
	p.follow(t, `.upstreams tbody th a`)
	p.waitForRefresh(t)
	p.follow(t, `.brand a`)
	if got := eval[string](t, p, `location.pathname`); got != "/tools/betanet/" {
		t.Errorf("the link to the home page leads to %s, want /tools/betanet/", got)
	}
}
