package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// latencyBuckets lists the bucket bounds of betanet_message_latency_seconds.
var latencyBuckets = []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

// expectedSeries has the expected values by series: a uint64 is exact, a float64 has the
// tolerance.
type expectedSeries map[string]any

// tolerance is the allowed relative error.
const tolerance = 1e-9

func equal(got, want float64) bool { return math.Abs(got-want) <= tolerance*math.Abs(want) }

// compare compares all series of an exposition whose values come from the servers.
func (want expectedSeries) compare(exposition string) error {
	var wrong []string
	seen := make(map[string]bool)
	for line := range strings.Lines(exposition) {
		at := strings.LastIndexByte(line, ' ')
		if line[0] == '#' || !fromServer(line) {
			continue
		}
		series, text := line[:at], strings.TrimSpace(line[at:])
		seen[series] = true
		w, ok := want[series]
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s = %s, want it absent", series, text))
		} else if !matches(text, w) {
			wrong = append(wrong, fmt.Sprintf("%s = %s, want %v", series, text, w))
		}
	}
	for series, w := range want {
		if !seen[series] {
			wrong = append(wrong, fmt.Sprintf("%s is missing, want %v", series, w))
		}
	}
	return differences(wrong)
}

func differences(wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%d values differ:\n%s", len(wrong), strings.Join(wrong[:min(len(wrong), 10)], "\n"))
}

// fromServer reports whether the value in a line comes from a server. Other lines are about
// the exporter and its requests.
func fromServer(line string) bool {
	if !strings.HasPrefix(line, "betanet_exporter_") {
		return strings.HasPrefix(line, "betanet_")
	}
	name := strings.TrimPrefix(line[:strings.IndexAny(line, " {")], "betanet_exporter_")
	return slices.Contains([]string{"endpoint_up", "endpoint_failing", "circuit_breaker_state", "data_stale", "upstream_resets_total"}, name)
}

func matches(text string, want any) bool {
	if n, isInteger := want.(uint64); isInteger {
		return text == strconv.FormatUint(n, 10)
	}
	got, err := strconv.ParseFloat(text, 64)
	return err == nil && equal(got, want.(float64))
}

// condition is the reason for the failure of a server's last collection, or "" if it succeeded.
type condition string

func (c condition) up() uint64 {
	if c == "" {
		return 1
	}
	return 0
}

// labelled formats a series with labels: pairs of name and value in alphabetical order. Labels
// with an empty value are omitted.
func labelled(name string, pairs ...string) string {
	var labels []string
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			labels = append(labels, fmt.Sprintf("%s=%q", pair[0], pair[1]))
		}
	}
	if len(labels) == 0 {
		return name
	}
	return name + "{" + strings.Join(labels, ",") + "}"
}

// probeSeries returns the series that /probe must have for the server in a condition: the
// values of one document.
func (s *publishedServer) probeSeries(c condition) expectedSeries { return s.documentSeries(c, "") }

// documentSeries returns the series that follow from the server's document and condition.
func (s *publishedServer) documentSeries(c condition, upstream string) expectedSeries {
	s.mu.Lock()
	defer s.mu.Unlock()
	want, active, all := make(expectedSeries), uint64(0), tally{}
	set := func(name string, value any, labels ...string) {
		want[labelled("betanet_"+name, append(labels, "upstream", upstream)...)] = value
	}
	for _, n := range s.nodes {
		up := uint64(0)
		if n.status == "active" {
			up = 1
		}
		active += up
		all.add(n.tally)
		set("mixnode_up", up, "mixnode", n.id)
		set("mixnode_packets_processed_total", n.processed, "mixnode", n.id)
		set("mixnode_uptime_seconds", n.uptime, "mixnode", n.id)
		if s.has("packets_forwarded") {
			set("mixnode_packets_forwarded_total", n.forwarded, "mixnode", n.id)
		}
		if s.has("packets_dropped") {
			set("mixnode_packets_dropped_total", n.dropped, "mixnode", n.id)
		}
		if s.has("avg_latency_ms") && n.latencyCount > 0 {
			set("mixnode_average_latency_seconds", n.averageMS()/1000, "mixnode", n.id)
		}
	}
	set("connected_peers", uint64(len(s.nodes)))
	set("mixnode_active", active)
	set("mixnode_inactive", uint64(len(s.nodes))-active)
	if s.has("avg_latency_ms") && all.latencyCount > 0 {
		set("average_latency_seconds", all.averageMS()/1000)
	}
	set("up", c.up())
	set("exporter_endpoint_up", c.up(), "endpoint", "mixnodes")
	set("exporter_data_stale", 1-c.up())
	set("exporter_circuit_breaker_state", uint64(0), "endpoint", "mixnodes")
	if c != "" {
		set("exporter_endpoint_failing", uint64(1), "endpoint", "mixnodes", "reason", string(c))
	}
	return want
}

