package main

// upstreamVariables are read from betanet_up, which exists in every state of an
// upstream. All is a pattern because it has to match series without the label upstream,
// and thousands of instances if each is an upstream of /probe.
var upstreamVariables = []variable{
	{name: "job", title: "Job", query: `label_values(betanet_up, job)`},
	{name: "instance", title: "Instance", query: `label_values(betanet_up{job=~"$job"}, instance)`, all: ".*"},
	{name: "upstream", title: "Upstream", query: `label_values(betanet_up{@exporters}, upstream)`, all: ".*"},
}

// exporterVariables are read from a metric that every exporter has. All is limited to the
// values that the queries return, because the dashboard also shows metrics that other
// programs have, such as go_goroutines.
var exporterVariables = []variable{
	{name: "job", title: "Job", query: `label_values(betanet_exporter_build_info, job)`},
	{name: "instance", title: "Instance", query: `label_values(betanet_exporter_build_info{job=~"$job"}, instance)`},
}
