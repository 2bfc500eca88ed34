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

// family is one metric: its contract, and how to write its samples of one
// upstream or of the exporter itself.
type family struct {
	name     string
	kind     kind
	labels   string // beside upstream, for the documentation
	help     string
	upstream func(*lines, *subject) // nil for a family about the exporter
	self     func(*Self, *lines)
}

// subject is an upstream at the moment of rendering.
type subject struct {
	view   *fleet.View
	values fleet.Values
	now    time.Time
}

// families is every metric but those about the Go runtime, the process and the
// build, in the order in which they are written.
var families = []family{
	{"betanet_average_latency_seconds", gauge, "", "Average message latency as the upstream last gave it, in seconds.", func(w *lines, s *subject) {
		if l := s.values.LatencySeconds; l != nil {
			w.float("", *l)
		}
	}, nil},
	data("betanet_bytes_received_total", counter, "Total bytes received", func(v *fleet.Values) *uint64 { return v.BytesRecvd }),
	data("betanet_bytes_transmitted_total", counter, "Total bytes transmitted", func(v *fleet.Values) *uint64 { return v.BytesTransmitted }),
	data("betanet_connected_peers", gauge, "Number of connected peers", func(v *fleet.Values) *uint64 { return v.Peers }),

	{"betanet_exporter_attempts_total", counter, "endpoint, result", "Requests to upstreams by how they ended: success or the reason of the failure. A GET that the HTTP client sends again because a kept connection was dead is one.", nil, (*Self).writeAttempts},
	{"betanet_exporter_cache_requests_total", counter, "result", "Documents asked of the cache: hit = answered without a fetch, miss = by a fetch, stale = with the last good one because the fetch failed.", nil, (*Self).writeCache},
	{"betanet_exporter_circuit_breaker_state", gauge, "endpoint, state", "State of the circuit breaker of an endpoint, 1 for the current one.", endpoints(func(w *lines, _ *subject, e *fleet.EndpointView) {
		for state := range breaker.NumStates {
			w.bool(stateLabels[e.Endpoint][state], e.Breaker == state)
		}
	}), nil},
	{"betanet_exporter_circuit_breaker_transitions_total", counter, "endpoint, state", "States that circuit breakers entered, over all upstreams.", nil, (*Self).writeTransitions},
	{"betanet_exporter_collection_delay_seconds", histogram, "", "How long after it was due a collection started, in seconds.", nil, (*Self).writeDelay},
	{"betanet_exporter_collection_duration_seconds", gauge, "", "Duration of the last collection of the upstream with all its retries, in seconds.", func(w *lines, s *subject) {
		if s.view.Collected {
			w.seconds("", s.view.Duration)
		}
	}, nil},
	{"betanet_exporter_collections_skipped_total", counter, "", "Collections that were due and not made, because the one before was still running or the process was stopped.", nil, (*Self).writeSkipped},
	{"betanet_exporter_collections_total", counter, "", "Collections started, over all upstreams.", nil, (*Self).writeCollections},
	{"betanet_exporter_config_last_reload_success_timestamp_seconds", gauge, "", "Unix time of the last successful load of the configuration, in seconds.", nil, (*Self).writeReloadTime},
	{"betanet_exporter_config_last_reload_successful", gauge, "", "Whether the last load of the configuration succeeded.", nil, (*Self).writeReload},
	{"betanet_exporter_counter_resets_total", counter, "", "Counters of the upstream that were seen to fall, as after a restart.", func(w *lines, s *subject) {
		w.uint("", s.view.Totals.Resets)
	}, nil},
	{"betanet_exporter_data_stale", gauge, "endpoint", "Whether the values of an endpoint are its last good ones, kept because fetching failed since.", endpoints(func(w *lines, s *subject, e *fleet.EndpointView) {
		w.bool(endpointLabel[e.Endpoint], e.Stale(s.now, s.view.Upstream.Settings.MaxStale))
	}), nil},
	{"betanet_exporter_endpoint_failing", gauge, "endpoint, reason", "1 while the last collection of an endpoint failed, with the reason.", endpoints(func(w *lines, _ *subject, e *fleet.EndpointView) {
		if e.Failure != nil {
			w.uint(endpointLabel[e.Endpoint]+`,reason="`+string(e.Failure.Reason)+`"`, 1)
		}
	}), nil},
	{"betanet_exporter_endpoint_up", gauge, "endpoint", "Whether the last collection of an endpoint succeeded; 0 before the first.", endpoints(func(w *lines, _ *subject, e *fleet.EndpointView) {
		w.bool(endpointLabel[e.Endpoint], e.Up())
	}), nil},
	{"betanet_exporter_http_rejected_total", counter, "reason", "Inbound requests and connections turned away: max_requests = too many scrapes at once, connections = too many connections, slow_client = no progress.", nil, (*Self).writeRejected},
	{"betanet_exporter_last_success_timestamp_seconds", gauge, "endpoint", "Unix time of the last good document of an endpoint, in seconds.", endpoints(func(w *lines, _ *subject, e *fleet.EndpointView) {
		if e.Doc != nil {
			w.unix(endpointLabel[e.Endpoint], e.At)
		}
	}), nil},
	{"betanet_exporter_request_duration_seconds", histogram, "endpoint", "Duration of requests to upstreams, body and decoding included, in seconds.", nil, (*Self).writeDurations},
	{"betanet_exporter_retries_total", counter, "endpoint", "Requests that were made again within a collection, over all upstreams.", nil, (*Self).writeRetries},
	{"betanet_exporter_retry_budget_exhausted_total", counter, "", "Retries that were due and not made, because the budget of the process was empty.", nil, (*Self).writeExhausted},
	{"betanet_exporter_upstreams", gauge, "", "Number of upstreams that are collected.", nil, (*Self).writeUpstreams},

	{"betanet_message_latency_seconds", histogram, "", "Message latency in seconds", func(w *lines, s *subject) {
		if h := s.values.Latency; h != nil {
			w.histogram("", h)
		}
	}, nil},
	data("betanet_messages_total", counter, "Total messages processed", func(v *fleet.Values) *uint64 { return v.Messages }),
	data("betanet_mixnode_active", gauge, "Number of active mixnodes", func(v *fleet.Values) *uint64 { return v.Active }),
	{"betanet_mixnode_average_latency_seconds", gauge, "mixnode", "Average latency of a mixnode as the upstream last gave it, in seconds.", mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
		if m.AvgLatencyMS != nil {
			w.float(label, *m.AvgLatencyMS/1000)
		}
	}), nil},
	data("betanet_mixnode_inactive", gauge, "Number of mixnodes that are not active", func(v *fleet.Values) *uint64 { return v.Inactive }),
	{"betanet_mixnode_packets_dropped_total", counter, "mixnode", "Packets dropped by a mixnode.", mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
		if m.PacketsDropped != nil {
			w.uint(label, *m.PacketsDropped)
		}
	}), nil},
	{"betanet_mixnode_packets_forwarded_total", counter, "mixnode", "Packets forwarded by a mixnode.", mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
		if m.PacketsForwarded != nil {
			w.uint(label, *m.PacketsForwarded)
		}
	}), nil},
	{"betanet_mixnode_packets_processed_total", counter, "mixnode", "Packets processed by a mixnode.", mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
		w.uint(label, m.PacketsProcessed)
	}), nil},
	{"betanet_mixnode_up", gauge, "mixnode", "Whether a mixnode has status active.", mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
		w.bool(label, m.Active())
	}), nil},
	{"betanet_mixnode_uptime_seconds", gauge, "mixnode", "How long a mixnode has been up, in seconds.", mixnodes(func(w *lines, label string, m *betanet.Mixnode) {
		w.uint(label, m.UptimeSeconds)
	}), nil},
	data("betanet_mixnodes_omitted", gauge, "Number of mixnodes beyond the first 1000, which have no series of their own", func(v *fleet.Values) *uint64 { return v.Omitted }),
	data("betanet_packets_dropped_total", counter, "Total packets dropped", func(v *fleet.Values) *uint64 { return v.Dropped }),
	data("betanet_peak_throughput", gauge, "Peak throughput as the upstream gives it, in a unit of the upstream's that is not known", func(v *fleet.Values) *uint64 { return v.PeakThroughput }),
	{"betanet_up", gauge, "", "Whether the last collection of every endpoint of the upstream succeeded; 0 before the first.", func(w *lines, s *subject) {
		w.bool("", s.view.Up())
	}, nil},
}

// data is a family of one number that an upstream's documents hold. Unknown is
// absent, never zero.
func data(name string, k kind, help string, get func(*fleet.Values) *uint64) family {
	return family{name, k, "", help, func(w *lines, s *subject) {
		if v := get(&s.values); v != nil {
			w.uint("", *v)
		}
	}, nil}
}

// endpoints writes samples for each endpoint of an upstream.
func endpoints(write func(*lines, *subject, *fleet.EndpointView)) func(*lines, *subject) {
	return func(w *lines, s *subject) {
		for i := range s.view.Endpoints {
			write(w, s, &s.view.Endpoints[i])
		}
	}
}

// mixnodes writes samples for each mixnode of an upstream.
func mixnodes(write func(w *lines, label string, m *betanet.Mixnode)) func(*lines, *subject) {
	return func(w *lines, s *subject) {
		for i := range s.values.Mixnodes {
			m := &s.values.Mixnodes[i]
			write(w, label("mixnode", m.ID), m)
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
