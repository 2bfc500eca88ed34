package blackbox

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// Limits for an idle process, whatever its upstreams did before. It has its listener, its log, the netpoller of the Go
// runtime and the connections of this package's scrapers.
const (
	idleDescriptors = 16
	idleGoroutines  = 30
	idleThreads     = 40
)

// checkLeaks checks at the end of a test, before the program is stopped, that the program leaks nothing. It heals the
// upstreams, lets them close each connection, and waits until the process is within the limits for an idle one.
func checkLeaks(t *testing.T, p *program, servers ...*fake.Server) {
	t.Cleanup(func() {
		if t.Failed() {
			return // faults may still be active
		}
		for _, server := range servers {
			publishOnce(server, documentAfter)
		}
		p.await(t, "", func(e exposition) error {
			all := []error{e.isAtMost("process_open_fds", idleDescriptors), e.isAtMost("go_goroutines", idleGoroutines)}
			// Go never ends an idle thread.
			if n, err := p.Process.Status("Threads"); !errors.Is(err, fs.ErrNotExist) && (err != nil || n > idleThreads) {
				all = append(all, fmt.Errorf("got %d threads (%v), want at most %d", n, err, idleThreads))
			}
			for _, server := range servers {
				all = append(all, isClosed(server))
			}
			return errors.Join(all...)
		})
	})
}

// publishOnce is like publish, but the upstream closes each connection after its response.
func publishOnce(server *fake.Server, id int) {
	for _, path := range v1Paths {
		server.Set(path, fake.ThenClose(fake.Typed(fake.Document(path, id), fake.JSONType, "Connection: close")))
	}
}

// isClosed returns an error if an upstream has open connections.
func isClosed(server *fake.Server) error {
	if n := server.OpenConnections(); n > 0 {
		return fmt.Errorf("upstream %s has %d open connections, want none", server.Addr(), n)
	}
	return nil
}
