package blackbox

import (
	"errors"
	"fmt"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// The counters of attempts are sums over all upstreams, so they are checked in an exporter of one upstream only. Its
// three endpoints have a counter each.

type countedFault struct {
	reason  string
	fault   func(string) fake.Behaviour
	retried bool
}

var countedFaults = []countedFault{
	{"eof", cut("half of the body"), true},
	{"reset", reset("half of the body"), true},
	{"protocol", withHeader("what is this"), true},
	{"timeout", hang("headers"), true},
	{"http_5xx", status(503), true},
	{"http_5xx", status(501), false},
	{"http_4xx", status(408), true},
	{"http_4xx", status(404), false},
	{"http_429", status(429), true},
	{"auth", status(403), false},
	{"http_status", status(206), false},
	{"redirect", status(307, "Location: /status"), false},
	{"too_large", func(d string) fake.Behaviour { return fake.JSON(padded(d, mebibyte+1)) }, false},
	{"encoding", typed(fake.JSONType, "Content-Encoding: gzip"), false},
	{"content_type", typed("Content-Type: text/plain"), false},
	{"json_syntax", fixed("{"), true},
	{"schema", fixed("{}"), false},
	{"value", func(d string) fake.Behaviour { return fake.JSON(negative(d)) }, false},
}

func TestEveryAttemptIsCountedByItsResult(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retried bool
		flags   []string
	}{
		"retried":     {true, brisk("--request.timeout=300ms")},
		"not retried": {false, brisk("--request.timeout=950ms")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			p := serve(t, nil, append([]string{"--betanet.url=" + server.URL()}, c.flags...)...)
			settles(t, p, server)
			p.await(t, "", func(e exposition) error {
				// What is said about the process may be a second old, and at first it knows of no upstream yet.
				if got := server.Requests(fake.Metrics); got < 4 {
					return fmt.Errorf("got %d cycles, want a fourth", got)
				}
				return allGood(e, "", documentBefore)
			})
			countOnEachEndpoint(t, p, server, c.retried)
			if c.retried {
				server.Refuse()
				for _, path := range v1Paths {
					checkCounters(t, p, path, "connect", true)
				}
				if err := server.Listen(); err != nil {
					t.Fatal(err)
				}
			}
			p.await(t, "", func(e exposition) error { return allGood(e, "", documentBefore) })
		})
	}
}

// brisk is a tick a second: the faults come one after the other here, and a single upstream is little work.
func brisk(flag string) []string {
	return []string{
		flag, "--collect.interval=1s", "--collect.timeout=950ms", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
		"--breaker.failures=1000", "--cache.max-stale=0",
	}
}

// countOnEachEndpoint deals the faults out to the endpoints and lets each endpoint go through its own.
func countOnEachEndpoint(t *testing.T, p *program, server *fake.Server, retried bool) {
	faults := map[string][]countedFault{}
	n := 0
	for _, c := range countedFaults {
		if c.retried == retried {
			path := v1Paths[n%len(v1Paths)]
			faults[path] = append(faults[path], c)
			n++
		}
	}
	t.Run("endpoint", func(t *testing.T) {
		for path, list := range faults {
			t.Run(endpoints[path], func(t *testing.T) {
				t.Parallel()
				for _, c := range list {
					server.Set(path, c.fault(fake.Document(path, documentFaulty)))
					checkCounters(t, p, path, c.reason, c.retried)
					server.Set(path, fake.JSON(fake.Document(path, documentBefore)))
					p.await(t, "", func(e exposition) error { return state{"", path}.good(e, documentBefore) })
				}
			})
		}
	})
}

// checkCounters waits for some failures of the reason and complains about retries that were not to be. For a while
// after the fault has begun an attempt may still end as the ones before it did, so it counts from the first failure on.
func checkCounters(t *testing.T, p *program, path, reason string, retried bool) {
	t.Helper()
	count := func(e exposition, result string) float64 {
		return e.values[series("betanet_exporter_attempts_total", "endpoint", endpoints[path], "result", result)]
	}
	retries := series("betanet_exporter_retries_total", "endpoint", endpoints[path])
	for again := true; again; {
		first := p.await(t, "", func(e exposition) error { return state{"", path}.bad(e, documentBefore, reason) })
		last := p.await(t, "", func(e exposition) error {
			if got := count(e, reason) - count(first, reason); got < 2 {
				return fmt.Errorf("got %v more attempts at %s that ended in %s, want at least 2", got, path, reason)
			}
			if got := e.values[retries] - first.values[retries]; retried && got < 1 {
				return fmt.Errorf("%s: got %v more, want some", retries, got)
			}
			return nil
		})
		// An attempt that a busy machine has made run into its limit is repeated, and says nothing here.
		again = !retried && count(last, "timeout") != count(first, "timeout")
		if got := last.values[retries] - first.values[retries]; !retried && !again && got != 0 {
			t.Errorf("%s: got %v more while every attempt ended in %s, want none", retries, got, reason)
		}
		if got := count(last, "success") - count(first, "success"); got != 0 {
			t.Errorf("got %v more attempts at %s that ended in success while every one ended in %s, want none", got, path, reason)
		}
	}
}

// TestEveryResultHasACounterFromTheStart checks that rates of rare reasons begin at 0 and not at their first event.
func TestEveryResultHasACounterFromTheStart(t *testing.T) {
	t.Parallel()
	server := start(t)
	p := serve(t, nil, append([]string{"--betanet.url=" + server.URL()}, unhurried...)...)
	p.await(t, "", func(e exposition) error {
		all := []error{allGood(e, "", documentBefore)}
		for _, path := range v1Paths {
			for _, result := range []string{
				"connect", "reset", "eof", "protocol", "dns", "proxy", "timeout", "tls", "http_5xx", "http_4xx", "http_429", "auth", "http_status",
				"redirect", "too_large", "encoding", "content_type", "json_syntax", "schema", "value", "canceled", "local",
			} {
				all = append(all, e.is(series("betanet_exporter_attempts_total", "endpoint", endpoints[path], "result", result), 0))
			}
		}
		return errors.Join(all...)
	})
}
