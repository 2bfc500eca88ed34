package blackbox

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// endpoints maps the paths of API v1 to the values of the label endpoint.
var endpoints = map[string]string{
	fake.Metrics: "metrics",
	fake.Nodes:   "nodes",
	fake.Network: "network",
}

var v1Paths = []string{fake.Metrics, fake.Nodes, fake.Network}

// exposed returns the series of the document with an id at a path.
func exposed(path string, id int) map[string]float64 {
	n := float64(id)
	switch path {
	case fake.Metrics:
		return map[string]float64{"betanet_messages_total": 5000 + n, "betanet_packets_dropped_total": 10 + n}
	case fake.Nodes:
		return map[string]float64{"betanet_mixnode_active": 5 + n, "betanet_mixnode_inactive": 2, "betanet_connected_peers": 7 + n}
	default:
		return map[string]float64{
			"betanet_bytes_transmitted_total": 1000000 + n, "betanet_bytes_received_total": 500000 + n,
			"betanet_average_latency_seconds": 0.045, "betanet_peak_throughput": 10000 + n,
		}
	}
}

// endpoint is one endpoint of one upstream. Methods that require something return an error if an exposition breaks that
// promise.
type endpoint struct {
	upstream string // empty for a single upstream without a name
	path     string
}

func (s endpoint) key(name string, labels ...string) string {
	return series(name, append(labels, "upstream", s.upstream, "endpoint", endpoints[s.path])...)
}

// values requires the values of document id.
func (s endpoint) values(e exposition, id int) error {
	var all []error
	for name, want := range exposed(s.path, id) {
		all = append(all, e.is(series(name, "upstream", s.upstream), want))
	}
	return errors.Join(all...)
}

// noValues requires that no series of the document is present, not even with 0.
func (s endpoint) noValues(e exposition) error {
	var all []error
	for name := range exposed(s.path, 0) {
		all = append(all, e.isAbsent(series(name, "upstream", s.upstream)))
	}
	return errors.Join(all...)
}

// good requires that the last collection succeeded with document id.
func (s endpoint) good(e exposition, id int) error {
	return errors.Join(s.values(e, id), s.reasons(e),
		e.is(s.key("betanet_exporter_endpoint_up"), 1), s.notStale(e))
}

// bad requires that the last collection failed and that document id was the last good one.
func (s endpoint) bad(e exposition, id int, reasons ...string) error {
	return errors.Join(s.values(e, id), s.reasons(e, reasons...),
		e.is(s.key("betanet_exporter_endpoint_up"), 0), e.is(s.stale(), 1))
}

// stale returns the key of the series that marks values of the upstream as stale.
func (s endpoint) stale() string {
	return series("betanet_exporter_data_stale", "upstream", s.upstream)
}

// notStale requires that values are not marked as stale while every endpoint of the upstream is up.
func (s endpoint) notStale(e exposition) error {
	for _, path := range v1Paths {
		if up, ok := e.values[endpoint{s.upstream, path}.key("betanet_exporter_endpoint_up")]; ok && up == 0 {
			return nil
		}
	}
	return e.is(s.stale(), 0)
}

// neverGood requires that the endpoint fails and has never had a good document.
func (s endpoint) neverGood(e exposition, reasons ...string) error {
	return errors.Join(s.noValues(e), s.reasons(e, reasons...), e.is(s.key("betanet_exporter_endpoint_up"), 0))
}

// failing returns the reasons for which the endpoint is failing.
func (s endpoint) failing(e exposition) []string {
	return e.failing[[2]string{s.upstream, endpoints[s.path]}]
}

// reasons requires that the endpoint is failing for exactly one of the wanted reasons, or not failing if there are none.
func (s endpoint) reasons(e exposition, want ...string) error {
	got := s.failing(e)
	switch {
	case len(got) == 0 && len(want) == 0:
		return nil
	case len(got) == 1 && slices.Contains(want, got[0]):
		return e.is(s.key("betanet_exporter_endpoint_failing", "reason", got[0]), 1)
	}
	return fmt.Errorf("%s: got reasons %q, want %q", s.key("betanet_exporter_endpoint_failing"), got, want)
}

// allGood requires that every endpoint of an upstream succeeded with document id.
func allGood(e exposition, upstream string, id int) error {
	all := []error{e.is(series("betanet_up", "upstream", upstream), 1)}
	for _, path := range v1Paths {
		all = append(all, endpoint{upstream, path}.good(e, id))
	}
	return errors.Join(all...)
}

// failing requires that bad returns nil for the endpoints of some paths, and that the others succeeded with document id.
func failing(e exposition, upstream string, id int, paths []string, bad func(endpoint) error) error {
	all := []error{e.is(series("betanet_up", "upstream", upstream), 0)}
	for _, path := range v1Paths {
		s := endpoint{upstream, path}
		if slices.Contains(paths, path) {
			all = append(all, bad(s))
		} else {
			all = append(all, s.good(e, id))
		}
	}
	return errors.Join(all...)
}

// someBad requires that some endpoints fail for the same reason, and that all values are from document id.
func someBad(e exposition, upstream string, id int, paths []string, reasons ...string) error {
	return failing(e, upstream, id, paths, func(s endpoint) error { return s.bad(e, id, reasons...) })
}

// allBad is someBad for every endpoint.
func allBad(e exposition, upstream string, id int, reasons ...string) error {
	return someBad(e, upstream, id, v1Paths, reasons...)
}

// allNeverGood requires that every endpoint of an upstream has failed for the same reason from the start.
func allNeverGood(e exposition, upstream string, reasons ...string) error {
	return failing(e, upstream, 0, v1Paths, func(s endpoint) error { return s.neverGood(e, reasons...) })
}

// awaitGood waits until every endpoint of an upstream has succeeded with document id.
func (p *program) awaitGood(t *testing.T, upstream string, id int) exposition {
	t.Helper()
	return p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, id) })
}

// awaitBad waits until every endpoint of an upstream fails for a reason, with document id as the last good one.
func (p *program) awaitBad(t *testing.T, upstream string, id int, reasons ...string) exposition {
	t.Helper()
	return p.await(t, upstream, func(e exposition) error { return allBad(e, upstream, id, reasons...) })
}

// counted returns an error if got is less than want.
func counted(what string, got, want int) error {
	if got < want {
		return fmt.Errorf("got %d %s, want at least %d", got, what, want)
	}
	return nil
}
