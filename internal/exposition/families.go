// Package exposition turns what is known into samples. It is the only place
// with metric names. The lines of an upstream are rendered when its view
// changes; a scrape only concatenates them, family by family.
package exposition

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// kind is the type of a family.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// scope says which labels of an upstream its samples carry: its name always,
// the operator's own and the replica in use not always.
type scope uint8

const (
	scopeData     scope = iota // name, replica, the operator's labels
	scopeUp                    // name, the operator's labels
	scopeEndpoint              // name, replica
	scopeUpstream              // name
	numScopes
)

// family is one metric: its contract, and how to write its samples of one
// upstream, of the exporter itself, or of all upstreams together: one of the
// three functions.
type family struct {
	name     string
	kind     kind
	labels   string // beside those of the scope, for the documentation
	help     string
	upstream func(*lines, *subject)
	self     func(*Self, *lines)
	fleet    func(*together, *lines)
	scope    scope
	memory   bool // tells what was, and not only what the last documents say
	sum      bool // does so for API mixnodes
}

// subject is an upstream at the moment of rendering.
type subject struct {
	view   *fleet.View
	values fleet.Values
	now    time.Time
	late   bool     // the collection that was asked for is still running
	ids    []string // labels of values.Mixnodes, once asked for
}

// mixnodeLabels are the labels of the mixnodes, made once for all families.
func (s *subject) mixnodeLabels() []string {
	if s.ids == nil {
		s.ids = make([]string, len(s.values.Mixnodes))
		for i := range s.values.Mixnodes {
			s.ids[i] = label("mixnode", s.values.Mixnodes[i].ID)
		}
	}
	return s.ids
}

