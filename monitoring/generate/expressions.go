package main

import "strings"

// What the variables select. Every exporter has a job and an instance; the label
// upstream is not there where an exporter has one upstream without a name.
var selectors = strings.NewReplacer(
	"@upstreams", `job=~"$job", instance=~"$instance", upstream=~"$upstream"`,
	"@exporters", `job=~"$job", instance=~"$instance"`,
)

// eachUpstream are the labels that one upstream is known by.
const eachUpstream = "(job, instance, upstream)"

// fresh keeps of an expression the upstreams whose document was fetched last time.
// The values of others stand still: a rate of 0 would be one that nobody measured.
func fresh(document, expr string) string {
	return expr + " and on " + eachUpstream + " betanet_exporter_endpoint_up{@upstreams, " + says(document) + "} == 1"
}

// lastGood keeps the others: a value of a document that was not fetched last time
// is the last good one.
func lastGood(document, expr string) string {
	return expr + " and on " + eachUpstream + " betanet_exporter_endpoint_up{@upstreams, " + says(document) + "} == 0"
}

// says selects the endpoint of a document. What API v1 says in one of its own, API
// mixnodes says in its only one.
func says(document string) string {
	if document == "mixnodes" {
		return `endpoint="mixnodes"`
	}
	return `endpoint=~"` + document + `|mixnodes"`
}

// rate is the increase of a counter a second. It is taken before any sum, because
// a counter falls when its upstream restarts.
func rate(counter string) string { return "rate(" + counter + "[$__rate_interval])" }

// share is a part of a whole. Of nothing there is none: 0 / 0 is no number, and no
// number is as large as 0.
func share(part, whole string) string { return part + " / (" + whole + ") >= 0" }

// allPackets is the rate of dropped and forwarded packets. API v1 has no forwarded
// ones: there those processed exclude the dropped ones.
var allPackets = rate(dropped) + " + (" + rate(forwarded) + " or " + rate(messages) + ")"

// packetLoss is the share of packets that were dropped, by upstream.
var packetLoss = share(rate(dropped), allPackets)

// meanLatency is that of the packets of now with API mixnodes, with no value while
// there are none, and the upstream's own average where packets are not known: with
// API v1, and by /probe.
var meanLatency = "(" + share(rate("betanet_packet_latency_seconds_sum{@upstreams}"), rate("betanet_packet_latency_seconds_count{@upstreams}")) +
	" or (betanet_average_latency_seconds{@upstreams} unless on " + eachUpstream + " betanet_packet_latency_seconds_count{@upstreams}))"

// latencyNow is meanLatency of the upstreams that are fetched.
var latencyNow = "(" + fresh("network", meanLatency) + ")"

// latencyQuantile is that of the last minutes of each upstream. The histogram has
// every document, but is off by default where upstreams have names: without it, it is
// taken of what the average latency was in the last five minutes.
func latencyQuantile(q string) string {
	return quantile(q, upstreamLabels, latencies, "{@upstreams}") +
		" or max by " + eachUpstream + " (quantile_over_time(" + q + ", " + latencyNow + "[5m:5s]))"
}

// sum adds up what is left of an expression.
func sum(expr string) string { return "sum(" + expr + ")" }

// quantile is one of a histogram, by labels that are kept. A Prometheus that stores
// native histograms has no series of buckets.
func quantile(q, by, histogram, labels string) string {
	native := "histogram_quantile(" + q + ", sum by (" + by + ") (" + rate(histogram+labels) + "))"
	if by != "" {
		by = ", " + by
	}
	return "histogram_quantile(" + q + ", sum by (le" + by + ") (" + rate(histogram+"_bucket"+labels) + ")) or " + native
}

// distribution is how many observations a histogram has in each bucket. A Prometheus
// that stores native histograms answers with one of them.
func distribution(histogram, labels string) string {
	increase := func(series string) string { return "(increase(" + series + labels + "[$__rate_interval]))" }
	return "sum by (le) " + increase(histogram+"_bucket") + " or sum" + increase(histogram)
}

// state of an upstream: 2 all documents are fetched, 1 there are values of some,
// fresh ones or last good ones, 0 there are none.
const (
	hasValues = "clamp_max(max by " + eachUpstream + " (betanet_exporter_endpoint_up{@upstreams})" +
		" + max by " + eachUpstream + " (betanet_exporter_data_stale{@upstreams}), 1)"
	isUp  = "max by " + eachUpstream + " (betanet_up{@upstreams})"
	state = hasValues + " + " + isUp
)

var stateWords = []word{{2, "up", good}, {1, "stale or in part", poor}, {0, "no values", bad}}

// age is how old the oldest document of each upstream is.
const age = "time() - min by " + eachUpstream + " (betanet_exporter_last_success_timestamp_seconds{@upstreams})"

// Series of an upstream that more than one panel is about.
const (
	messages  = "betanet_messages_total{@upstreams}"
	dropped   = "betanet_packets_dropped_total{@upstreams}"
	sent      = "betanet_bytes_transmitted_total{@upstreams}"
	received  = "betanet_bytes_received_total{@upstreams}"
	forwarded = "betanet_packets_forwarded_total{@upstreams}"
	latencies = "betanet_message_latency_seconds"
)
