package blackbox

import (
	"errors"
	"fmt"
	"strings"
)

// What holds on every scrape, whatever happens to upstreams and machine.

var breakerStates = []string{"closed", "half_open", "open"}

// breaker is the state of the endpoint's circuit breaker.
func (s state) breaker(e exposition) (string, error) {
	got, ok := e.values[s.key("betanet_exporter_circuit_breaker_state")]
	if !ok || got != 0 && got != 1 && got != 2 {
		return "", fmt.Errorf("breaker of %s at %s: got %v (%v), want 0, 1 or 2", s.upstream, s.path, got, ok)
	}
	return breakerStates[int(got)], nil
}

// consistent complains about an endpoint whose series contradict each other.
func (s state) consistent(e exposition) error {
	_, err := s.breaker(e)
	up, here := e.values[s.key("betanet_exporter_endpoint_up")]
	reasons := e.failing[[2]string{s.upstream, endpoints[s.path]}]
	switch {
	case !here:
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

// copied are the counters that are exposed as the upstream sent them.
var copied = []string{
	"betanet_messages_total", "betanet_packets_dropped_total", "betanet_bytes_transmitted_total", "betanet_bytes_received_total",
}

// ownCounter reports whether a series is a counter of the exporter itself, which nobody may make fall.
func ownCounter(key string) bool {
	name, _, _ := strings.Cut(key, "{")
	for _, c := range copied {
		if name == c {
			return false
		}
	}
	return strings.HasPrefix(name, "betanet_") && (strings.HasSuffix(name, "_total") || strings.HasSuffix(name, "_count"))
}

// noneFell complains about counters of the exporter that are lower than before, or gone. The latencies of an upstream go
// with its other values when they are too old, and come back with them.
func noneFell(before, e exposition) error {
	var all []error
	for key, was := range before.values {
		is, ok := e.values[key]
		mayGo := strings.HasPrefix(key, "betanet_message_latency_seconds")
		if ownCounter(key) && (!ok && !mayGo || ok && is < was) {
			all = append(all, fmt.Errorf("%s: got %v (there: %v) after %v, want no less", key, is, ok, was))
		}
	}
	return errors.Join(all...)
}
