package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// forgedReasonRows are answers that are not HTTP and have words of errors of other kinds: an upstream does not choose its
// reason. Malformed HTTP is malformed HTTP, and is retried.
func forgedReasonRows() []row {
	var rows []row
	for _, word := range []string{
		"tls: ", "oauth2: ", "EOF", "unexpected EOF", "connection reset by peer", "too many open files",
		"context deadline exceeded", "no such host", "i/o timeout", "x509: ",
	} {
		rows = append(rows,
			row{name: "status line " + word, reason: "protocol", fault: raw(func(string) string { return word + "x\r\n\r\n" })},
			row{name: "header " + word, reason: "protocol", fault: withHeader(": " + word + "x")})
	}
	return rows
}

// checkRows gives each row its own upstream, has a single process watch them all, and lets the rows run side by side.
func checkRows(t *testing.T, rows []row, env, flags []string, meanwhile func(*testing.T, *program, *fake.Server, row)) {
	t.Helper()
	var servers []*fake.Server
	var urls []string
	for _, r := range rows {
		server := start(t)
		server.SetTransport(r.healthy())
		servers, urls = append(servers, server), append(urls, r.url(server))
	}
	p := watchEnv(t, env, flags, urls...)
	settles(t, p, servers...)
	for i, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			server := servers[i]
			r.check(t, p, server, server.Addr(), func(exposition) { meanwhile(t, p, server, r) })
			r.healed(t, p, server, server.Addr())
		})
	}
}

// reference is a healthy path of the same upstream. It is asked exactly once in every cycle, so it counts the cycles.
func (r row) reference() string {
	if r.path == fake.Metrics {
		return fake.Nodes
	}
	return fake.Metrics
}

// watchedCycles is enough to see that something stays as it is.
const watchedCycles = 3

// forSomeCycles waits for some more collections, or attempts at them.
func forSomeCycles(t *testing.T, p *program, server *fake.Server, r row) {
	t.Helper()
	if r.whole != nil {
		return
	}
	before := server.Requests(r.reference())
	p.await(t, server.Addr(), func(exposition) error {
		if cycles := server.Requests(r.reference()) - before; cycles < watchedCycles {
			return fmt.Errorf("got %d cycles, want %d", cycles, watchedCycles)
		}
		return nil
	})
}

// TestEachReasonShowsInAProcess takes the first fault of each reason through a process that collects by its own clock,
// and that has nothing left of them at the end.
func TestEachReasonShowsInAProcess(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	rows := map[string][]row{}
	for _, r := range allRows() {
		if !seen[r.reason] && !seen[r.reasons()[0]] {
			seen[r.reason] = true
			kind := "at once"
			if r.reason == "timeout" {
				kind = "without end"
			}
			rows[kind] = append(rows[kind], r)
		}
	}
	// The roots of the system are what the exporter trusts by default; this variable of Go's own replaces them.
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, []byte(roots), 0o600); err != nil {
		t.Fatal(err)
	}
	for kind, flags := range map[string][]string{"at once": patient, "without end": quick} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			checkRows(t, rows[kind], []string{"SSL_CERT_FILE=" + file}, flags, forSomeCycles)
		})
	}
}
