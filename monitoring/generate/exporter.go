package main

var exporterDashboard = dashboard{
	uid: "betanet-exporter", title: "Betanet exporter", variables: exporterVariables,
	description: "The exporter itself: whether it keeps up, the results of its requests, what it rejects, and the resources it uses.",
	rows: []row{
		{"Process", []panel{
			{
				panelType: timeline, title: "Scraped", width: 8, height: 6, unit: "short",
				description: "Whether Prometheus could scrape the exporter. This does not show whether upstreams are up.",
				targets:     []target{{expr: "up{@exporters}", legend: instance}},
				mappings:    []mapping{{1, "scraped", good}, {0, "not scraped", bad}},
				alerts:      []string{"BetanetExporterDown"},
			},
			{
				panelType: timeline, title: "Configuration", width: 8, height: 6, unit: "short",
				description: "Whether the last load of the configuration succeeded. If it failed, the old configuration is still in use.",
				targets:     []target{{expr: "betanet_exporter_config_last_reload_successful{@exporters}", legend: instance}},
				mappings:    []mapping{{1, "loaded", good}, {0, "rejected, the old one is in use", bad}},
				alerts:      []string{"BetanetReloadFailed"},
			},
			{
				panelType: table, title: "Exporters", width: 8, height: 6, unit: "short", sortBy: "instance",
				description: "Version of each exporter, how long it has been running, and how old its configuration is.",
				targets: []target{
					{expr: "max by (job, instance, version) (betanet_exporter_build_info{@exporters})"},
					{expr: "time() - max by (job, instance) (process_start_time_seconds{@exporters})", legend: "Running for", unit: "s"},
					{expr: "time() - max by (job, instance) (betanet_exporter_config_last_reload_success_timestamp_seconds{@exporters})", legend: "Configuration age", unit: "s"},
				},
			},
		}},
		{"Upstreams", []panel{
			{
				panelType: timeseries, title: "Upstreams", width: 8, height: 8, unit: "short", min: ptr(0),
				description: "Upstreams that are configured or discovered.",
				targets:     []target{{expr: "betanet_exporter_upstreams{@exporters}", legend: instance}},
				alerts:      []string{"BetanetDiscoveryFailing"},
			},
			{
				panelType: timeseries, title: "Upstreams by state", width: 8, height: 8, unit: "short", min: ptr(0), stacked: true,
				description: "As counted by the exporter: up = the last collection fetched every document, stale = it did not, but there are values, down = there are none, pending = not yet tried. Only for an exporter with more than one upstream.",
				targets: []target{
					{expr: `sum(betanet_fleet_upstreams{@exporters, state="up"})`, legend: "up", colour: good},
					{expr: `sum(betanet_fleet_upstreams{@exporters, state="stale"})`, legend: "stale", colour: poor},
					{expr: `sum(betanet_fleet_upstreams{@exporters, state="down"})`, legend: "down", colour: bad},
					{expr: `sum(betanet_fleet_upstreams{@exporters, state="pending"})`, legend: "pending", colour: neutral},
				},
				alerts: []string{"BetanetFleetCoverageLow", "BetanetDown", "BetanetDataStale"},
			},
			{
				panelType: timeline, title: "Discovery sources", width: 8, height: 8, unit: "short",
				description: "Whether the last attempt to read each source succeeded. If not, the last target list is kept. Empty without discovery.",
				targets:     []target{{expr: "betanet_exporter_discovery_up{@exporters}", legend: instance + " {{source}}"}},
				mappings:    []mapping{{1, "read", good}, {0, "failing, the last list is kept", bad}},
				alerts:      []string{"BetanetDiscoveryFailing"},
			},
			{
				panelType: timeseries, title: "Discovery targets", width: 8, height: 7, unit: "short", min: ptr(0),
				description: "Targets of each source: those in use, those ignored because their name is already taken (duplicates), and those ignored because they are not valid (rejected).",
				targets: []target{
					{expr: "betanet_exporter_discovery_targets{@exporters}", legend: instance + " {{source}}"},
					{expr: "betanet_exporter_discovery_duplicates{@exporters}", legend: instance + " {{source}} duplicates", dashed: true},
					{expr: "betanet_exporter_discovery_rejected{@exporters}", legend: instance + " {{source}} rejected", dashed: true},
				},
			},
			{
				panelType: timeseries, title: "Fleet messages", width: 8, height: 7, unit: "ops", min: ptr(0),
				description: "Messages per second of all upstreams of an exporter, as counted by the exporter: it adds only increases, so that a restart does not look like traffic. Only for an exporter with more than one upstream.",
				targets:     []target{{expr: rate("betanet_fleet_messages_total{@exporters}"), legend: instance}},
				alerts:      []string{"BetanetNoTraffic"},
			},
			{
				panelType: timeseries, title: "Circuit breakers", width: 8, height: 7, unit: "short", min: ptr(0),
				description: "How many circuit breakers entered each state, across all upstreams.",
				targets: []target{
					{expr: transitions("open"), legend: "to open", colour: bad},
					{expr: transitions("half_open"), legend: "to half-open", colour: poor},
					{expr: transitions("closed"), legend: "to closed", colour: good},
				},
				alerts: []string{"BetanetCircuitBreakerOpen"},
			},
		}},
		{"Collections", []panel{
			{
				panelType: timeseries, title: "Collections", width: 8, height: 8, unit: "ops", min: ptr(0),
				description: "Collections per second, across all upstreams.",
				targets:     []target{{expr: rate("betanet_exporter_collections_total{@exporters}"), legend: instance}},
			},
			{
				panelType: timeseries, title: "Skipped collections", width: 8, height: 8, unit: "ops", min: ptr(0),
				description: "Collections per second that were due but skipped, because the previous one was still running or the process was stopped.",
				targets:     []target{{expr: rate("betanet_exporter_collections_skipped_total{@exporters}"), legend: instance}},
			},
			{
				panelType: timeseries, title: "Collection delay", width: 8, height: 8, unit: "s", min: ptr(0),
				description: "How late collections started. It grows if the machine is too small.",
				targets: []target{
					{expr: quantile("0.5", "instance", "betanet_exporter_collection_delay_seconds", "{@exporters}"), legend: instance + " 50 %"},
					{expr: quantile("0.99", "instance", "betanet_exporter_collection_delay_seconds", "{@exporters}"), legend: instance + " 99 %"},
				},
			},
		}},
		{"Requests to upstreams", []panel{
			{
				panelType: timeseries, title: "Attempts by result", width: 12, height: 8, unit: "ops", min: ptr(0), stacked: true,
				description: "Requests per second by result: success, or the reason for the failure.",
				targets:     []target{{expr: "sum by (result) (" + rate(attempts) + ") > 0", legend: "{{result}}"}},
				alerts:      []string{"BetanetDown"},
			},
			{
				panelType: timeseries, title: "Failed attempts", width: 12, height: 8, unit: "percentunit", min: ptr(0), max: ptr(1),
				description: "Share of the requests that did not return a document. There is no line while there are no requests.",
				targets:     []target{{expr: share("sum by (instance) ("+rate(failed)+")", "sum by (instance) ("+rate(attempts)+")"), legend: instance}},
				thresholds:  []threshold{{0, good}, {0.05, poor}, {0.5, bad}},
				alerts:      []string{"BetanetDown"},
			},
			{
				panelType: timeseries, title: "Request duration", width: 12, height: 8, unit: "s", min: ptr(0),
				description: "How long requests took, body and decoding included. There is no line while there are no requests.",
				targets: []target{
					{expr: quantile("0.5", "instance", durations, "{@exporters}"), legend: instance + " 50 %"},
					{expr: quantile("0.99", "instance", durations, "{@exporters}"), legend: instance + " 99 %", dashed: true},
				},
			},
			{
				panelType: heatmap, title: "Request duration distribution", width: 12, height: 8, unit: "s",
				description: "Number of requests by duration.",
				targets:     []target{{expr: distribution(durations, "{@exporters}"), legend: "{{le}}"}},
			},
			{
				panelType: timeseries, title: "Retries", width: 8, height: 7, unit: "ops", min: ptr(0), stacked: true,
				description: "Retries per second within a collection, by document.",
				targets:     []target{{expr: "sum by (endpoint) (" + rate("betanet_exporter_retries_total{@exporters}") + ")", legend: "{{endpoint}}"}},
			},
			{
				panelType: timeseries, title: "Retries refused by the budget", width: 8, height: 7, unit: "ops", min: ptr(0),
				description: "Retries per second that were due but not made, because the budget of the process was empty.",
				targets:     []target{{expr: rate("betanet_exporter_retry_budget_exhausted_total{@exporters}"), legend: instance}},
			},
			{
				panelType: timeseries, title: "Cache", width: 8, height: 7, unit: "ops", min: ptr(0), stacked: true,
				description: "Documents per second requested from the cache: hit = served without a fetch, miss = fetched, stale = the last good one because the fetch failed.",
				targets:     []target{{expr: "sum by (result) (" + rate("betanet_exporter_cache_requests_total{@exporters}") + ")", legend: "{{result}}"}},
				alerts:      []string{"BetanetDataStale"},
			},
		}},
		{"Scrapes and pushes", []panel{
			{
				panelType: timeseries, title: "Scrape duration", width: 6, height: 7, unit: "s", min: ptr(0),
				description: "How long Prometheus took to scrape the exporter.",
				targets:     []target{{expr: "scrape_duration_seconds{@exporters}", legend: instance}},
			},
			{
				panelType: timeseries, title: "Samples per scrape", width: 6, height: 7, unit: "short", min: ptr(0),
				description: "Samples per scrape.",
				targets:     []target{{expr: "scrape_samples_scraped{@exporters}", legend: instance}},
			},
			{
				panelType: timeseries, title: "Rejected", width: 6, height: 7, unit: "ops", min: ptr(0),
				description: "Inbound requests and connections per second that were rejected: max_requests = too many scrapes at once, connections = too many connections, slow_client = no progress.",
				targets:     []target{{expr: "sum by (instance, reason) (" + rate("betanet_exporter_http_rejected_total{@exporters}") + ")", legend: instance + " {{reason}}"}},
			},
			{
				panelType: timeseries, title: "Pushes", width: 6, height: 7, unit: "ops", min: ptr(0), stacked: true,
				description: "OTLP pushes per second, by result: success, partial = the receiver refused some of the data points, failure. Empty unless pushing is enabled.",
				targets:     []target{{expr: "sum by (instance, result) (" + rate("betanet_exporter_push_total{@exporters}") + ")", legend: instance + " {{result}}"}},
				alerts:      []string{"BetanetPushFailing"},
			},
		}},
		{"Resources", []panel{
			{
				panelType: timeseries, title: "Memory", width: 6, height: 7, unit: "bytes", min: ptr(0),
				description: "Memory of the process, and the part of it that Go's heap uses.",
				targets: []target{
					{expr: "process_resident_memory_bytes{@exporters}", legend: instance + " resident"},
					{expr: "go_memstats_heap_inuse_bytes{@exporters}", legend: instance + " heap", dashed: true},
				},
			},
			{
				panelType: timeseries, title: "CPU", width: 6, height: 7, unit: "percentunit", min: ptr(0),
				description: "Share of one core: two busy cores are 200 %.",
				targets:     []target{{expr: rate("process_cpu_seconds_total{@exporters}"), legend: instance}},
			},
			{
				panelType: timeseries, title: "File descriptors", width: 6, height: 7, unit: "percentunit", min: ptr(0), max: ptr(1),
				description: "Open descriptors as a share of the limit of the process. docs/capacity.md describes how many it needs.",
				targets:     []target{{expr: "process_open_fds{@exporters} / process_max_fds{@exporters}", legend: instance}},
				thresholds:  []threshold{{0, good}, {0.8, poor}, {0.95, bad}},
			},
			{
				panelType: timeseries, title: "Goroutines", width: 6, height: 7, unit: "short", min: ptr(0),
				description: "Goroutines of the process. A waiting upstream has none.",
				targets:     []target{{expr: "go_goroutines{@exporters}", legend: instance}},
			},
		}},
	},
}

const (
	instance = "{{instance}}"

	attempts  = "betanet_exporter_attempts_total{@exporters}"
	failed    = `betanet_exporter_attempts_total{@exporters, result!="success"}`
	durations = "betanet_exporter_request_duration_seconds"
)

func transitions(state string) string {
	return `sum(increase(betanet_exporter_circuit_breaker_transitions_total{@exporters, state="` + state + `"}[$__rate_interval]))`
}