// families is every metric but those about the Go runtime, the process and the
// build, in the order in which they are written.
var families = []family{
	{
		name: "betanet_average_latency_seconds", kind: gauge,
		help: "Average message latency as the upstream last gave it, in seconds.", upstream: func(w *lines, s *subject) {
			if l := s.values.LatencySeconds; l != nil {
				w.float("", *l)
			}
		},
	},
	data("betanet_bytes_received_total", counter, "Total bytes received", func(v *fleet.Values) *uint64 { return v.BytesRecvd }),
	data("betanet_bytes_transmitted_total", counter, "Total bytes transmitted", func(v *fleet.Values) *uint64 { return v.BytesTransmitted }),
	data("betanet_connected_peers", gauge, "Number of connected peers", func(v *fleet.Values) *uint64 { return v.Peers }),

	{
		name: "betanet_exporter_attempts_total", kind: counter, labels: "endpoint, result", self: (*Self).writeAttempts,
		help: "Requests to upstreams by how they ended: success or the reason of the failure. A GET that the HTTP client sends again because a kept connection was dead is one.",
	},
	{
		name: "betanet_exporter_cache_requests_total", kind: counter, labels: "result", self: (*Self).writeCache,
		help: "Documents asked of the cache: hit = answered without a fetch, miss = by a fetch, stale = with the last good one because the fetch failed.",
	},
	{
		name: "betanet_exporter_circuit_breaker_state", kind: gauge, labels: "endpoint, state", scope: scopeEndpoint,
		help: "State of the circuit breaker of an endpoint, 1 for the current one.", upstream: writeBreakers,
	},
	{
		name: "betanet_exporter_circuit_breaker_transitions_total", kind: counter, labels: "endpoint, state", self: (*Self).writeTransitions,
		help: "States that circuit breakers entered, over all upstreams.",
	},
	{
		name: "betanet_exporter_collection_delay_seconds", kind: histogram, self: (*Self).writeDelay,
		help: "How long after it was due a collection started, in seconds. Those at start and on demand are due at no time.",
	},
	{
		name: "betanet_exporter_collection_duration_seconds", kind: gauge, scope: scopeUpstream,
		help: "Duration of the last collection of the upstream with all its retries, in seconds.", upstream: func(w *lines, s *subject) {
			if s.view.Collected {
				w.seconds("", s.view.Duration)
			}
		},
	},
	{
		name: "betanet_exporter_collections_skipped_total", kind: counter, self: (*Self).writeSkipped,
		help: "Collections that were due and not made, because the one before was still running or the process was stopped.",
	},
	{
		name: "betanet_exporter_collections_total", kind: counter, self: (*Self).writeCollections,
		help: "Collections started, over all upstreams.",
	},
	{
		name: "betanet_exporter_config_last_reload_success_timestamp_seconds", kind: gauge, self: (*Self).writeReloadTime,
		help: "Unix time of the last successful load of the configuration, in seconds.",
	},
	{
		name: "betanet_exporter_config_last_reload_successful", kind: gauge, self: (*Self).writeReload,
		help: "Whether the last load of the configuration succeeded.",
	},
	{
		name: "betanet_exporter_counter_resets_total", kind: counter, scope: scopeUpstream, memory: true,
		help: "Counters of the upstream that were seen to fall, as after a restart.", upstream: func(w *lines, s *subject) {
			w.uint("", s.view.Totals.Resets)
		},
	},
	{
		name: "betanet_exporter_data_stale", kind: gauge, labels: "endpoint", scope: scopeEndpoint,
		help: "Whether the values of an endpoint are its last good ones, kept because fetching failed since.", upstream: endpoints(func(w *lines, s *subject, e *fleet.EndpointView) {
			w.bool(endpointLabel[e.Endpoint], e.Stale(s.now, s.view.Upstream.Settings.MaxStale))
		}),
	},
	{
		name: "betanet_exporter_discovery_duplicates", kind: gauge, labels: "source", self: (*Self).writeDuplicates,
		help: "Upstreams of a source of discovery that are left out, because their name is taken.",
	},
	{
		name: "betanet_exporter_discovery_up", kind: gauge, labels: "source", self: (*Self).writeDiscovery,
		help: "Whether a source of discovery was read when last tried; if not, its last list stands.",
	},
	{
		name: "betanet_exporter_endpoint_failing", kind: gauge, labels: "endpoint, reason", scope: scopeEndpoint,
		help: "1 while the last collection of an endpoint failed, with the reason.", upstream: endpoints(func(w *lines, _ *subject, e *fleet.EndpointView) {
			if e.Failure != nil {
				w.uint(endpointLabel[e.Endpoint]+`,reason="`+string(e.Failure.Reason)+`"`, 1)
			}
		}),
	},
	{
		name: "betanet_exporter_endpoint_up", kind: gauge, labels: "endpoint", scope: scopeEndpoint,
		help: "Whether the last collection of an endpoint succeeded; 0 before the first.", upstream: endpoints(func(w *lines, _ *subject, e *fleet.EndpointView) {
			w.bool(endpointLabel[e.Endpoint], e.Up())
		}),
	},
	{
		name: "betanet_exporter_http_rejected_total", kind: counter, labels: "reason", self: (*Self).writeRejected,
		help: "Inbound requests and connections turned away: max_requests = too many scrapes at once, connections = too many connections, slow_client = no progress.",
	},
	{
		name: "betanet_exporter_last_success_timestamp_seconds", kind: gauge, labels: "endpoint", scope: scopeEndpoint,
		help: "Unix time of the last good document of an endpoint, in seconds.", upstream: endpoints(func(w *lines, _ *subject, e *fleet.EndpointView) {
			if e.Doc != nil {
				w.unix(endpointLabel[e.Endpoint], e.At)
			}
		}),
	},
	{
		name: "betanet_exporter_push_last_success_timestamp_seconds", kind: gauge, self: (*Self).writePushTime,
		help: "Unix time of the last push by OTLP that the receiver took as a whole, in seconds.",
	},
	{
		name: "betanet_exporter_push_total", kind: counter, labels: "result", self: (*Self).writePushes,
		help: "Pushes by OTLP: success, partial = the receiver refused some of the data points, failure = after all retries. Only where --otlp.endpoint is set.",
	},
	{
		name: "betanet_exporter_replica_switches_total", kind: counter, scope: scopeUpstream, memory: true,
		help: "Times that another replica of the upstream was taken into use.", upstream: func(w *lines, s *subject) {
			if len(s.view.Upstream.URLs) > 1 {
				w.uint("", s.view.Switches)
			}
		},
	},
	{
		name: "betanet_exporter_request_duration_seconds", kind: histogram, labels: "endpoint", self: (*Self).writeDurations,
		help: "Duration of requests to upstreams, body and decoding included, in seconds.",
	},
	{
		name: "betanet_exporter_retries_total", kind: counter, labels: "endpoint", self: (*Self).writeRetries,
		help: "Requests that were made again within a collection, over all upstreams.",
	},
	{
		name: "betanet_exporter_retry_budget_exhausted_total", kind: counter, self: (*Self).writeExhausted,
		help: "Retries that were due and not made, because the budget of the process was empty.",
	},
	{
		name: "betanet_exporter_upstreams", kind: gauge, self: (*Self).writeUpstreams,
		help: "Number of upstreams that are configured or discovered.",
	},

	{
		name: "betanet_fleet_bytes_received_total", kind: counter, fleet: growth(fleet.BytesReceived),
		help: "Bytes received by all upstreams since the exporter started, by increases only; the plain total is sum(betanet_bytes_received_total).",
	},
	{
		name: "betanet_fleet_bytes_transmitted_total", kind: counter, fleet: growth(fleet.BytesTransmitted),
		help: "Bytes transmitted by all upstreams since the exporter started, by increases only; the plain total is sum(betanet_bytes_transmitted_total).",
	},
	{
		name: "betanet_fleet_connected_peers", kind: gauge, fleet: (*together).writePeers,
		help: "Connected peers of all upstreams, last good values included; see betanet_fleet_upstreams for how many are missing.",
	},
	{
		name: "betanet_fleet_messages_total", kind: counter, fleet: growth(fleet.Messages),
		help: "Messages processed by all upstreams since the exporter started, by increases only; the plain total is sum(betanet_messages_total).",
	},
	{
		name: "betanet_fleet_mixnode_active", kind: gauge, fleet: (*together).writeActive,
		help: "Active mixnodes of all upstreams, last good values included; see betanet_fleet_upstreams for how many are missing.",
	},
	{
		name: "betanet_fleet_packets_dropped_total", kind: counter, fleet: growth(fleet.Dropped),
		help: "Packets dropped by all upstreams since the exporter started, by increases only; the plain total is sum(betanet_packets_dropped_total).",
	},
	{
		name: "betanet_fleet_upstreams", kind: gauge, labels: "state", fleet: (*together).writeStates,
		help: "Upstreams by state: up = every endpoint's last collection good, stale = one failed but there are unexpired data, down = none, pending = not yet tried.",
	},

	{
		name: "betanet_message_latency_seconds", kind: histogram, memory: true,
		help: "Message latency in seconds", upstream: func(w *lines, s *subject) {
			if h := s.values.Latency; h != nil {
				w.histogram("", h)
			}
		},
	},
	summed("betanet_messages_total", "Total messages processed", func(v *fleet.Values) *uint64 { return v.Messages }),
	data("betanet_mixnode_active", gauge, "Number of active mixnodes", func(v *fleet.Values) *uint64 { return v.Active }),
	{
		name: "betanet_mixnode_average_latency_seconds", kind: gauge, labels: "mixnode",
		help: "Average latency of a mixnode as the upstream last gave it, in seconds.", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			if m.AvgLatencyMS != nil {
				w.float(label, *m.AvgLatencyMS/1000)
			}
		}),
	},
	data("betanet_mixnode_inactive", gauge, "Number of mixnodes that are not active", func(v *fleet.Values) *uint64 { return v.Inactive }),
	{
		name: "betanet_mixnode_packets_dropped_total", kind: counter, labels: "mixnode",
		help: "Packets dropped by a mixnode.", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			if m.PacketsDropped != nil {
				w.uint(label, *m.PacketsDropped)
			}
		}),
	},
	{
		name: "betanet_mixnode_packets_forwarded_total", kind: counter, labels: "mixnode",
		help: "Packets forwarded by a mixnode.", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			if m.PacketsForwarded != nil {
				w.uint(label, *m.PacketsForwarded)
			}
		}),
	},
	{
		name: "betanet_mixnode_packets_processed_total", kind: counter, labels: "mixnode",
		help: "Packets processed by a mixnode.", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			w.uint(label, m.PacketsProcessed)
		}),
	},
	{
		name: "betanet_mixnode_up", kind: gauge, labels: "mixnode",
		help: "Whether a mixnode has status active.", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			w.bool(label, m.Active())
		}),
	},
	{
		name: "betanet_mixnode_uptime_seconds", kind: gauge, labels: "mixnode",
		help: "How long a mixnode has been up, in seconds.", upstream: mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
			w.uint(label, m.UptimeSeconds)
		}),
	},
	data("betanet_mixnodes_omitted", gauge, "Number of mixnodes beyond the first 1000, which have no series of their own", func(v *fleet.Values) *uint64 { return v.Omitted }),
	summed("betanet_packets_dropped_total", "Total packets dropped", func(v *fleet.Values) *uint64 { return v.Dropped }),
	data("betanet_peak_throughput", gauge, "Peak throughput as the upstream gives it, in a unit of the upstream's that is not known", func(v *fleet.Values) *uint64 { return v.PeakThroughput }),
	{
		name: "betanet_up", kind: gauge, scope: scopeUp,
		help: "Whether the last collection of every endpoint of the upstream succeeded; 0 before the first.", upstream: func(w *lines, s *subject) {
			w.bool("", s.view.Up() && !s.late)
		},
	},
}

