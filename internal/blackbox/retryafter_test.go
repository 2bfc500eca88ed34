package blackbox

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// slack is the time by which a pause may seem too short to the server, which measures from the previous request and not
// from the arrival of its response. A busy machine only makes pauses longer.
const slack = 50 * time.Millisecond

// TestNoRequestIsSentBeforeRetryAfterIsOver uses pauses that outlast several cycles.
func TestNoRequestIsSentBeforeRetryAfterIsOver(t *testing.T) {
	t.Parallel()
	const pause = 3 * time.Second
	inSeconds := "Retry-After: 3"
	cases := assignPaths([]faultCase{
		{name: "429 in seconds", reason: "http_429", fault: status(429, inSeconds)},
		{name: "503 in seconds", reason: "http_5xx", fault: status(503, inSeconds)},
		{name: "503 by a date", reason: "http_5xx", fault: func(d string) fake.Behaviour {
			// The clock of this upstream is years behind. The date is relative to its own Date header.
			date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
			return fake.Status(503, d, "Date: "+date.Format(http.TimeFormat), "Retry-After: "+date.Add(pause).Format(http.TimeFormat))
		}},
	})
	checkCases(t, cases, nil, patientFlags, func(t *testing.T, p *program, server *fake.Server, r faultCase) {
		withoutTimeouts(t, p, func() func() {
			// At least the last request got the fault.
			return pauses(t, p, server, r, server.Requests(r.path)-1, 3, pause, time.Hour)
		})
	})
}

// TestAShortRetryAfterIsObeyedWithinTheCycle has an interval of 30 s, so that an earlier request can only be a retry.
func TestAShortRetryAfterIsObeyedWithinTheCycle(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	flags := []string{
		"--collect.interval=30s", "--collect.timeout=25s", "--request.timeout=10s", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
		"--breaker.failures=1000", "--cache.max-stale=0",
	}
	r := faultCase{path: fake.Nodes, reason: "http_429", fault: status(429, "Retry-After: 1")}
	server := start(t)
	r.inject(server)
	p := watch(t, flags, server.URL())
	pauses(t, p, server, r, 0, 3, time.Second, 10*time.Second)()
}

// pauses waits for n requests from the first on, and returns a function that checks the pauses between them.
func pauses(t *testing.T, p *program, server *fake.Server, r faultCase, first, n int, least, most time.Duration) (check func()) {
	t.Helper()
	p.await(t, server.Addr(), func(exposition) error {
		return counted("requests for "+r.path, server.Requests(r.path)-first, n)
	})
	times := server.RequestTimes(r.path)[first:]
	return func() {
		for i := range n - 1 {
			if pause := times[i+1].Sub(times[i]); pause < least-slack || pause > most {
				t.Errorf("got a pause of %v, want %v to %v", pause, least, most)
			}
		}
	}
}

// TestRetryAfterIsLimitedToFiveMinutes reads the time of the next collection from the status.
func TestRetryAfterIsLimitedToFiveMinutes(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	const most = 300 * time.Second
	future := time.Now().Add(1000 * time.Hour).UTC().Format(http.TimeFormat)
	cases := assignPaths([]faultCase{
		{name: "the maximum", reason: "http_429", fault: status(429, "Retry-After: 300")},
		{name: "a second over the maximum", reason: "http_5xx", fault: status(503, "Retry-After: 301")},
		{name: "a year", reason: "http_429", fault: status(429, "Retry-After: 31536000")},
		{name: "too long for a duration", reason: "http_5xx", fault: status(503, "Retry-After: 9223372037")},
		{name: "too long for 64 bits", reason: "http_429", fault: status(429, "Retry-After: 18446744073709551616")},
		{name: "a hundred digits", reason: "http_5xx", fault: status(503, "Retry-After: "+strings.Repeat("9", 100))},
		{name: "a distant date", reason: "http_429", fault: status(429, "Retry-After: "+future)},
		{name: "a date at the end of time", reason: "http_5xx", fault: status(503, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT")},
	})
	servers, urls := startMany(t, len(cases))
	p := watch(t, patientFlags, urls...)
	for i, r := range cases {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			server, upstream := servers[i], servers[i].Addr()
			p.awaitGood(t, upstream, documentBefore)
			r.inject(server)
			p.await(t, upstream, func(e exposition) error { return r.bad(e, upstream) })
			requests := server.Requests(r.path)
			publish(server, documentBefore)
			cycle := server.Requests(r.referencePath())
			p.await(t, upstream, func(e exposition) error {
				return errors.Join(counted("cycles", server.Requests(r.referencePath())-cycle, watchedCycles), r.bad(e, upstream))
			})
			if got := server.Requests(r.path); got != requests {
				t.Errorf("got %d requests before the time was over, want none", got-requests)
			}
			wait := p.status(t).endpoint(upstream, endpoints[r.path]).Wait
			if d := time.Duration(wait * float64(time.Second)); d > most || d < most-time.Minute {
				t.Errorf("the next collection is in %v, want a little less than %v", d, most)
			}
		})
	}
}
