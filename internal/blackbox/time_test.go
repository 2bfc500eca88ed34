package blackbox

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// TestTheLimitOfAnAttemptIsWhereItIsSaidToBe has answers a little before the limit, which are good, and a little after.
func TestTheLimitOfAnAttemptIsWhereItIsSaidToBe(t *testing.T) {
	t.Parallel()
	inTheWholeSuiteOnly(t)
	const limit, little = 2 * time.Second, 400 * time.Millisecond
	flags := append([]string{"--collect.interval=3s", "--collect.timeout=2900ms", "--request.timeout=2s"}, common...)
	for name, late := range map[string]func(path string, delay time.Duration) fake.Behaviour{
		"headers": func(path string, delay time.Duration) fake.Behaviour {
			return fake.Late(delay, fake.JSON(fake.Document(path, documentAfter)))
		},
		"body": func(path string, delay time.Duration) fake.Behaviour {
			d := fake.Document(path, documentAfter)
			return fake.Split(upTo("headers", d), delay, []byte(d))
		},
		"last byte": func(path string, delay time.Duration) fake.Behaviour {
			whole := healthyAnswer(fake.Document(path, documentAfter))
			return fake.Split(whole[:len(whole)-1], delay, whole[len(whole)-1:])
		},
		"in drops": func(path string, delay time.Duration) fake.Behaviour {
			whole := healthyAnswer(fake.Document(path, documentAfter))
			return fake.Drip(whole, delay/time.Duration(len(whole)+1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			upstream := server.Addr()
			p := watch(t, flags, server.URL())
			settles(t, p, server)
			p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentBefore) })
			for _, path := range v1Paths {
				server.Set(path, late(path, limit+little))
			}
			p.await(t, upstream, func(e exposition) error { return allBad(e, upstream, documentBefore, "timeout") })
			for _, path := range v1Paths {
				server.Set(path, late(path, limit-little))
			}
			p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentAfter) })
		})
	}
}

// TestValuesVanishWhenTheyAreTooOldAndComeBack is an outage longer than max-stale, of all endpoints and of one.
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
			settles(t, p, server)
			p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentBefore) })

			began := time.Now()
			for _, path := range broken {
				server.Set(path, fake.Status(500, "{}"))
			}
			was := p.await(t, upstream, func(e exposition) error {
				return someBad(e, upstream, documentBefore, broken, "http_5xx")
			})
			for _, path := range broken {
				timestamp := state{upstream, path}.key("betanet_exporter_last_success_timestamp_seconds")
				if was.values[timestamp] < float64(began.Add(-10*time.Second).Unix()) {
					t.Errorf("%s: got %v, want the time of the last good document", timestamp, was.values[timestamp])
				}
			}
			p.await(t, upstream, func(e exposition) error {
				return failing(e, upstream, documentBefore, broken, func(s state) error { return s.never(e, "http_5xx") })
			})
			if took := time.Since(began); took < maxStale-1500*time.Millisecond { // the last good one may be a tick older than the fault
				t.Errorf("the values vanished after %v, want %v", took, maxStale)
			}
			publish(server, documentAfter)
			last := p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentAfter) })
			if err := last.is(series("betanet_exporter_upstream_resets_total", "upstream", upstream), 0); err != nil {
				t.Errorf("after values that vanished and came back: %v", err)
			}
		})
	}
}

// TestAStoppedExporterIsHonestWhenItGoesOn stops the process for longer than interval, TTL and max-stale together. What
// it had is then too old to be shown, even to the scraper who has been waiting all the time; and so is an answer that was
// on its way.
func TestAStoppedExporterIsHonestWhenItGoesOn(t *testing.T) {
	t.Parallel()
	const maxStale, stop = 3 * time.Second, 5 * time.Second
	server := start(t)
	p := serve(t, nil, "--betanet.url="+server.URL(), "--collect.interval=1s", "--collect.timeout=900ms",
		"--cache.ttl=500ms", "--cache.max-stale="+maxStale.String(), "--breaker.failures=1000", "--retry.backoff=1ms", "--retry.max-backoff=2ms")
	settles(t, p, server)
	before := p.await(t, "", func(e exposition) error {
		if n := server.Requests(fake.Metrics); n < 3 {
			return fmt.Errorf("got %d cycles, want 3", n)
		}
		return allGood(e, "", documentBefore)
	})
	for _, path := range v1Paths {
		answer := healthyAnswer(fake.Document(path, documentBefore))
		server.Set(path, fake.Split(answer[:1], 300*time.Millisecond, answer[1:]))
	}
	asked := server.Requests(fake.Metrics)
	for end := time.Now().Add(deadline); server.Requests(fake.Metrics) == asked && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
	signal(t, p, syscall.SIGSTOP)
	defer syscall.Kill(p.pid, syscall.SIGCONT) // or it could not end
	p.isStopped(t)
	publish(server, documentAfter)
	waiting, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	fmt.Fprint(waiting, "GET /metrics HTTP/1.0\r\nHost: exporter\r\n\r\n")
	<-time.After(stop) // the outage itself; nothing can happen in it
	signal(t, p, syscall.SIGCONT)

	first, err := read(waiting)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range v1Paths {
		s := state{"", path}
		if s.noValues(first) != nil && s.values(first, documentAfter) != nil {
			t.Errorf("the first scrape has neither no values nor the new ones of %s: %v", path, s.values(first, documentAfter))
		}
	}
	after := p.await(t, "", func(e exposition) error { return allGood(e, "", documentAfter) })
	for _, c := range []struct {
		name        string
		least, most float64
	}{
		{"betanet_exporter_collections_skipped_total", 3, 6},
		{"betanet_exporter_upstream_resets_total", 0, 0},
		{"betanet_exporter_circuit_breaker_transitions_total", 0, 0},
	} {
		if got := sumOf(after, c.name) - sumOf(before, c.name); got < c.least || got > c.most {
			t.Errorf("%s: got %v more, want from %v to %v", c.name, got, c.least, c.most)
		}
	}
	p.await(t, "", func(exposition) error { return answers(p.url+"/health", http.StatusOK, `{"status":"healthy"}`) })
}

// isStopped waits until no thread runs any more: on a busy machine that takes a while.
func (p *program) isStopped(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(deadline); ; <-time.After(time.Millisecond) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.pid))
		if err != nil || len(threads) == 0 {
			t.Skipf("how threads are is not shown here: %v", err)
		}
		running := 0
		for _, file := range threads {
			text, err := os.ReadFile(file)
			if _, after, ok := strings.Cut(string(text), ") "); err == nil && ok && after[0] != 'T' {
				running++
			}
		}
		if running == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d threads run after SIGSTOP", running)
		}
	}
}

func signal(t *testing.T, p *program, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(p.pid, s); err != nil {
		t.Fatal(err)
	}
}
