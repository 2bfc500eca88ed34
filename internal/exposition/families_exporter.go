package exposition

import "time"

// exporterFamilies describe the exporter itself, over all upstreams.
var exporterFamilies = []family{
	ofExporter("betanet_exporter_attempts_total", counter, "endpoint, result", func(m *ExporterMetrics, w *lines) { m.writeInUse(w, &m.attempts) },
		"Requests to upstreams by how they ended: success or the reason of the failure; one that the HTTP client sends again because a kept connection was dead counts once"),
	ofExporter("betanet_exporter_cache_requests_total", counter, "result", func(m *ExporterMetrics, w *lines) { m.cache.write(w) },
		"Documents asked of the cache: hit = answered without a fetch, miss = by a fetch, stale = with the last good one because the fetch failed"),
	ofExporter("betanet_exporter_circuit_breaker_transitions_total", counter, "endpoint, state", func(m *ExporterMetrics, w *lines) { m.writeInUse(w, &m.transitions) },
		"States that circuit breakers entered, over all upstreams"),
	ofExporter("betanet_exporter_collection_delay_seconds", histogram, "", func(m *ExporterMetrics, w *lines) { w.histogram("", m.delay.Snapshot()) },
		"How long after it was due a collection started, in seconds; those at start and on demand are due at no time"),
	ofExporter("betanet_exporter_collections_skipped_total", counter, "", func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.skipped.Load())) },
		"Collections that were due and not made, because the one before was still running or the process was stopped"),
	ofExporter("betanet_exporter_collections_total", counter, "", func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.collections.Load())) },
		"Collections started, over all upstreams"),
	ofExporter("betanet_exporter_config_last_reload_success_timestamp_seconds", gauge, "", func(m *ExporterMetrics, w *lines) { w.unix("", time.UnixMilli(m.reloadedAt.Load())) },
		"Unix time of the last successful load of the configuration, in seconds"),
	ofExporter("betanet_exporter_config_last_reload_successful", gauge, "", func(m *ExporterMetrics, w *lines) { w.bool("", !m.reloadFailed.Load()) },
		"Whether the last load of the configuration succeeded"),
	ofExporter("betanet_exporter_discovery_duplicates", gauge, "source", perSource(func(w *lines, source string, d Discovery) { w.uint(source, uint64(d.Duplicates)) }),
		"Upstreams of a source of discovery that are left out, because their name is taken"),
	ofExporter("betanet_exporter_discovery_last_success_timestamp_seconds", gauge, "source", perSource(func(w *lines, source string, d Discovery) {
		if !d.LastSuccess.IsZero() {
			w.unix(source, d.LastSuccess)
		}
	}),
		"Unix time at which a source of discovery was last read without an error, in seconds"),
	ofExporter("betanet_exporter_discovery_rejected", gauge, "source", perSource(func(w *lines, source string, d Discovery) { w.uint(source, uint64(d.Rejected)) }),
		"Targets of a source of discovery that are left out, because they or their labels are not valid"),
	ofExporter("betanet_exporter_discovery_targets", gauge, "source", perSource(func(w *lines, source string, d Discovery) { w.uint(source, uint64(d.Targets)) }),
		"Valid targets of a source of discovery that are in use, duplicates included"),
	ofExporter("betanet_exporter_discovery_up", gauge, "source", perSource(func(w *lines, source string, d Discovery) { w.bool(source, d.Up) }),
		"Whether all of a source of discovery could be read when last tried; what could not keeps its last targets"),
	ofExporter("betanet_exporter_http_rejected_total", counter, "reason", func(m *ExporterMetrics, w *lines) { m.rejected.write(w) },
		"Inbound requests and connections turned away: max_requests = too many scrapes at once, connections = too many connections, slow_client = no progress"),
	ofExporter("betanet_exporter_push_last_success_timestamp_seconds", gauge, "", func(m *ExporterMetrics, w *lines) {
		if at := m.pushedAt.Load(); at != 0 {
			w.unix("", time.UnixMilli(at))
		}
	},
		"Unix time of the last push by OTLP that the receiver took as a whole, in seconds"),
	ofExporter("betanet_exporter_push_total", counter, "result", func(m *ExporterMetrics, w *lines) {
		if m.pushing.Load() {
			m.pushes.write(w)
		}
	},
		"Pushes by OTLP: success, partial = the receiver refused some of the data points, failure = after all retries; only where --otlp.endpoint is set"),
	ofExporter("betanet_exporter_request_duration_seconds", histogram, "", func(m *ExporterMetrics, w *lines) { w.histogram("", m.durations.Snapshot()) },
		"Duration of requests to upstreams, body and decoding included, in seconds"),
	ofExporter("betanet_exporter_retries_total", counter, "endpoint", func(m *ExporterMetrics, w *lines) { m.writeInUse(w, &m.retries) },
		"Requests that were made again within a collection, over all upstreams"),
	ofExporter("betanet_exporter_retry_budget_exhausted_total", counter, "", func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.exhausted.Load())) },
		"Retries that were due and not made, because the budget of the process was empty"),
	ofExporter("betanet_exporter_upstreams", gauge, "", func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.upstreams.Load())) },
		"Number of upstreams that are configured or discovered"),
}

func ofExporter(name string, kind kind, labels string, write func(*ExporterMetrics, *lines), help string) family {
	return family{name: name, kind: kind, labels: labels, help: help, exporter: write}
}
