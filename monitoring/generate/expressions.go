package main

import "strings"

// selectors inserts the selected values. Every exporter has a job and an instance; the
// label upstream is absent if an exporter has one upstream without a name.
var selectors = strings.NewReplacer(
	"@upstreams", `job=~"$job", instance=~"$instance", upstream=~"$upstream"`,
	"@exporters", `job=~"$job", instance=~"$instance"`,
)

// eachUpstream has the labels that identify an upstream.
const eachUpstream = "(job, instance, upstream)"

// fresh limits an expression to upstreams whose last collection fetched the document.
// The values of others do not change, and a rate of 0 would be wrong.
func fresh(document, expr string) string {
	return expr + " and on " + eachUpstream + " betanet_exporter_endpoint_up{@upstreams, " + endpointOf(document) + "} == 1"
}

// lastGood limits an expression to the other upstreams, which have last good values.
func lastGood(document, expr string) string {
	return expr + " and on " + eachUpstream + " betanet_exporter_endpoint_up{@upstreams, " + endpointOf(document) + "} == 0"
}

// endpointOf selects the endpoint of a document. API mixnodes has all values in one
// document.
func endpointOf(document string) string {
	if document == "mixnodes" {
		return `endpoint="mixnodes"`
	}
	return `endpoint=~"` + document + `|mixnodes"`
}

// rate returns the increase of a counter per second. It comes before any sum, because a
// counter falls when its upstream restarts.
func rate(counter string) string { return "rate(" + counter + "[$__rate_interval])" }

// share returns a part of a whole. It has no value for an empty whole, because 0 / 0 is
// NaN, and NaN >= 0 is false.
func share(part, whole string) string { return part + " / (" + whole + ") >= 0" }

// allPackets is the rate of dropped and forwarded packets. API v1 has no forwarded
// packets, but its processed packets exclude the dropped ones.
var allPackets = rate(dropped) + " + (" + rate(forwarded) + " or " + rate(messages) + ")"

// packetLoss is the share of packets that were dropped, by upstream.
var packetLoss = share(rate(dropped), allPackets)

// meanLatency is the mean over current packets with API mixnodes, without a value if
// there are none. With API v1 and /probe, which have no packet latency, it is the
// upstream's own average.
var meanLatency = "(" + share(rate("betanet_packet_latency_seconds_sum{@upstreams}"), rate("betanet_packet_latency_seconds_count{@upstreams}")) +
	" or (betanet_average_latency_seconds{@upstreams} unless on " + eachUpstream + " betanet_packet_latency_seconds_count{@upstreams}))"

// latencyNow is meanLatency of the upstreams that can be fetched.
var latencyNow = "(" + fresh("network", meanLatency) + ")"

// latencyQuantile returns a quantile over the last minutes for each upstream. The
// histogram has every document, but is disabled by default if upstreams have names:
// without it the quantile is over the average latency of the last five minutes.
func latencyQuantile(q string) string {
	return quantile(q, upstreamLabels, latencies, "{@upstreams}") +
		" or max by " + eachUpstream + " (quantile_over_time(" + q + ", " + latencyNow + "[5m:5s]))"
}

// sum adds up all series of an expression.
func sum(expr string) string { return "sum(" + expr + ")" }

// quantile returns a quantile of a histogram by labels. A Prometheus that stores native
// histograms has no series of buckets.
func quantile(q, by, histogram, labels string) string {
	native := "histogram_quantile(" + q + ", sum by (" + by + ") (" + rate(histogram+labels) + "))"
	if by != "" {
		by = ", " + by
	}
	return "histogram_quantile(" + q + ", sum by (le" + by + ") (" + rate(histogram+"_bucket"+labels) + ")) or " + native
}

// distribution returns the number of observations in each bucket. A Prometheus that
// stores native histograms returns one native histogram.
func distribution(histogram, labels string) string {
	increase := func(series string) string { return "(increase(" + series + labels + "[$__rate_interval]))" }
	return "sum by (le) " + increase(histogram+"_bucket") + " or sum" + increase(histogram)
}

// state is 2 if the last collection fetched all documents, 1 if there are some values,
// current or last good ones, and 0 if there are none.
const (
	hasValues = "clamp_max(max by " + eachUpstream + " (betanet_exporter_endpoint_up{@upstreams})" +
		" + max by " + eachUpstream + " (betanet_exporter_data_stale{@upstreams}), 1)"
	isUp  = "max by " + eachUpstream + " (betanet_up{@upstreams})"
	state = hasValues + " + " + isUp
)

var stateWords = []word{{2, "up", good}, {1, "stale or in part", poor}, {0, "no values", bad}}

// age is the age of the oldest document of each upstream.
const age = "time() - min by " + eachUpstream + " (betanet_exporter_last_success_timestamp_seconds{@upstreams})"

// Series of an upstream that several panels use.
const (
	messages  = "betanet_messages_total{@upstreams}"
	dropped   = "betanet_packets_dropped_total{@upstreams}"
	sent      = "betanet_bytes_transmitted_total{@upstreams}"
	received  = "betanet_bytes_received_total{@upstreams}"
	forwarded = "betanet_packets_forwarded_total{@upstreams}"
	latencies = "betanet_message_latency_seconds"
)
