package blackbox

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// slack is by how much less than asked for a pause may look at the server, whose clock starts when it reads the request
// and not when its answer has arrived. Only the other direction is caused by a busy machine.
const slack = 50 * time.Millisecond

// TestNothingIsAskedBeforeRetryAfterIsOver uses pauses longer than a cycle, so that they outlast several ticks.
func TestNothingIsAskedBeforeRetryAfterIsOver(t *testing.T) {
	t.Parallel()
	const pause = 3 * time.Second
	inSeconds := "Retry-After: 3"
	rows := spread([]row{
		{name: "429 in seconds", reason: "http_429", fault: status(429, inSeconds)},
		{name: "503 in seconds", reason: "http_5xx", fault: status(503, inSeconds)},
		{name: "503 by a date", reason: "http_5xx", fault: func(d string) fake.Behaviour {
			// The clock of this upstream is years behind. Only its own Date makes sense of the other one.
			date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
			return fake.Status(503, d, "Date: "+date.Format(http.TimeFormat), "Retry-After: "+date.Add(pause).Format(http.TimeFormat))
		}},
	})
	checkRows(t, rows, nil, patient, func(t *testing.T, p *program, server *fake.Server, r row) {
		undisturbed(t, p, func() func() {
			// At least one request was refused. The last one was, in any case.
			return pauses(t, p, server, r, server.Requests(r.path)-1, 3, pause, time.Hour)
		})
	})
}

// TestAShortRetryAfterIsWaitedForWithinTheCycle has a tick every 30 s, so that only a retry can come earlier.
func TestAShortRetryAfterIsWaitedForWithinTheCycle(t *testing.T) {
	t.Parallel()
	inTheWholeSuiteOnly(t)
	flags := []string{
		"--collect.interval=30s", "--collect.timeout=25s", "--request.timeout=10s", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
		"--breaker.failures=1000", "--cache.max-stale=0",
	}
	r := row{path: fake.Nodes, reason: "http_429", fault: status(429, "Retry-After: 1")}
	server := start(t)
	r.begin(server)
	p := watch(t, flags, server.URL())
	pauses(t, p, server, r, 0, 3, time.Second, 10*time.Second)()
}

// pauses waits for n requests from the first on, and judges the pauses between them.
func pauses(t *testing.T, p *program, server *fake.Server, r row, first, n int, least, most time.Duration) (judge func()) {
	t.Helper()
	p.await(t, server.Addr(), func(exposition) error {
		if got := server.Requests(r.path) - first; got < n {
			return fmt.Errorf("got %d requests for %s, want %d", got, r.path, n)
		}
		return nil
	})
	times := server.RequestTimes(r.path)[first:]
	return func() {
		for i := range n - 1 {
			if pause := times[i+1].Sub(times[i]); pause < least-slack || pause > most {
				t.Errorf("got a pause of %v, want from %v to %v", pause, least, most)
			}
		}
	}
}

// TestARetryAfterOfAnyLengthIsAtMostFiveMinutes reads from the status when the endpoint is to be asked again.
func TestARetryAfterOfAnyLengthIsAtMostFiveMinutes(t *testing.T) {
	t.Parallel()
	inTheWholeSuiteOnly(t)
	const most = 300 * time.Second
	future := time.Now().Add(1000 * time.Hour).UTC().Format(http.TimeFormat)
	rows := spread([]row{
		{name: "as long as may be", reason: "http_429", fault: status(429, "Retry-After: 300")},
		{name: "a second more", reason: "http_5xx", fault: status(503, "Retry-After: 301")},
		{name: "a year", reason: "http_429", fault: status(429, "Retry-After: 31536000")},
		{name: "more than a duration holds", reason: "http_5xx", fault: status(503, "Retry-After: 9223372037")},
		{name: "more than 64 bits hold", reason: "http_429", fault: status(429, "Retry-After: 18446744073709551616")},
		{name: "a hundred digits", reason: "http_5xx", fault: status(503, "Retry-After: "+strings.Repeat("9", 100))},
		{name: "a date far off", reason: "http_429", fault: status(429, "Retry-After: "+future)},
		{name: "a date at the end of time", reason: "http_5xx", fault: status(503, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT")},
	})
	var servers []*fake.Server
	var urls []string
	for range rows {
		server := start(t)
		servers, urls = append(servers, server), append(urls, server.URL())
	}
	p := watch(t, patient, urls...)
	for i, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			server, upstream := servers[i], servers[i].Addr()
			p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentBefore) })
			r.begin(server)
			p.await(t, upstream, func(e exposition) error {
				return r.bad(e, upstream)
			})
			asked := server.Requests(r.path)
			publish(server, documentBefore)
			cycle := server.Requests(r.reference())
			p.await(t, upstream, func(e exposition) error {
				if n := server.Requests(r.reference()) - cycle; n < watchedCycles {
					return fmt.Errorf("got %d cycles, want %d", n, watchedCycles)
				}
				return r.bad(e, upstream)
			})
			if got := server.Requests(r.path); got != asked {
				t.Errorf("got %d requests before the time had come, want none", got-asked)
			}
			wait := p.status(t).endpoint(upstream, endpoints[r.path]).Wait
			if d := time.Duration(wait * float64(time.Second)); d > most || d < most-time.Minute {
				t.Errorf("the next collection is in %v, want a little less than %v", d, most)
			}
		})
	}
}
