package exposition

import "time"

// exporterFamilies describe the exporter itself, over all upstreams.
var exporterFamilies = []family{
	exporterFamily("betanet_exporter_attempts_total", counter, "endpoint, result", func(m *ExporterMetrics, w *lines) { m.writeInUse(w, &m.attempts) },
		"Requests to upstreams by result: success or the reason for the failure; a request that the HTTP client repeats because a reused connection was dead counts once"),
	exporterFamily("betanet_exporter_cache_requests_total", counter, "result", func(m *ExporterMetrics, w *lines) { m.cache.write(w) },
		"Requests for documents by result: hit = served from the cache, miss = fetched, stale = the last good document because the fetch failed"),
	exporterFamily("betanet_exporter_circuit_breaker_transitions_total", counter, "endpoint, state", func(m *ExporterMetrics, w *lines) { m.writeInUse(w, &m.transitions) },
		"State changes of circuit breakers by new state, over all upstreams"),
	exporterFamily("betanet_exporter_collection_delay_seconds", histogram, "", func(m *ExporterMetrics, w *lines) { w.histogram("", m.delay.Snapshot()) },
		"Delay between the time at which a collection was due and its start, in seconds; excludes collections at startup and on demand"),
	exporterFamily("betanet_exporter_collections_skipped_total", counter, "", func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.skipped.Load())) },
		"Collections that were due but not made, because the previous one was still running or the process was suspended"),
	exporterFamily("betanet_exporter_collections_total", counter, "", func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.collections.Load())) },
		"Collections started, over all upstreams"),
	exporterFamily("betanet_exporter_config_last_reload_success_timestamp_seconds", gauge, "", func(m *ExporterMetrics, w *lines) { w.unix("", time.UnixMilli(m.reloadedAt.Load())) },
		"Unix time of the last successful load of the configuration, in seconds"),
	exporterFamily("betanet_exporter_config_last_reload_successful", gauge, "", func(m *ExporterMetrics, w *lines) { w.bool("", !m.reloadFailed.Load()) },
		"Whether the last load of the configuration succeeded"),
	exporterFamily("betanet_exporter_discovery_duplicates", gauge, "source", perSource(func(w *lines, source string, d Discovery) { w.uint(source, uint64(d.Duplicates)) }),
		"Upstreams of a discovery source that are left out because their name is taken"),
	exporterFamily("betanet_exporter_discovery_last_success_timestamp_seconds", gauge, "source", perSource(func(w *lines, source string, d Discovery) {
		if !d.LastSuccess.IsZero() {
			w.unix(source, d.LastSuccess)
		}
	}),
		"Unix time at which a discovery source was last read without an error, in seconds"),
	exporterFamily("betanet_exporter_discovery_rejected", gauge, "source", perSource(func(w *lines, source string, d Discovery) { w.uint(source, uint64(d.Rejected)) }),
		"Targets of a discovery source that are left out because they or their labels are not valid"),
	exporterFamily("betanet_exporter_discovery_targets", gauge, "source", perSource(func(w *lines, source string, d Discovery) { w.uint(source, uint64(d.Targets)) }),
		"Valid targets of a discovery source that are in use, including duplicates"),
	exporterFamily("betanet_exporter_discovery_up", gauge, "source", perSource(func(w *lines, source string, d Discovery) { w.bool(source, d.Up) }),
		"Whether a discovery source could be read completely when last tried; an unreadable part keeps its last targets"),
	exporterFamily("betanet_exporter_http_rejected_total", counter, "reason", func(m *ExporterMetrics, w *lines) { m.rejected.write(w) },
		"Rejected inbound requests and connections by reason: max_requests = too many simultaneous scrapes, connections = too many connections, slow_client = no progress"),
	exporterFamily("betanet_exporter_push_last_success_timestamp_seconds", gauge, "", func(m *ExporterMetrics, w *lines) {
		if at := m.pushedAt.Load(); at != 0 {
			w.unix("", time.UnixMilli(at))
		}
	},
		"Unix time of the last OTLP push that the receiver accepted completely, in seconds"),
	exporterFamily("betanet_exporter_push_total", counter, "result", func(m *ExporterMetrics, w *lines) {
		if m.pushing.Load() {
			m.pushes.write(w)
		}
	},
		"OTLP pushes by result: success, partial = the receiver rejected some data points, failure = failed after all retries; only if --otlp.endpoint is set"),
	exporterFamily("betanet_exporter_request_duration_seconds", histogram, "", func(m *ExporterMetrics, w *lines) { w.histogram("", m.durations.Snapshot()) },
		"Duration of requests to upstreams, including body and decoding, in seconds"),
	exporterFamily("betanet_exporter_retries_total", counter, "endpoint", func(m *ExporterMetrics, w *lines) { m.writeInUse(w, &m.retries) },
		"Requests repeated within a collection, over all upstreams"),
	exporterFamily("betanet_exporter_retry_budget_exhausted_total", counter, "", func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.exhausted.Load())) },
		"Retries that were due but not made because the retry budget of the process was empty"),
	exporterFamily("betanet_exporter_upstreams", gauge, "", func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.upstreams.Load())) },
		"Number of upstreams that are configured or discovered"),
}

func exporterFamily(name string, typ metricType, labels string, write func(*ExporterMetrics, *lines), help string) family {
	return family{name: name, metricType: typ, labels: labels, help: help, exporter: write}
}
