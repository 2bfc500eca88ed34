package exposition

import (
	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// endpointFamilies describe the collection of an upstream.
var endpointFamilies = []family{
	{
		name: "betanet_exporter_circuit_breaker_state", metricType: gauge, labels: "endpoint", upstream: writeBreakers,
		help: "State of the circuit breaker of an endpoint: 0 = closed, 1 = half-open, 2 = open",
	},
	{
		name: "betanet_exporter_collection_duration_seconds", metricType: gauge, scope: perUpstream,
		help: "Duration of the last collection of the upstream with all its retries, in seconds", upstream: func(w *lines, c *renderContext) {
			if c.view.Collected {
				w.float("", c.view.Duration.Seconds())
			}
		},
	},
	{
		name: "betanet_exporter_data_stale", metricType: gauge, scope: perUpstream, upstream: func(w *lines, c *renderContext) { w.bool("", c.view.Stale(c.now)) },
		help: "Whether a value of the upstream is the last good one, kept because fetching has failed since; betanet_exporter_endpoint_up shows which endpoint",
	},
	{
		name: "betanet_exporter_endpoint_failing", metricType: gauge, labels: "endpoint, reason",
		help: "1 if the last collection of an endpoint failed, with the reason", upstream: eachEndpoint(func(w *lines, e *fleet.EndpointView) {
			if e.Failure != nil {
				w.uint(endpointLabel[e.Endpoint]+`,reason="`+string(e.Failure.Reason)+`"`, 1)
			}
		}),
	},
	{
		name: "betanet_exporter_endpoint_up", metricType: gauge, labels: "endpoint", upstream: eachEndpoint(func(w *lines, e *fleet.EndpointView) { w.bool(endpointLabel[e.Endpoint], e.Up()) }),
		help: "Whether the last collection of an endpoint succeeded; 0 before the first",
	},
	{
		name: "betanet_exporter_last_success_timestamp_seconds", metricType: gauge, labels: "endpoint",
		help: "Unix time of the last good document of an endpoint, in seconds", upstream: eachEndpoint(func(w *lines, e *fleet.EndpointView) {
			if e.Doc != nil {
				w.unix(endpointLabel[e.Endpoint], e.At)
			}
		}),
	},
	{
		name: "betanet_exporter_replica_switches_total", metricType: counter, scope: perUpstream, accumulated: true,
		help: "Switches of the upstream to another replica", upstream: func(w *lines, c *renderContext) {
			if len(c.view.Upstream.URLs) > 1 {
				w.uint("", c.view.Switches)
			}
		},
	},
	{
		name: "betanet_exporter_tls_certificate_expiry_timestamp_seconds", metricType: gauge, scope: perUpstream,
		help: "Earliest expiry of the certificates last sent by an https upstream, as Unix time in seconds", upstream: func(w *lines, c *renderContext) {
			if at := c.view.CertificateExpiry; !at.IsZero() {
				w.unix("", at)
			}
		},
	},
	{
		name: "betanet_exporter_upstream_resets_total", metricType: counter, scope: perUpstream, accumulated: true, upstream: func(w *lines, c *renderContext) { w.uint("", c.view.Resets) },
		help: "Collections that showed a restart of the upstream: a counter fell, or all mixnodes had new ids",
	},
}

// eachEndpoint returns a function that calls write for each endpoint of an upstream.
func eachEndpoint(write func(*lines, *fleet.EndpointView)) func(*lines, *renderContext) {
	return func(w *lines, c *renderContext) {
		for i := range c.view.Endpoints {
			write(w, &c.view.Endpoints[i])
		}
	}
}

// writeBreakers writes the breakers of the replica in use and of the standby replicas.
func writeBreakers(w *lines, c *renderContext) {
	for i := range c.view.Endpoints {
		e := &c.view.Endpoints[i]
		w.uint(endpointLabel[e.Endpoint], breakerValues[e.Breaker])
	}
	u := c.view.Upstream
	for _, o := range c.view.Standby {
		w.labelSuffix = newLabelSuffix(u.Name, u.Labels, o.Replica)
		w.uint(endpointLabel[o.Endpoint], breakerValues[o.Breaker])
	}
}

// breakerValues are the sample values of the states. A higher value allows fewer requests.
var breakerValues = [...]uint64{breaker.Closed: 0, breaker.HalfOpen: 1, breaker.Open: 2}

// endpointLabel has the rendered label of each endpoint.
var endpointLabel = func() (l [betanet.NumEndpoints]string) {
	for e := range betanet.NumEndpoints {
		l[e] = label("endpoint", e.String())
	}
	return l
}()
