package blackbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// What a process may have when no request is out and no connection is kept, however many upstreams it watches and
// whatever they did to it: its listener, its log, the poller of the runtime and the scrapers of this package.
const (
	restingDescriptors = 16
	restingGoroutines  = 30
	restingThreads     = 40
)

// settles checks at the end of a test, before the program is stopped, that nothing is left of the faults. It heals the
// upstreams, lets them close each connection, and waits for a moment at which the process has no more than it started
// with.
func settles(t *testing.T, p *program, servers ...*fake.Server) {
	t.Cleanup(func() {
		if t.Failed() {
			return // a test that ended half-way has left faults behind
		}
		for _, server := range servers {
			publishOnce(server, documentAfter)
		}
		p.await(t, "", func(e exposition) error {
			all := []error{p.fewThreads()}
			for _, server := range servers {
				all = append(all, isLeft(server))
			}
			return errors.Join(append(all, atMost(e, "process_open_fds", restingDescriptors), atMost(e, "go_goroutines", restingGoroutines))...)
		})
	})
}

// publishOnce is publish by an upstream that closes each connection.
func publishOnce(server *fake.Server, id int) {
	for _, path := range v1Paths {
		server.Set(path, fake.ThenClose(fake.Typed(fake.Document(path, id), fake.JSONType, "Connection: close")))
	}
}

// isLeft complains about connections that an upstream still has.
func isLeft(server *fake.Server) error {
	if n := server.Open(); n > 0 {
		return fmt.Errorf("upstream %s has %d open connections, want none", server.Addr(), n)
	}
	return nil
}

func atMost(e exposition, key string, most float64) error {
	if got, ok := e.values[key]; !ok || got > most {
		return fmt.Errorf("%s: got %v, want at most %v", key, got, most)
	}
	return nil
}

// fewThreads complains about threads of the operating system, which Go never gives back.
func (p *program) fewThreads() error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return nil // no Linux, or it has ended
	}
	_, after, _ := strings.Cut(string(text), "\nThreads:")
	var n int
	if _, err := fmt.Sscan(after, &n); err != nil || n > restingThreads {
		return fmt.Errorf("got %d threads (%v), want at most %d", n, err, restingThreads)
	}
	return nil
}
