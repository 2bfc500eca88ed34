package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// numbers matches the numbers in a log line, which differ from one outage to the next.
var numbers = regexp.MustCompile(`[0-9][0-9.]*`)

// outageLines returns the log lines of an outage with times and numbers replaced, and without the summary of each minute.
func outageLines(text []string) (all []string) {
	for _, line := range text {
		_, line, found := strings.Cut(line, "level=")
		if !found || strings.HasPrefix(line, "DEBUG ") || strings.Contains(line, "Updated metrics") {
			continue
		}
		line = regexp.MustCompile(` source=\S+`).ReplaceAllString(line, "")
		line = regexp.MustCompile(`N(ms|s|m)+(Ns)?`).ReplaceAllString(numbers.ReplaceAllString(line, "N"), "D")
		all = append(all, line)
	}
	return all
}

func TestTheLogOfAnOutageMatchesTheDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(page), "\n## The log of an outage\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	want := outageLines(strings.Split(chapter, "\n"))
	if len(want) < 5 {
		t.Fatalf("got %d lines of a log in docs/troubleshooting.md, want an outage", len(want))
	}

	text := "upstreams:\n"
	servers, urls := startMany(t, 3)
	for i, url := range urls {
		publish(servers[i], i)
		text += fmt.Sprintf("  - {name: edge-%d, url: %q}\n", i+1, url)
	}
	first := servers[0]
	p := serveConfig(t, t.TempDir(), text, "--collect.interval=5s", "--collect.timeout=4s", "--retry.backoff=200ms", "--breaker.open=1s", "--cache.max-stale=12s")
	p.await(t, "edge-1", func(e exposition) error { return e.is(series("betanet_up", "upstream", "edge-1"), 1) })
	first.Refuse()
	p.awaitLog(t, "Cached data expired")
	if err := first.Listen(); err != nil {
		t.Fatal(err)
	}
	p.awaitLog(t, "Service recovered")

	log := p.log.Lines()
	begin := slices.IndexFunc(log, func(line string) bool { return strings.Contains(line, "Attempt 1 failed") })
	end := slices.IndexFunc(log, func(line string) bool { return strings.Contains(line, "Service recovered") })
	if got := outageLines(log[begin : end+1]); !slices.Equal(got, want) {
		t.Errorf("got the log\n%s\nwant the one in docs/troubleshooting.md\n%s\nas written\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), strings.Join(log[begin:end+1], "\n"))
	}
}
