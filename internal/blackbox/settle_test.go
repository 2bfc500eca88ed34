package blackbox

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// Limits for a process without requests and kept connections, whatever its upstreams did before: it has its listener, its
// log, the poller of the runtime and the scrapers of this package.
const (
	restingDescriptors = 16
	restingGoroutines  = 30
	restingThreads     = 40
)

// settles checks at the end of a test, before the program is stopped, that the faults leave nothing behind. It heals the
// upstreams, lets them close each connection, and waits until the process is back at its limits.
func settles(t *testing.T, p *program, servers ...*fake.Server) {
	t.Cleanup(func() {
		if t.Failed() {
			return // faults may still be active
		}
		for _, server := range servers {
			publishOnce(server, documentAfter)
		}
		p.await(t, "", func(e exposition) error {
			all := []error{e.isAtMost("process_open_fds", restingDescriptors), e.isAtMost("go_goroutines", restingGoroutines)}
			// Go never gives a thread back.
			if n, err := p.Process.Status("Threads"); !errors.Is(err, fs.ErrNotExist) && (err != nil || n > restingThreads) {
				all = append(all, fmt.Errorf("got %d threads (%v), want at most %d", n, err, restingThreads))
			}
			for _, server := range servers {
				all = append(all, isClosed(server))
			}
			return errors.Join(all...)
		})
	})
}

// publishOnce is publish by an upstream that closes each connection.
func publishOnce(server *fake.Server, id int) {
	for _, path := range v1Paths {
		server.Set(path, fake.ThenClose(fake.Typed(fake.Document(path, id), fake.JSONType, "Connection: close")))
	}
}

// isClosed returns an error if an upstream has open connections.
func isClosed(server *fake.Server) error {
	if n := server.Open(); n > 0 {
		return fmt.Errorf("upstream %s has %d open connections, want none", server.Addr(), n)
	}
	return nil
}
