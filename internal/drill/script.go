package drill

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/simulator"
)

// The services of the script.
const (
	edge1 = "edge-1"
	edge2 = "edge-2"
	core  = "core"
)

// Services are the names of the services of the script.
var Services = []string{edge1, edge2, core}

// Script is the drill. A phase in which an alert has to fire is longer than its
// patience and the window of its rate together.
var Script = []Phase{
	{
		Name: "All is well", Lasts: 2 * time.Minute,
		Page:   "three services up, every breaker closed",
		Series: []string{"betanet_up 1", "betanet_exporter_data_stale 0"},
	},
	{
		Name: "edge-1 answers 500", Lasts: 8 * time.Minute,
		Services: map[string]State{edge1: failing("http500")},
		Page:     "edge-1 stale, breakers open; after cache.max-stale down, no values",
		Series: []string{
			`betanet_up{upstream="edge-1"} 0`,
			`betanet_exporter_endpoint_failing with reason="http_5xx"`,
			"betanet_exporter_data_stale 1, then 0 when the values are gone",
			`betanet_exporter_circuit_breaker_state with state="open"`,
		},
		Alerts: []string{"BetanetDown", "BetanetDataStale", "BetanetCircuitBreakerOpen"},
	},
	{
		Name: "edge-1 recovers", Lasts: 2 * time.Minute,
		Page:   "edge-1 up as soon as the breakers' next probes succeed",
		Series: []string{`betanet_up{upstream="edge-1"} 1`, `betanet_exporter_circuit_breaker_state with state="closed"`},
	},
	{
		Name: "edge-2 hangs", Lasts: 3 * time.Minute,
		Services: map[string]State{edge2: failing("hang")},
		Page:     "edge-2 stale, its values stay; the others up and on time",
		Series:   []string{`betanet_exporter_endpoint_failing with reason="timeout"`, `betanet_exporter_attempts_total with result="timeout" grows`},
	},
	{
		Name: "core restarts", Lasts: 3 * time.Minute,
		Services: map[string]State{core: {Restart: true}},
		Page:     "three services up; the totals of core start again near 0",
		Series:   []string{"betanet_exporter_counter_resets_total of core grows by 4", "betanet_fleet_messages_total goes on without a jump"},
		Alerts:   []string{"BetanetCounterResets"},
	},
	{
		Name: "edge-1 answers late", Lasts: 2 * time.Minute,
		Services: map[string]State{edge1: {Faults: []simulator.Fault{{Kind: "slow", Delay: 3 * time.Second}}}},
		Page:     "three services up; late is not down",
		Series:   []string{"betanet_exporter_collection_duration_seconds of edge-1 rises"},
	},
	{
		Name: "edge-2 answers half documents", Lasts: 3 * time.Minute,
		Services: map[string]State{edge2: failing("badjson")},
		Page:     "edge-2 stale, with the last good values and never with half ones",
		Series:   []string{`betanet_exporter_endpoint_failing with reason="json_syntax"`},
	},
	{
		Name: "The network ails", Lasts: 11 * time.Minute,
		Services: map[string]State{
			edge1: {Conditions: simulator.Conditions{Active: 1, Idle: true}},
			edge2: {Conditions: simulator.Conditions{Nodes: 2}},
			core:  {Conditions: simulator.Conditions{Loss: 0.2, Latency: 2 * time.Second}},
		},
		Page: "three services up: they answer, and what they say is bad",
		Series: []string{
			"betanet_messages_total of edge-1 stands still", "betanet_mixnode_inactive of edge-1 6, or 7",
			"betanet_connected_peers of edge-2 2",
			"betanet_packets_dropped_total of core: a fifth of all packets", "betanet_average_latency_seconds of core above 2",
		},
		Alerts: []string{"BetanetNoTraffic", "BetanetMixnodesInactive", "BetanetTooFewPeers", "BetanetPacketLossHigh", "BetanetLatencyHigh"},
	},
	{
		Name: "All are gone", Lasts: 8 * time.Minute,
		Services: map[string]State{edge1: failing("refuse"), edge2: failing("refuse"), core: failing("refuse")},
		Page:     "three services stale, after cache.max-stale down",
		Series:   []string{`betanet_fleet_upstreams{state="up"} 0`, `betanet_exporter_endpoint_failing with reason="connect"`},
		Alerts:   []string{"BetanetFleetCoverageLow", "BetanetDown", "BetanetDataStale", "BetanetCircuitBreakerOpen"},
	},
	{
		Name: "All recover", Lasts: 3 * time.Minute,
		Page:   "three services up, every breaker closed",
		Series: []string{`betanet_fleet_upstreams{state="up"} 3`},
	},
}

func failing(kind string) State {
	return State{Faults: []simulator.Fault{{Kind: kind}}}
}
