package fake

import "time"

// The services of the script.
const (
	edge1 = "edge-1"
	edge2 = "edge-2"
	core  = "core"
)

// DrillServices lists the services of the script.
var DrillServices = []string{edge1, edge2, core}

// Conditions that last for several phases, because their alerts take that long to fire.
var (
	withoutTraffic = Conditions{Active: 1, Idle: true}
	lossy          = Conditions{Loss: 0.2, Latency: 2 * time.Second}
	fewPeers       = Conditions{Nodes: 2}
)

// Script is the drill. Each alert is listed in the phase in which it begins to fire, after its condition has lasted as
// long as monitoring/alerts requires.
var Script = []Phase{
	{
		Name: "All services are healthy", Duration: time.Minute,
		Page:   "three services up, every breaker closed",
		Series: []string{"betanet_up 1", "betanet_exporter_data_stale 0"},
	},
	{
		Name: "edge-1 returns 500", Duration: 7 * time.Minute,
		Services: map[string]ServiceState{edge1: failing("http500")},
		Page:     "edge-1 stale, breakers open; after cache.max-stale down, no values",
		Series: []string{
			"betanet_up of edge-1 0",
			`betanet_exporter_endpoint_failing with reason="http_5xx"`,
			"betanet_exporter_data_stale 1, then 0 when the values are gone",
			"betanet_exporter_circuit_breaker_state 2",
		},
		Alerts: []string{"BetanetDown", "BetanetDataStale", "BetanetCircuitBreakerOpen"},
	},
	{
		Name: "edge-1 recovers, but its traffic does not", Duration: 2 * time.Minute,
		Services: map[string]ServiceState{edge1: {Conditions: withoutTraffic}},
		Page:     "edge-1 up after the breakers' next probes, and few nodes active",
		Series: []string{
			"betanet_up of edge-1 1", "betanet_exporter_circuit_breaker_state 0",
			"betanet_messages_total of edge-1 does not grow", "betanet_mixnode_inactive of edge-1 6 or 7",
		},
	},
	{
		Name: "edge-2 hangs", Duration: 4 * time.Minute,
		Services: map[string]ServiceState{edge1: {Conditions: withoutTraffic}, edge2: failing("hang")},
		Page:     "edge-2 stale, its values stay; the others up and on time",
		Series: []string{
			`betanet_exporter_endpoint_failing with reason="timeout"`,
			`betanet_exporter_attempts_total with result="timeout" grows`,
		},
		Alerts: []string{"BetanetDown"},
	},
	{
		Name: "core restarts every minute", Duration: 5 * time.Minute, Every: time.Minute,
		Services: map[string]ServiceState{edge1: {Conditions: withoutTraffic}, core: {Restart: true}},
		Page:     "core up; its totals start again near 0",
		Series: []string{
			"betanet_exporter_upstream_resets_total of core grows by 1 or 2 per restart",
			"betanet_fleet_messages_total continues without a jump",
		},
	},
	{
		Name: "core loses packets, edge-2 responds late", Duration: 2 * time.Minute,
		Services: map[string]ServiceState{
			edge1: {Conditions: withoutTraffic},
			edge2: {Faults: []Fault{{Kind: "slow", Delay: 3 * time.Second}}},
			core:  {Conditions: lossy},
		},
		Page: "three services up; late is not down",
		Series: []string{
			"betanet_exporter_collection_duration_seconds of edge-2 rises",
			"betanet_packets_dropped_total of core: a fifth of all packets",
			"betanet_average_latency_seconds of core above 2",
		},
	},
	{
		Name: "edge-2 returns half documents", Duration: 4 * time.Minute,
		Services: map[string]ServiceState{edge1: {Conditions: withoutTraffic}, edge2: failing("badjson"), core: {Conditions: lossy}},
		Page:     "edge-2 stale, with the last good values, never partial ones",
		Series:   []string{`betanet_exporter_endpoint_failing with reason="json_syntax"`},
		Alerts:   []string{"BetanetDown", "BetanetCounterResets", "BetanetMixnodesInactive"},
	},
	{
		Name: "edge-2 loses its peers", Duration: 12 * time.Minute,
		Services: map[string]ServiceState{edge1: {Conditions: withoutTraffic}, edge2: {Conditions: fewPeers}, core: {Conditions: lossy}},
		Page:     "three services up: they respond, and report bad values",
		Series:   []string{"betanet_connected_peers of edge-2 2"},
		Alerts:   []string{"BetanetNoTraffic", "BetanetTooFewPeers", "BetanetPacketLossHigh", "BetanetLatencyHigh"},
	},
	{
		Name: "All services are down", Duration: 7 * time.Minute,
		Services: map[string]ServiceState{edge1: failing("refuse"), edge2: failing("refuse"), core: failing("refuse")},
		Page:     "three services stale, after cache.max-stale down",
		Series:   []string{`betanet_fleet_upstreams{state="up"} 0`, `betanet_exporter_endpoint_failing with reason="connect"`},
		Alerts:   []string{"BetanetDown", "BetanetDataStale", "BetanetCircuitBreakerOpen", "BetanetFleetCoverageLow"},
	},
	{
		Name: "All services recover", Duration: 2 * time.Minute,
		Page:   "three services up, every breaker closed",
		Series: []string{`betanet_fleet_upstreams{state="up"} 3`, "betanet_messages_total of edge-1 grows again"},
	},
}

func failing(kind string) ServiceState {
	return ServiceState{Faults: []Fault{{Kind: kind}}}
}
