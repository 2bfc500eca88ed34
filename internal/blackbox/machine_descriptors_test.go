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

// fewDescriptors runs a command with so many descriptors that of 64 a half is left for upstreams.
var fewDescriptors = []string{"sh", "-c", `ulimit -n 64 && exec "$0" "$@"`}

// scarcity is an exporter with too few descriptors for the upstreams that hang, beside which some live.
type scarcity struct {
	p           *program
	hung, alive []*fake.Server
}

const (
	hungUpstreams  = 80 // more than twice as many as may be connected at a time, three requests of 300 ms every 1.9 s
	aliveUpstreams = 6
)

// startScarcity configures the live upstreams so that a single counted failure would open a breaker, and the
// hanging ones so that none does: they are to take what there is for as long as the test wants.
func startScarcity(t *testing.T) *scarcity {
	t.Helper()
	s := new(scarcity)
	text := "upstreams:\n"
	add := func(server *fake.Server, settings string) {
		text += fmt.Sprintf("- {url: '%s', %s}\n", server.URL(), settings)
	}
	for range hungUpstreams {
		server := start(t)
		hangAll(server)
		s.hung = append(s.hung, server)
		add(server, "request: {timeout: 300ms}, breaker: {failures: 1000000}, retry: {attempts: 1}")
	}
	for range aliveUpstreams {
		server := start(t)
		s.alive = append(s.alive, server)
		add(server, "request: {timeout: 1700ms}, breaker: {failures: 1, open: 2s}")
	}
	file := filepath.Join(t.TempDir(), "betanet.yml")
	write(t, file, text)
	s.p = surroundings{by: fewDescriptors}.start(t, "--config.file="+file, "--collect.interval=1900ms", "--collect.timeout=1800ms", "--cache.max-stale=0")
	return s
}

func hangAll(server *fake.Server) {
	for _, path := range v1Paths {
		server.Set(path, fake.HangAfter(nil))
	}
}

// check complains about whatever may not be at any time while descriptors are short.
func (s *scarcity) check(e exposition) error {
	all := []error{atMost(e, "process_open_fds", 64)}
	for _, server := range s.hung {
		for _, path := range v1Paths {
			st := state{server.Addr(), path}
			all = append(all, st.noValues(e), st.reasonsAmong(e, "timeout", "local"))
		}
	}
	for _, server := range s.alive {
		for _, path := range v1Paths {
			st := state{server.Addr(), path}
			// A document is there as a whole, or not yet.
			if st.noValues(e) != nil {
				all = append(all, st.values(e, documentBefore))
			}
			// What was refused here opens nothing. A busy machine may, by attempts that run into their limit.
			if current, err := st.breaker(e); err != nil || current != "closed" {
				all = append(all, err, st.reasonsAmong(e, "timeout"))
			}
		}
	}
	return errors.Join(all...)
}

// reasonsAmong complains if the endpoint is failing for any other reason.
func (s state) reasonsAmong(e exposition, want ...string) error {
	if len(e.failing[[2]string{s.upstream, endpoints[s.path]}]) == 0 {
		return nil
	}
	return s.reasons(e, want...)
}

// TestTooFewDescriptorsDelayLiveUpstreamsAndOpenNoBreaker has hanging upstreams take every descriptor that may go to
// upstreams, and scrapers all that may go to them.
func TestTooFewDescriptorsDelayLiveUpstreamsAndOpenNoBreaker(t *testing.T) {
	t.Parallel()
	inTheWholeSuiteOnly(t)
	s := startScarcity(t)
	s.await(t, func(e exposition) error { return e.is("process_max_fds", 64) })
	leave := crowd(t, s.p)
	seen := map[state]bool{}
	turnedAway := 0
	e := s.await(t, func(e exposition) error {
		var refused float64
		for _, path := range v1Paths {
			refused += attempts(e, path, "local")
		}
		for _, server := range s.alive {
			for _, path := range v1Paths {
				st := state{server.Addr(), path}
				seen[st] = seen[st] || st.values(e, documentBefore) == nil
				if len(e.failing[[2]string{st.upstream, endpoints[path]}]) > 0 && st.reasons(e, "local") == nil {
					turnedAway++
				}
			}
		}
		if refused < 100 || e.values[rejected("connections")] == 0 {
			return fmt.Errorf("got %v attempts refused and %v connections closed, want 100 and some", refused, e.values[rejected("connections")])
		}
		if turnedAway == 0 {
			return errors.New("no live upstream was refused a connection")
		}
		for st, ok := range seen {
			if !ok {
				return fmt.Errorf("%s has got nothing from %s", st.upstream, st.path)
			}
		}
		return nil
	})
	t.Logf("refused: %v", e.mentioning(`result="local"`))

	leave()
	for _, server := range append(s.hung, s.alive...) {
		publish(server, documentAfter)
	}
	s.p.await(t, "", func(e exposition) error {
		all := []error{atMost(e, "process_open_fds", restingDescriptors)}
		for _, server := range append(s.hung, s.alive...) {
			all = append(all, allGood(e, server.Addr(), documentAfter))
		}
		return errors.Join(all...)
	})
}

// await is a program's, and checks each exposition on the way.
func (s *scarcity) await(t *testing.T, want func(exposition) error) exposition {
	t.Helper()
	var before exposition
	for end := time.Now().Add(deadline); ; {
		e, err := s.p.fetch()
		if err == nil {
			err = errors.Join(s.check(e), noneFell(before, e))
			before = e
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, s.p.log.lines("local"))
		}
		if err = want(e); err == nil {
			return e
		}
		if time.Now().After(end) {
			t.Fatalf("after %v still: %v\n%s", deadline, err, s.p.log.lines("local"))
		}
		<-time.After(100 * time.Millisecond)
	}
}

// crowd opens more connections than the process may have descriptors, with requests that do not end, and returns the
// function that closes them.
func crowd(t *testing.T, p *program) (leave func()) {
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
