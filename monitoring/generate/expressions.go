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

// lastGood keeps the others, as long as they have values.
func lastGood(document, expr string) string {
	return expr + " and on " + eachUpstream + " betanet_exporter_data_stale{@upstreams, " + says(document) + "} == 1"
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

// loss is the share of lost packets. Whether those that are lost are among those
// that are processed is not known; so it stays within 0 and 1 either way.
func loss(lost, processed string) string {
	return share(rate(lost), rate(processed)+" + "+rate(lost))
}

// sum adds up what is left of an expression.
func sum(expr string) string { return "sum(" + expr + ")" }

// quantile is one of a histogram, by labels that are kept.
func quantile(q, by, histogram string) string {
	if by != "" {
		by = ", " + by
	}
	return "histogram_quantile(" + q + ", sum by (le" + by + ") (" + rate(histogram) + "))"
}

// state of an upstream: 2 all documents are fetched, 1 there are values of some,
// fresh ones or last good ones, 0 there are none. An endpoint is up, or its values
// are the last good ones, or it has none.
const (
	hasValues = "max by " + eachUpstream + " (betanet_exporter_endpoint_up{@upstreams} + betanet_exporter_data_stale{@upstreams})"
	isUp      = "max by " + eachUpstream + " (betanet_up{@upstreams})"
	state     = hasValues + " + " + isUp
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
	latency   = "betanet_average_latency_seconds{@upstreams}"
	latencies = "betanet_message_latency_seconds_bucket{@upstreams}"
)
