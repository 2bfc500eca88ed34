package exposition

import (
	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// endpointFamilies are about collecting one upstream.
var endpointFamilies = []family{
	{
		name: "betanet_exporter_circuit_breaker_state", kind: gauge, labels: "endpoint",
		help: "State of the circuit breaker of an endpoint: 0 = closed, 1 = half-open, 2 = open", upstream: writeBreakers,
	},
	{
		name: "betanet_exporter_collection_duration_seconds", kind: gauge, scope: perUpstream,
		help: "Duration of the last collection of the upstream with all its retries, in seconds", upstream: func(w *lines, s *renderContext) {
			if s.view.Collected {
				w.seconds("", s.view.Duration)
			}
		},
	},
	{
		name: "betanet_exporter_data_stale", kind: gauge, scope: perUpstream,
		help: "Whether a value of the upstream is a last good one, kept because fetching failed since; betanet_exporter_endpoint_up tells which endpoint", upstream: func(w *lines, s *renderContext) {
			w.bool("", s.view.Stale(s.now))
		},
	},
	{
		name: "betanet_exporter_endpoint_failing", kind: gauge, labels: "endpoint, reason",
		help: "1 while the last collection of an endpoint failed, with the reason", upstream: eachEndpoint(func(w *lines, e *fleet.EndpointView) {
			if e.Failure != nil {
				w.uint(endpointLabel[e.Endpoint]+`,reason="`+string(e.Failure.Reason)+`"`, 1)
			}
		}),
	},
	{
		name: "betanet_exporter_endpoint_up", kind: gauge, labels: "endpoint",
		help: "Whether the last collection of an endpoint succeeded; 0 before the first", upstream: eachEndpoint(func(w *lines, e *fleet.EndpointView) {
			w.bool(endpointLabel[e.Endpoint], e.Up())
		}),
	},
	{
		name: "betanet_exporter_last_success_timestamp_seconds", kind: gauge, labels: "endpoint",
		help: "Unix time of the last good document of an endpoint, in seconds", upstream: eachEndpoint(func(w *lines, e *fleet.EndpointView) {
			if e.Doc != nil {
				w.unix(endpointLabel[e.Endpoint], e.At)
			}
		}),
	},
	{
		name: "betanet_exporter_replica_switches_total", kind: counter, scope: perUpstream, accumulated: true,
		help: "Times that another replica of the upstream was taken into use", upstream: func(w *lines, s *renderContext) {
			if len(s.view.Upstream.URLs) > 1 {
				w.uint("", s.view.Switches)
			}
		},
	},
	{
		name: "betanet_exporter_tls_certificate_expiry_timestamp_seconds", kind: gauge, scope: perUpstream,
		help: "Unix time at which the first of the certificates expires that an https upstream sent last, in seconds", upstream: func(w *lines, s *renderContext) {
			if at := s.view.CertificateExpiry; !at.IsZero() {
				w.unix("", at)
			}
		},
	},
	{
		name: "betanet_exporter_upstream_resets_total", kind: counter, scope: perUpstream, accumulated: true,
		help: "Collections that showed a restart of the upstream: a counter fell, or every mixnode had a new id", upstream: func(w *lines, s *renderContext) {
			w.uint("", s.view.Resets)
		},
	},
}

// eachEndpoint writes samples for each endpoint of an upstream.
func eachEndpoint(write func(*lines, *fleet.EndpointView)) func(*lines, *renderContext) {
	return func(w *lines, s *renderContext) {
		for i := range s.view.Endpoints {
			write(w, &s.view.Endpoints[i])
		}
	}
}

// writeBreakers writes the breakers of the replica in use, and of the others.
func writeBreakers(w *lines, s *renderContext) {
	for i := range s.view.Endpoints {
		e := &s.view.Endpoints[i]
		w.uint(endpointLabel[e.Endpoint], breakerValue(e.Breaker))
	}
	u := s.view.Upstream
	for _, o := range s.view.Standby {
		w.labelSuffix = newLabelSuffixes(u.Name, u.Labels, o.Replica)[perReplica]
		w.uint(endpointLabel[o.Endpoint], breakerValue(o.Breaker))
	}
}

// breakerValue is the number of a breaker's state on /metrics: the higher, the
// less passes.
func breakerValue(s breaker.State) uint64 {
	switch s {
	case breaker.Closed:
		return 0
	case breaker.HalfOpen:
		return 1
	default:
		return 2
	}
}

// endpointLabel has the label pairs that occur again and again.
var endpointLabel = func() (l [betanet.NumEndpoints]string) {
	for e := range betanet.NumEndpoints {
		l[e] = label("endpoint", e.String())
	}
	return l
}()
