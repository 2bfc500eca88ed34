package main

import "strings"

// selectors expands @upstreams and @exporters to the matchers for the selected values.
// Every series has a job and an instance; the label upstream is absent if an exporter has
// one upstream without a name.
var selectors = strings.NewReplacer(
	"@upstreams", `job=~"$job", instance=~"$instance", upstream=~"$upstream"`,
	"@exporters", `job=~"$job", instance=~"$instance"`,
)

// The labels that identify an upstream.
const (
	upstreamLabels = "job, instance, upstream"
	upstreamKey    = "(" + upstreamLabels + ")"
)

// fresh limits an expression to upstreams whose last collection fetched the document.
// The values of the others do not change, and a rate of 0 would be wrong.
func fresh(document, expr string) string {
	return expr + " and on " + upstreamKey + " betanet_exporter_endpoint_up{@upstreams, " + endpointOf(document) + "} == 1"
}

// lastGood limits an expression to the other upstreams, which have only last good values.
func lastGood(document, expr string) string {
	return expr + " and on " + upstreamKey + " betanet_exporter_endpoint_up{@upstreams, " + endpointOf(document) + "} == 0"
}

// endpointOf returns the matcher for the endpoint of a document. API mixnodes has all
// values in one document.
func endpointOf(document string) string {
	if document == "mixnodes" {
		return `endpoint="mixnodes"`
	}
	return `endpoint=~"` + document + `|mixnodes"`
}

// rate returns the per-second rate of a counter. It is applied before any sum, because a
// counter falls when its upstream restarts.
func rate(counter string) string { return "rate(" + counter + "[$__rate_interval])" }

// share returns the ratio of a part to the whole. It has no value if the whole is 0,
// because 0 / 0 is NaN, and NaN >= 0 is false.
func share(part, whole string) string { return part + " / (" + whole + ") >= 0" }

// allPackets is the rate of dropped and forwarded packets. API v1 has no forwarded
// packets, but its processed packets exclude the dropped ones.
var allPackets = rate(dropped) + " + (" + rate(forwarded) + " or " + rate(messages) + ")"

// packetLoss is the share of packets that were dropped, by upstream.
var packetLoss = share(rate(dropped), allPackets)

// meanLatency is the mean over current packets with API mixnodes, and absent if there are
// none. With API v1 and /probe, which have no packet latency, it is the average that the
// upstream reports.
var meanLatency = "(" + share(rate("betanet_packet_latency_seconds_sum{@upstreams}"), rate("betanet_packet_latency_seconds_count{@upstreams}")) +
	" or (betanet_average_latency_seconds{@upstreams} unless on " + upstreamKey + " betanet_packet_latency_seconds_count{@upstreams}))"

// latencyNow is meanLatency of the upstreams that can be fetched.
var latencyNow = "(" + fresh("network", meanLatency) + ")"

// latencyQuantile returns a quantile of the recent latencies of each upstream. The
// histogram covers every document, but is disabled by default if upstreams have names.
// Without it, the quantile is computed from the average latency over five minutes.
func latencyQuantile(q string) string {
	return quantile(q, upstreamLabels, latencies, "{@upstreams}") +
		" or max by " + upstreamKey + " (quantile_over_time(" + q + ", " + latencyNow + "[5m:5s]))"
}

// sum adds up all series of an expression.
func sum(expr string) string { return "sum(" + expr + ")" }

// quantile returns a quantile of a histogram by labels. A Prometheus server that stores
// native histograms has no bucket series.
func quantile(q, by, histogram, labels string) string {
	native := "histogram_quantile(" + q + ", sum by (" + by + ") (" + rate(histogram+labels) + "))"
	if by != "" {
		by = ", " + by
	}
	return "histogram_quantile(" + q + ", sum by (le" + by + ") (" + rate(histogram+"_bucket"+labels) + ")) or " + native
}

// distribution returns the number of observations in each bucket. A Prometheus
// server that stores native histograms returns one native histogram.
func distribution(histogram, labels string) string {
	increase := func(series string) string { return "(increase(" + series + labels + "[$__rate_interval]))" }
	return "sum by (le) " + increase(histogram+"_bucket") + " or sum" + increase(histogram)
}

// state is 2 if the last collection fetched all documents, 1 if it did not but there are
// current or last good values, and 0 if there are none.
const (
	hasValues = "clamp_max(max by " + upstreamKey + " (betanet_exporter_endpoint_up{@upstreams})" +
		" + max by " + upstreamKey + " (betanet_exporter_data_stale{@upstreams}), 1)"
	isUp  = "max by " + upstreamKey + " (betanet_up{@upstreams})"
	state = hasValues + " + " + isUp
)

var stateMappings = []mapping{{2, "up", good}, {1, "stale or partial", poor}, {0, "no values", bad}}

// age is the age of the oldest document of each upstream.
const age = "time() - min by " + upstreamKey + " (betanet_exporter_last_success_timestamp_seconds{@upstreams})"

// Series that several panels use.
const (
	messages  = "betanet_messages_total{@upstreams}"
	dropped   = "betanet_packets_dropped_total{@upstreams}"
	sent      = "betanet_bytes_transmitted_total{@upstreams}"
	received  = "betanet_bytes_received_total{@upstreams}"
	forwarded = "betanet_packets_forwarded_total{@upstreams}"
	latencies = "betanet_message_latency_seconds"
)
