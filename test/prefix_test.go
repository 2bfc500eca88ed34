package test

import (
	"html"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// linked are the links and the targets of forms of a page.
var linked = regexp.MustCompile(`<(?:a|form)[^>]* (?:href|action)="([^"]*)"`)

// TestThePageWorksBelowAPathOfAProxy follows every link behind haproxy, which serves
// the exporter below a path and nothing else.
func TestThePageWorksBelowAPathOfAProxy(t *testing.T) {
	haproxy := component(t, "haproxy", "haproxy")
	exporter := expose(t, 3, simulate(t, "v1"))
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	proxy, urls := serve(t, []string{"127.0.0.1"}, "/tools/betanet/-/ready", haproxy, func(port string) []string {
		config := `global
  noreuseport
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
  server one ` + strings.TrimPrefix(exporter, "http://") + "\n"
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"-db", "-f", file}
	})
	t.Cleanup(proxy.kill) // on SIGTERM it would end with 143
	start := urls[0] + "/tools/betanet/"
	seen, queue := map[string]bool{start: true}, []string{start}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		page, err := get(at)
		if err != nil {
			t.Errorf("a link leads to nothing: %v", err)
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
				continue // the documentation, or known
			}
			if !strings.HasPrefix(to.Path, "/tools/betanet/") {
				t.Errorf("%s links to %s, which is not below the path", at, to)
			}
			seen[to.String()] = true
			queue = append(queue, to.String())
		}
	}
	if len(seen) < 15 {
		t.Errorf("followed only %d links", len(seen))
	}
	p := open(t, browser(t), urls[0], "/tools/betanet/")
	p.waitForRefresh(t)
	p.follow(t, `.upstreams tbody th a`)
	p.waitForRefresh(t)
	p.follow(t, `.brand a`)
	if got := eval[string](t, p, `location.pathname`); got != "/tools/betanet/" {
		t.Errorf("the way home leads to %s", got)
	}
}
