package exposition

import "time"

// exporterFamilies are about the exporter, over all upstreams.
var exporterFamilies = []family{
	{
		name: "betanet_exporter_attempts_total", kind: counter, labels: "endpoint, result", exporter: func(m *ExporterMetrics, w *lines) { m.writeInUse(w, &m.attempts) },
		help: "Requests to upstreams by how they ended: success or the reason of the failure; one that the HTTP client sends again because a kept connection was dead counts once",
	},
	{
		name: "betanet_exporter_cache_requests_total", kind: counter, labels: "result", exporter: func(m *ExporterMetrics, w *lines) { m.cache.write(w) },
		help: "Documents asked of the cache: hit = answered without a fetch, miss = by a fetch, stale = with the last good one because the fetch failed",
	},
	{
		name: "betanet_exporter_circuit_breaker_transitions_total", kind: counter, labels: "endpoint, state", exporter: func(m *ExporterMetrics, w *lines) { m.writeInUse(w, &m.transitions) },
		help: "States that circuit breakers entered, over all upstreams",
	},
	{
		name: "betanet_exporter_collection_delay_seconds", kind: histogram, exporter: func(m *ExporterMetrics, w *lines) { w.histogram("", m.delay.Snapshot()) },
		help: "How long after it was due a collection started, in seconds; those at start and on demand are due at no time",
	},
	{
		name: "betanet_exporter_collections_skipped_total", kind: counter, exporter: func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.skipped.Load())) },
		help: "Collections that were due and not made, because the one before was still running or the process was stopped",
	},
	{
		name: "betanet_exporter_collections_total", kind: counter, exporter: func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.collections.Load())) },
		help: "Collections started, over all upstreams",
	},
	{
		name: "betanet_exporter_config_last_reload_success_timestamp_seconds", kind: gauge, exporter: func(m *ExporterMetrics, w *lines) { w.unix("", time.UnixMilli(m.reloadedAt.Load())) },
		help: "Unix time of the last successful load of the configuration, in seconds",
	},
	{
		name: "betanet_exporter_config_last_reload_successful", kind: gauge, exporter: func(m *ExporterMetrics, w *lines) { w.bool("", m.reloadFailed.Load() == 0) },
		help: "Whether the last load of the configuration succeeded",
	},
	{
		name: "betanet_exporter_discovery_duplicates", kind: gauge, labels: "source", exporter: perSource(func(w *lines, source string, d Discovery) { w.uint(source, uint64(d.Duplicates)) }),
		help: "Upstreams of a source of discovery that are left out, because their name is taken",
	},
	{
		name: "betanet_exporter_discovery_last_success_timestamp_seconds", kind: gauge, labels: "source", exporter: perSource(func(w *lines, source string, d Discovery) {
			if !d.LastSuccess.IsZero() {
				w.unix(source, d.LastSuccess)
			}
		}),
		help: "Unix time at which a source of discovery was last read without an error, in seconds",
	},
	{
		name: "betanet_exporter_discovery_rejected", kind: gauge, labels: "source", exporter: perSource(func(w *lines, source string, d Discovery) { w.uint(source, uint64(d.Rejected)) }),
		help: "Targets of a source of discovery that are left out, because they or their labels are not valid",
	},
	{
		name: "betanet_exporter_discovery_targets", kind: gauge, labels: "source", exporter: perSource(func(w *lines, source string, d Discovery) { w.uint(source, uint64(d.Targets)) }),
		help: "Valid targets of a source of discovery that are in use, duplicates included",
	},
	{
		name: "betanet_exporter_discovery_up", kind: gauge, labels: "source", exporter: perSource(func(w *lines, source string, d Discovery) { w.bool(source, d.Up) }),
		help: "Whether all of a source of discovery could be read when last tried; what could not keeps its last targets",
	},
	{
		name: "betanet_exporter_http_rejected_total", kind: counter, labels: "reason", exporter: func(m *ExporterMetrics, w *lines) { m.rejected.write(w) },
		help: "Inbound requests and connections turned away: max_requests = too many scrapes at once, connections = too many connections, slow_client = no progress",
	},
	{
		name: "betanet_exporter_push_last_success_timestamp_seconds", kind: gauge, exporter: func(m *ExporterMetrics, w *lines) {
			if at := m.pushedAt.Load(); at != 0 {
				w.unix("", time.UnixMilli(at))
			}
		},
		help: "Unix time of the last push by OTLP that the receiver took as a whole, in seconds",
	},
	{
		name: "betanet_exporter_push_total", kind: counter, labels: "result", exporter: func(m *ExporterMetrics, w *lines) {
			if m.pushing.Load() {
				m.pushes.write(w)
			}
		},
		help: "Pushes by OTLP: success, partial = the receiver refused some of the data points, failure = after all retries; only where --otlp.endpoint is set",
	},
	{
		name: "betanet_exporter_request_duration_seconds", kind: histogram, exporter: func(m *ExporterMetrics, w *lines) { w.histogram("", m.durations.Snapshot()) },
		help: "Duration of requests to upstreams, body and decoding included, in seconds",
	},
	{
		name: "betanet_exporter_retries_total", kind: counter, labels: "endpoint", exporter: func(m *ExporterMetrics, w *lines) { m.writeInUse(w, &m.retries) },
		help: "Requests that were made again within a collection, over all upstreams",
	},
	{
		name: "betanet_exporter_retry_budget_exhausted_total", kind: counter, exporter: func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.exhausted.Load())) },
		help: "Retries that were due and not made, because the budget of the process was empty",
	},
	{
		name: "betanet_exporter_upstreams", kind: gauge, exporter: func(m *ExporterMetrics, w *lines) { w.uint("", uint64(m.upstreams.Load())) },
		help: "Number of upstreams that are configured or discovered",
	},
}
