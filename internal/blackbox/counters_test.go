package blackbox

import (
	"errors"
	"testing"
)

// brisk is a tick a second: the faults come one after the other here, and a single upstream is little work.
func brisk(flag string) []string {
	return []string{
		flag, "--collect.interval=1s", "--collect.timeout=950ms", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
		"--breaker.failures=1000", "--cache.max-stale=0",
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
