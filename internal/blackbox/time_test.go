package blackbox

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// TestAnAttemptTimesOutExactlyAtItsTimeout sends responses a little before the timeout, which are accepted, and a little
// after it.
func TestAnAttemptTimesOutExactlyAtItsTimeout(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	const limit, little = 2 * time.Second, 400 * time.Millisecond
	flags := append([]string{"--collect.interval=3s", "--collect.timeout=2900ms", "--request.timeout=2s"}, commonFlags...)
	for name, late := range map[string]func(path string, delay time.Duration) fake.Behaviour{
		"headers": func(path string, delay time.Duration) fake.Behaviour {
			return fake.Late(delay, fake.JSON(fake.Document(path, documentAfter)))
		},
		"body": func(path string, delay time.Duration) fake.Behaviour {
			d := fake.Document(path, documentAfter)
			return fake.Split(upTo("headers", d), delay, []byte(d))
		},
		"last byte": func(path string, delay time.Duration) fake.Behaviour {
			whole := healthyResponse(fake.Document(path, documentAfter))
			return fake.Split(whole[:len(whole)-1], delay, whole[len(whole)-1:])
		},
		"byte by byte": func(path string, delay time.Duration) fake.Behaviour {
			whole := healthyResponse(fake.Document(path, documentAfter))
			return fake.Drip(whole, delay/time.Duration(len(whole)+1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			upstream := server.Addr()
			p := watch(t, flags, server.URL())
			checkLeaks(t, p, server)
			p.awaitGood(t, upstream, documentBefore)
			for _, path := range v1Paths {
				server.Set(path, late(path, limit+little))
			}
			p.awaitBad(t, upstream, documentBefore, "timeout")
			for _, path := range v1Paths {
				server.Set(path, late(path, limit-little))
			}
			p.awaitGood(t, upstream, documentAfter)
		})
	}
}

// TestValuesVanishWhenTheyAreTooOldAndComeBack has outages longer than max-stale, of all endpoints and of one.
func TestValuesVanishWhenTheyAreTooOldAndComeBack(t *testing.T) {
	t.Parallel()
	const maxStale = 8 * time.Second
	flags := []string{
		"--collect.interval=1s", "--collect.timeout=900ms", "--retry.attempts=1", "--breaker.failures=1000", "--cache.max-stale=" + maxStale.String(),
	}
	for name, broken := range map[string][]string{"all": v1Paths, "one": {fake.Network}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			upstream := server.Addr()
			p := watch(t, flags, server.URL())
			checkLeaks(t, p, server)
			p.awaitGood(t, upstream, documentBefore)

			began := time.Now()
			for _, path := range broken {
				server.Set(path, fake.Status(500, "{}"))
			}
			was := p.await(t, upstream, func(e exposition) error {
				return someBad(e, upstream, documentBefore, broken, "http_5xx")
			})
			for _, path := range broken {
				timestamp := endpoint{upstream, path}.key("betanet_exporter_last_success_timestamp_seconds")
				if was.values[timestamp] < float64(began.Add(-10*time.Second).Unix()) {
					t.Errorf("%s: got %v, want the time of the last good document", timestamp, was.values[timestamp])
				}
			}
			p.await(t, upstream, func(e exposition) error {
				return failing(e, upstream, documentBefore, broken, func(s endpoint) error { return s.neverGood(e, "http_5xx") })
			})
			if took := time.Since(began); took < maxStale-1500*time.Millisecond { // the last good document may be an interval older than the fault
				t.Errorf("the values vanished after %v, want %v", took, maxStale)
			}
			publish(server, documentAfter)
			last := p.awaitGood(t, upstream, documentAfter)
			if err := last.is(series("betanet_exporter_upstream_resets_total", "upstream", upstream), 0); err != nil {
				t.Errorf("after the values vanished and came back: %v", err)
			}
		})
	}
}

// TestAResumedExporterExposesNoOldValues suspends the process for longer than interval, TTL and max-stale together.
// When it resumes, its values are too old, even for a scraper that was waiting, and so is a response that was in
// flight.
func TestAResumedExporterExposesNoOldValues(t *testing.T) {
	t.Parallel()
	const maxStale, stop = 3 * time.Second, 5 * time.Second
	server := start(t)
	p := serve(t, nil, "--betanet.url="+server.URL(), "--collect.interval=1s", "--collect.timeout=900ms",
		"--cache.ttl=500ms", "--cache.max-stale="+maxStale.String(), "--breaker.failures=1000", "--retry.backoff=1ms", "--retry.max-backoff=2ms")
	checkLeaks(t, p, server)
	before := p.await(t, "", func(e exposition) error {
		return errors.Join(counted("cycles", server.Requests(fake.Metrics), 3), allGood(e, "", documentBefore))
	})
	for _, path := range v1Paths {
		response := healthyResponse(fake.Document(path, documentBefore))
		server.Set(path, fake.Split(response[:1], 300*time.Millisecond, response[1:]))
	}
	requests := server.Requests(fake.Metrics)
	p.eventually(t, time.Millisecond, func() error { return counted("requests", server.Requests(fake.Metrics), requests+1) }, p.logTail)
	signal(t, p, syscall.SIGSTOP)
	defer p.Cmd.Process.Signal(syscall.SIGCONT) // otherwise it could not end
	p.awaitSuspended(t)
	publish(server, documentAfter)
	waiting := p.dial(t)
	fmt.Fprint(waiting, "GET /metrics HTTP/1.0\r\nHost: exporter\r\n\r\n")
	<-time.After(stop) // nothing can happen in this time
	signal(t, p, syscall.SIGCONT)

	first, err := readScrape(waiting)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range v1Paths {
		s := endpoint{"", path}
		if s.noValues(first) != nil && s.values(first, documentAfter) != nil {
			t.Errorf("%s: the first scrape has values, but not the new ones: %v", path, s.values(first, documentAfter))
		}
	}
	after := p.awaitGood(t, "", documentAfter)
	for _, c := range []struct {
		name        string
		least, most float64
	}{
		{"betanet_exporter_collections_skipped_total", 3, 6},
		{"betanet_exporter_upstream_resets_total", 0, 0},
		{"betanet_exporter_circuit_breaker_transitions_total", 0, 0},
	} {
		if got := after.sum(c.name) - before.sum(c.name); got < c.least || got > c.most {
			t.Errorf("%s: got an increase of %v, want %v to %v", c.name, got, c.least, c.most)
		}
	}
	p.await(t, "", func(exposition) error { return p.responds("/health", http.StatusOK, `{"status":"healthy"}`) })
}

// awaitSuspended waits until every thread is stopped, which takes a while on a busy machine.
func (p *program) awaitSuspended(t *testing.T) {
	t.Helper()
	p.eventually(t, time.Millisecond, func() error {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.Cmd.Process.Pid))
		if err != nil || len(threads) == 0 {
			t.Skipf("the state of threads is not available here: %v", err)
		}
		for _, file := range threads {
			text, err := os.ReadFile(file)
			if _, after, ok := strings.Cut(string(text), ") "); err == nil && ok && after[0] != 'T' {
				return fmt.Errorf("the thread %s is still running after SIGSTOP", file)
			}
		}
		return nil
	}, p.logTail)
}
