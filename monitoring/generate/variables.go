package main

// A dashboard about upstreams reads them from betanet_up, which exists whatever their
// state. All has to match series without the label upstream, and thousands of instances
// if each is an upstream of /probe.
var ofUpstreams = []variable{
	{name: "job", title: "Job", query: `label_values(betanet_up, job)`},
	{name: "instance", title: "Instance", query: `label_values(betanet_up{job=~"$job"}, instance)`, all: ".*"},
	{name: "upstream", title: "Upstream", query: `label_values(betanet_up{@exporters}, upstream)`, all: ".*"},
}

// A dashboard about exporters reads metrics that every process has. All is limited to
// the values that the queries return, so that other programs of the job are excluded.
var ofExporters = []variable{
	{name: "job", title: "Job", query: `label_values(betanet_exporter_build_info, job)`},
	{name: "instance", title: "Instance", query: `label_values(betanet_exporter_build_info{job=~"$job"}, instance)`},
}