// total returns the sum of everything that the server has counted since its first start.
func (s *publishedServer) total() tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.past
	for _, n := range s.nodes {
		all.add(n.tally)
	}
	return all
}

// deployed reports whether the server ever had nodes.
func (s *publishedServer) deployed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.nodes) > 0 || s.resets > 0
}

// metricsSeries returns the series that /metrics must have for the server: the series of
// /probe, and sums that restarts do not reset.
func (s *publishedServer) metricsSeries(c condition) expectedSeries {
	want, all := s.documentSeries(c, s.name), s.total()
	set := func(name string, value any, labels ...string) {
		want[labelled("betanet_"+name, append([]string{"upstream", s.name}, labels...)...)] = value
	}
	set("messages_total", all.processed)
	if s.has("packets_dropped") || !s.deployed() {
		set("packets_dropped_total", all.dropped)
		set("packets_forwarded_total", all.forwarded)
	}
	if !s.has("avg_latency_ms") {
		all.latencySum, all.latencyCount = 0, 0
	}
	set("packet_latency_seconds_sum", float64(all.latencySum)/1e6)
	set("packet_latency_seconds_count", all.latencyCount)

	s.mu.Lock()
	defer s.mu.Unlock()
	set("exporter_upstream_resets_total", uint64(s.resets))
	var means []float64
	if s.has("avg_latency_ms") {
		means = s.means
	}
	if len(means) == 0 {
		return want // the histogram is absent before its first observation
	}
	sum := 0.0
	for _, m := range means {
		sum += m
	}
	set("message_latency_seconds_sum", sum)
	set("message_latency_seconds_count", uint64(len(means)))
	for _, bound := range append(slices.Clone(latencyBuckets), math.Inf(1)) {
		n := uint64(0)
		for _, m := range means {
			if m <= bound {
				n++
			}
		}
		set("message_latency_seconds_bucket", n, "le", strconv.FormatFloat(bound, 'g', -1, 64))
	}
	return want
}

// fleetSeries returns the series that /metrics must have for all servers together, when the
// given number of them are failing.
func fleetSeries(servers []*publishedServer, failing int) expectedSeries {
	want := make(expectedSeries)
	var all tally
	peers, active := 0, 0
	for _, s := range servers {
		one := s.total()
		if !s.has("packets_dropped") {
			one.forwarded, one.dropped = 0, 0
		}
		all.add(one)
		s.mu.Lock()
		peers += len(s.nodes)
		for _, n := range s.nodes {
			if n.status == "active" {
				active++
			}
		}
		s.mu.Unlock()
	}
	for name, n := range map[string]uint64{
		"connected_peers": uint64(peers), "mixnode_active": uint64(active), "messages_total": all.processed,
		"packets_dropped_total": all.dropped, "packets_forwarded_total": all.forwarded,
		"bytes_transmitted_total": 0, "bytes_received_total": 0,
		`upstreams{state="up"}`: uint64(len(servers) - failing), `upstreams{state="stale"}`: uint64(failing),
		`upstreams{state="down"}`: 0, `upstreams{state="pending"}`: 0,
	} {
		want["betanet_fleet_"+name] = n
	}
	return want
}

// compareStatus compares the values of the server in the JSON status with the values that
// /metrics must have, under names with a prefix.
func (s *publishedServer) compareStatus(c condition, status string) error {
	var document struct {
		Upstreams []struct {
			Name   string
			Values map[string]json.Number
		}
	}
	if err := json.Unmarshal([]byte(status), &document); err != nil {
		return err
	}
	want, shown := s.metricsSeries(c), make(expectedSeries)
	for _, name := range []string{
		"connected_peers", "mixnode_active", "mixnode_inactive", "messages_total", "packets_dropped_total",
		"packets_forwarded_total", "average_latency_seconds",
	} {
		if v, ok := want[labelled("betanet_"+name, "upstream", s.name)]; ok {
			shown["betanet_"+name] = v
		}
	}
	for _, u := range document.Upstreams {
		if u.Name != s.name {
			continue
		}
		var lines strings.Builder
		for _, key := range slices.Sorted(maps.Keys(u.Values)) {
			fmt.Fprintf(&lines, "betanet_%s %s\n", key, u.Values[key])
		}
		return shown.compare(lines.String())
	}
	return fmt.Errorf("no upstream %s", s.name)
}