// data is a family of one number that an upstream's documents hold. Unknown is
// absent, never zero.
func data(name string, k kind, help string, get func(*fleet.Values) *uint64) family {
	return family{name: name, kind: k, help: help, upstream: func(w *lines, s *subject) {
		if v := get(&s.values); v != nil {
			w.uint("", *v)
		}
	}}
}

// summed is a counter that is a sum over mixnodes for that API.
func summed(name, help string, get func(*fleet.Values) *uint64) family {
	f := data(name, counter, help, get)
	f.sum = true
	return f
}

// endpoints writes samples for each endpoint of an upstream.
func endpoints(write func(*lines, *subject, *fleet.EndpointView)) func(*lines, *subject) {
	return func(w *lines, s *subject) {
		for i := range s.view.Endpoints {
			write(w, s, &s.view.Endpoints[i])
		}
	}
}

// writeBreakers writes the breakers of the replica in use, and of the others.
func writeBreakers(w *lines, s *subject) {
	for i := range s.view.Endpoints {
		w.states(s.view.Endpoints[i].Endpoint, s.view.Endpoints[i].Breaker)
	}
	for _, o := range s.view.Standby {
		w.ending = newEndings(s.view.Upstream.Name, nil, o.Replica)[scopeEndpoint]
		w.states(o.Endpoint, o.Breaker)
	}
}

func (w *lines) states(e betanet.Endpoint, current breaker.State) {
	for state := range breaker.NumStates {
		w.bool(stateLabels[e][state], current == state)
	}
}

// mixnodes writes samples for each mixnode of an upstream.
func mixnodes(write func(w *lines, label string, m *betanet.Mixnode)) func(*lines, *subject) {
	return func(w *lines, s *subject) {
		for i, label := range s.mixnodeLabels() {
			write(w, label, &s.values.Mixnodes[i])
		}
	}
}

// endpointLabel and stateLabels are label pairs that occur again and again.
var (
	endpointLabel [betanet.NumEndpoints]string
	stateLabels   = func() (l [betanet.NumEndpoints][breaker.NumStates]string) {
		for e := range betanet.NumEndpoints {
			endpointLabel[e] = label("endpoint", e.String())
			for s := range breaker.NumStates {
				l[e][s] = endpointLabel[e] + "," + label("state", s.String())
			}
		}
		return l
	}()
)
