package blackbox

import (
	"errors"
	"fmt"
	"slices"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// endpoints maps the paths of API v1 to the values of the label endpoint.
var endpoints = map[string]string{
	fake.Metrics: "metrics",
	fake.Nodes:   "nodes",
	fake.Network: "network",
}

var v1Paths = []string{fake.Metrics, fake.Nodes, fake.Network}

// exposed is the series that document id of a path stands for.
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

// state is what is promised about one endpoint of one upstream.
type state struct {
	upstream string // its name, empty for the one without
	path     string
}

func (s state) key(name string, labels ...string) string {
	return series(name, append(labels, "upstream", s.upstream, "endpoint", endpoints[s.path])...)
}

// values complains if anything but document id is exposed.
func (s state) values(e exposition, id int) error {
	var all []error
	for name, want := range exposed(s.path, id) {
		all = append(all, e.is(series(name, "upstream", s.upstream), want))
	}
	return errors.Join(all...)
}

// noValues complains if there is any series of the document, 0 or not.
func (s state) noValues(e exposition) error {
	var all []error
	for name := range exposed(s.path, 0) {
		all = append(all, e.isAbsent(series(name, "upstream", s.upstream)))
	}
	return errors.Join(all...)
}

// good is the promise for an endpoint whose last collection succeeded with document id.
func (s state) good(e exposition, id int) error {
	return errors.Join(s.values(e, id), s.reasons(e),
		e.is(s.key("betanet_exporter_endpoint_up"), 1), s.notStale(e))
}

// bad is the promise for an endpoint whose last collection failed and whose last good document is document id.
func (s state) bad(e exposition, id int, reasons ...string) error {
	return errors.Join(s.values(e, id), s.reasons(e, reasons...),
		e.is(s.key("betanet_exporter_endpoint_up"), 0), e.is(s.stale(), 1))
}

// stale is the series that flags the values of an upstream.
func (s state) stale() string {
	return series("betanet_exporter_data_stale", "upstream", s.upstream)
}

// notStale complains about values that are flagged although every endpoint of the upstream is up.
func (s state) notStale(e exposition) error {
	for _, name := range endpoints {
		if up, ok := e.values[series("betanet_exporter_endpoint_up", "upstream", s.upstream, "endpoint", name)]; ok && up == 0 {
			return nil
		}
	}
	return e.is(s.stale(), 0)
}

// never is the promise for an endpoint that has had no good document so far.
func (s state) never(e exposition, reasons ...string) error {
	return errors.Join(s.noValues(e), s.reasons(e, reasons...), e.is(s.key("betanet_exporter_endpoint_up"), 0))
}

// reasons complains unless the endpoint is failing for one of the wanted reasons and for no other, or is not failing if
// none is wanted.
func (s state) reasons(e exposition, want ...string) error {
	got := e.failing[[2]string{s.upstream, endpoints[s.path]}]
	switch {
	case len(got) == 0 && len(want) == 0:
		return nil
	case len(got) == 1 && slices.Contains(want, got[0]):
		return e.is(s.key("betanet_exporter_endpoint_failing", "reason", got[0]), 1)
	}
	return fmt.Errorf("%s: got reasons %q, want %q", s.key("betanet_exporter_endpoint_failing"), got, want)
}

// allGood is the promise for an upstream of which every endpoint succeeded with document id.
func allGood(e exposition, upstream string, id int) error {
	all := []error{e.is(series("betanet_up", "upstream", upstream), 1)}
	for _, path := range v1Paths {
		all = append(all, state{upstream, path}.good(e, id))
	}
	return errors.Join(all...)
}

// failing is the promise for an upstream of which the endpoints of some paths fail, each as bad wants. The others succeeded
// with document id.
func failing(e exposition, upstream string, id int, paths []string, bad func(state) error) error {
	all := []error{e.is(series("betanet_up", "upstream", upstream), 0)}
	for _, path := range v1Paths {
		s := state{upstream, path}
		if slices.Contains(paths, path) {
			all = append(all, bad(s))
		} else {
			all = append(all, s.good(e, id))
		}
	}
	return errors.Join(all...)
}

// someBad is the promise for endpoints that fail for the same reason. All exposed values are document id.
func someBad(e exposition, upstream string, id int, paths []string, reasons ...string) error {
	return failing(e, upstream, id, paths, func(s state) error { return s.bad(e, id, reasons...) })
}

// allBad is someBad of every endpoint.
func allBad(e exposition, upstream string, id int, reasons ...string) error {
	return someBad(e, upstream, id, v1Paths, reasons...)
}

// allNever is the promise for an upstream that has failed for the same reason from the start.
func allNever(e exposition, upstream string, reasons ...string) error {
	return failing(e, upstream, 0, v1Paths, func(s state) error { return s.never(e, reasons...) })
}
