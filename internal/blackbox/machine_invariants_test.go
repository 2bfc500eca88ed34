package blackbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Invariants of every scrape, whatever happens to the upstreams and the machine.

var breakerStates = []string{"closed", "half_open", "open"}

// breaker returns the state of the endpoint's circuit breaker.
func (s endpoint) breaker(e exposition) (string, error) {
	got, ok := e.values[s.key("betanet_exporter_circuit_breaker_state")]
	if !ok || got != 0 && got != 1 && got != 2 {
		return "", fmt.Errorf("breaker of %s at %s: got %v (%v), want 0, 1 or 2", s.upstream, s.path, got, ok)
	}
	return breakerStates[int(got)], nil
}

// consistent returns an error if the series of an endpoint contradict each other.
func (s endpoint) consistent(e exposition) error {
	_, err := s.breaker(e)
	up, present := e.values[s.key("betanet_exporter_endpoint_up")]
	reasons := s.failing(e)
	switch {
	case !present:
		err = errors.Join(err, fmt.Errorf("%s at %s has no endpoint_up", s.upstream, s.path))
	case up == 1 && len(reasons) > 0:
		err = errors.Join(err, fmt.Errorf("%s at %s is up and failing for %q at once", s.upstream, s.path, reasons))
	case len(reasons) > 1:
		err = errors.Join(err, fmt.Errorf("%s at %s is failing for %q at once", s.upstream, s.path, reasons))
	case up == 0 && e.values[series("betanet_up", "upstream", s.upstream)] != 0:
		err = errors.Join(err, fmt.Errorf("%s is up and %s is not", s.upstream, s.path))
	}
	return errors.Join(err, s.notStale(e))
}

// upstreamCounters lists the counters that are exposed as the upstream sent them, and may fall.
var upstreamCounters = []string{
	"betanet_messages_total", "betanet_packets_dropped_total", "betanet_bytes_transmitted_total", "betanet_bytes_received_total",
}

// isOwnCounter reports whether a series is a counter of the exporter itself, which must not fall.
func isOwnCounter(key string) bool {
	name, _, _ := strings.Cut(key, "{")
	return strings.HasPrefix(name, "betanet_") && !slices.Contains(upstreamCounters, name) &&
		(strings.HasSuffix(name, "_total") || strings.HasSuffix(name, "_count"))
}

// noneFell returns an error if a counter of the exporter is lower than before, or absent. Only the latency histogram of
// an upstream may vanish, because it expires with the upstream's other values.
func noneFell(before, e exposition) error {
	var all []error
	for key, was := range before.values {
		now, ok := e.values[key]
		mayVanish := strings.HasPrefix(key, "betanet_message_latency_seconds")
		if isOwnCounter(key) && (!ok && !mayVanish || ok && now < was) {
			all = append(all, fmt.Errorf("%s: got %v (present: %v) after %v, want no less", key, now, ok, was))
		}
	}
	return errors.Join(all...)
}
