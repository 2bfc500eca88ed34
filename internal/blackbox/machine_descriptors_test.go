package blackbox

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// fewDescriptors runs a command with 64 descriptors, of which half are left for upstreams.
var fewDescriptors = []string{"sh", "-c", `ulimit -n 64 && exec "$0" "$@"`}

// fdShortage is an exporter with too few descriptors for its upstreams, most of which hang.
type fdShortage struct {
	p             *program
	hung, healthy []*fake.Server
}

const (
	hangingUpstreams = 80 // more than twice the connection limit, with three requests of 300 ms every 1.9 s
	healthyUpstreams = 6
)

// startFDShortage configures the healthy upstreams so that a single counted failure opens a breaker. The breakers of the
// hanging upstreams never open, so that their requests use all descriptors until the end of the test.
func startFDShortage(t *testing.T) *fdShortage {
	t.Helper()
	s := new(fdShortage)
	text := "upstreams:\n"
	add := func(server *fake.Server, settings string) {
		text += fmt.Sprintf("- {url: '%s', %s}\n", server.URL(), settings)
	}
	for range hangingUpstreams {
		server := start(t)
		setAll(server, fake.HangAfter(nil))
		s.hung = append(s.hung, server)
		add(server, "request: {timeout: 300ms}, breaker: {failures: 1000000}, retry: {attempts: 1}")
	}
	for range healthyUpstreams {
		server := start(t)
		s.healthy = append(s.healthy, server)
		add(server, "request: {timeout: 1700ms}, breaker: {failures: 1, open: 2s}")
	}
	file := filepath.Join(t.TempDir(), "betanet.yml")
	write(t, file, text)
	s.p = launch{wrapper: fewDescriptors}.start(t, "--config.file="+file, "--collect.interval=1900ms", "--collect.timeout=1800ms", "--cache.max-stale=0")
	return s
}

// check returns an error for anything that must not happen during the shortage.
func (s *fdShortage) check(e exposition) error {
	all := []error{e.isAtMost("process_open_fds", 64)}
	for _, server := range s.hung {
		for _, path := range v1Paths {
			st := endpoint{server.Addr(), path}
			all = append(all, st.noValues(e), st.reasonsAmong(e, "timeout", "local"))
		}
	}
	for _, server := range s.healthy {
		for _, path := range v1Paths {
			st := endpoint{server.Addr(), path}
			// A document is exposed as a whole, or not yet.
			if st.noValues(e) != nil {
				all = append(all, st.values(e, documentBefore))
			}
			// A connection refused by the limit opens no breaker. A timeout on a busy machine may.
			if current, err := st.breaker(e); err != nil || current != "closed" {
				all = append(all, err, st.reasonsAmong(e, "timeout"))
			}
		}
	}
	return errors.Join(all...)
}

// reasonsAmong returns an error if the endpoint is failing for a reason that is not listed.
func (s endpoint) reasonsAmong(e exposition, want ...string) error {
	if len(s.failing(e)) == 0 {
		return nil
	}
	return s.reasons(e, want...)
}

// TestTooFewDescriptorsDelayLiveUpstreamsAndOpenNoBreaker lets hanging upstreams and scrapers use all descriptors of the
// exporter.
func TestTooFewDescriptorsDelayLiveUpstreamsAndOpenNoBreaker(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	s := startFDShortage(t)
	s.await(t, func(e exposition) error { return e.is("process_max_fds", 64) })
	disconnect := openRequests(t, s.p)
	seen := map[endpoint]bool{}
	turnedAway := 0
	e := s.await(t, func(e exposition) error {
		var refused float64
		for _, path := range v1Paths {
			refused += e.attempts(path, "local")
		}
		for _, server := range s.healthy {
			for _, path := range v1Paths {
				st := endpoint{server.Addr(), path}
				seen[st] = seen[st] || st.values(e, documentBefore) == nil
				if len(st.failing(e)) > 0 && st.reasons(e, "local") == nil {
					turnedAway++
				}
			}
		}
		if refused < 100 || e.values[rejected("connections")] == 0 {
			return fmt.Errorf("got %v refused attempts and %v closed connections, want at least 100 and 1", refused, e.values[rejected("connections")])
		}
		if turnedAway == 0 {
			return errors.New("no healthy upstream was refused a connection")
		}
		for st, ok := range seen {
			if !ok {
				return fmt.Errorf("%s: no document from %s", st.upstream, st.path)
			}
		}
		return nil
	})
	t.Logf("refused: %v", e.mentioning(`result="local"`))

	disconnect()
	for _, server := range append(s.hung, s.healthy...) {
		publish(server, documentAfter)
	}
	s.p.await(t, "", func(e exposition) error {
		all := []error{e.isAtMost("process_open_fds", idleDescriptors)}
		for _, server := range append(s.hung, s.healthy...) {
			all = append(all, allGood(e, server.Addr(), documentAfter))
		}
		return errors.Join(all...)
	})
}

// await is like program.await, and checks each exposition.
func (s *fdShortage) await(t *testing.T, want func(exposition) error) (e exposition) {
	t.Helper()
	s.p.eventually(t, 100*time.Millisecond, func() error {
		before := e
		var err error
		if e, err = s.p.fetch(); err == nil {
			err = errors.Join(s.check(e), noneFell(before, e))
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, s.p.log.Tail("local"))
		}
		return want(e)
	}, func() string { return s.p.log.Tail("local") })
	return e
}

// openRequests opens more connections than the process may have descriptors, with requests that never end, and returns a
// function that closes them.
func openRequests(t *testing.T, p *program) (disconnect func()) {
	t.Helper()
	var all []io.Closer
	for range 70 {
		conn := p.dial(t)
		io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: exporter\r\nX: ")
		all = append(all, conn)
	}
	return func() {
		for _, conn := range all {
			conn.Close()
		}
	}
}
