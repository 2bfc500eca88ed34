package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// numbers are what differs from one outage to the next.
var numbers = regexp.MustCompile(`[0-9][0-9.]*`)

// outageLines are the lines of an outage, without their times and numbers and
// without those that sum up a minute.
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

func TestTheDocumentedLogOfAnOutageIsWhatTheProgramWrites(t *testing.T) {
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

	var file strings.Builder
	fmt.Fprintln(&file, "upstreams:")
	var servers []*fake.Server
	for i := range 3 {
		s := start(t)
		publish(s, i)
		fmt.Fprintf(&file, "  - {name: edge-%d, url: %q}\n", i+1, s.URL())
		servers = append(servers, s)
	}
	config := filepath.Join(t.TempDir(), "c.yml")
	if err := os.WriteFile(config, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serve(t, nil, "--config.file="+config, "--collect.interval=5s", "--collect.timeout=4s", "--retry.backoff=200ms", "--breaker.open=1s", "--cache.max-stale=12s")
	p.await(t, "edge-1", func(e exposition) error { return e.is(series("betanet_up", "upstream", "edge-1"), 1) })
	servers[0].Refuse()
	said := func(words string) {
		t.Helper()
		for end := time.Now().Add(deadline); !p.log.contains(words); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%q is not in the log:\n%s", words, strings.Join(p.log.all(), "\n"))
			}
		}
	}
	said("Cached data expired")
	if err := servers[0].Listen(); err != nil {
		t.Fatal(err)
	}
	said("Service recovered")

	log := p.log.all()
	first := slices.IndexFunc(log, func(line string) bool { return strings.Contains(line, "Attempt 1 failed") })
	last := slices.IndexFunc(log, func(line string) bool { return strings.Contains(line, "Service recovered") })
	if got := outageLines(log[first : last+1]); !slices.Equal(got, want) {
		t.Errorf("got the log\n%s\nwant that of docs/troubleshooting.md\n%s\nas written\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), strings.Join(log[first:last+1], "\n"))
	}
}
