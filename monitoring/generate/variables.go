package main

// A dashboard about upstreams takes them from betanet_up, which is there whatever
// is wrong with them. All has to match series without the label upstream, and
// instances by the thousand where each is an upstream of /probe.
var ofUpstreams = []variable{
	{name: "job", title: "Job", query: `label_values(betanet_up, job)`},
	{name: "instance", title: "Instance", query: `label_values(betanet_up{job=~"$job"}, instance)`, all: ".*"},
	{name: "upstream", title: "Upstream", query: `label_values(betanet_up{@exporters}, upstream)`, all: ".*"},
}

// One about exporters asks for metrics that every process has: All is what the
// queries found, so that other programs of the job stay out.
var ofExporters = []variable{
	{name: "job", title: "Job", query: `label_values(betanet_exporter_build_info, job)`},
	{name: "instance", title: "Instance", query: `label_values(betanet_exporter_build_info{job=~"$job"}, instance)`},
}
