package exposition

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// samplesByFamily counts the samples of a text by family name.
func samplesByFamily(text string) (families map[string]int, all int) {
	families = make(map[string]int)
	family := ""
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			family, _, _ = strings.Cut(rest, " ")
		} else if !strings.HasPrefix(line, "#") {
			families[family]++
			all++
		}
	}
	return families, all
}

// wantSamples compares the number of samples of every family, and in total.
func wantSamples(t *testing.T, what, text string, want map[string]int, total int) {
	t.Helper()
	got, all := samplesByFamily(text)
	for name, n := range got {
		if n != want[name] {
			t.Errorf("%s: %s: got %d samples, want %d", what, name, n, want[name])
		}
	}
	for name, n := range want {
		if got[name] == 0 && n > 0 {
			t.Errorf("%s: %s is missing, want %d samples", what, name, n)
		}
	}
	if all != total {
		t.Errorf("%s: got %d samples, want %d", what, all, total)
	}
}

// merged merges groups of families with their expected numbers of samples.
func merged(groups ...map[string]int) map[string]int {
	all := make(map[string]int)
	for _, g := range groups {
		for name, n := range g {
			all["betanet_"+name] += n
		}
	}
	return all
}

var (
	v1Documents = map[string]int{
		"connected_peers": 1, "messages_total": 1, "packets_dropped_total": 1, "mixnode_active": 1, "mixnode_inactive": 1,
		"bytes_transmitted_total": 1, "bytes_received_total": 1, "peak_throughput": 1, "average_latency_seconds": 1,
	}
	mixnodesDocument = map[string]int{"connected_peers": 1, "mixnode_active": 1, "mixnode_inactive": 1, "average_latency_seconds": 1}
	mixnodesSums     = map[string]int{"messages_total": 1, "packets_dropped_total": 1, "packets_forwarded_total": 1, "packet_latency_seconds": 2}
	upstreamSamples  = map[string]int{"up": 1, "exporter_data_stale": 1, "exporter_collection_duration_seconds": 1}
	accumulated      = map[string]int{"exporter_upstream_resets_total": 1}
)

func perEndpoint(endpoints int) map[string]int {
	return map[string]int{
		"exporter_endpoint_up": endpoints, "exporter_last_success_timestamp_seconds": endpoints, "exporter_circuit_breaker_state": endpoints,
	}
}

func perMixnode(nodes int) map[string]int {
	return map[string]int{
		"mixnode_up": nodes, "mixnode_packets_processed_total": nodes, "mixnode_packets_forwarded_total": nodes,
		"mixnode_packets_dropped_total": nodes, "mixnode_uptime_seconds": nodes, "mixnode_average_latency_seconds": nodes,
	}
}

func failing(endpoints int) map[string]int {
	return map[string]int{"exporter_endpoint_failing": endpoints}
}

// nodesOf returns a document with n mixnodes that send every field.
func nodesOf(n int) *betanet.Document {
	var d betanettest.Mixnodes
	for i := range n {
		d = append(d, betanettest.Mixnode{
			ID: string(rune('a' + i)), Status: "active", PacketsProcessed: 10, PacketsForwarded: new(uint64(9)), PacketsDropped: new(uint64(1)),
			UptimeSeconds: new(uint64(60)), AvgLatencyMS: new(20.0),
		})
	}
	return d.Doc()
}

// failed makes every endpoint of a view fail. The last good values are kept.
func failed(v *fleet.View) *fleet.View {
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		e.Record = e.Failed(&betanet.Failure{Reason: betanet.ReasonTimeout, Err: errors.New("no answer in time")}, time.Now())
	}
	return v
}

// With ten thousand upstreams, one more sample per upstream is ten thousand more series.
func TestUpstreamsHaveAFixedNumberOfSamples(t *testing.T) {
	named := func() *fleet.Upstream {
		u := newUpstream("edge-1")
		u.Settings.Histogram = false
		return u
	}
	replicas := func() *fleet.View {
		u := named()
		u.URLs = append(u.URLs, u.URLs[0])
		v := v1View(u, time.Now())
		v.Replica = "a:9000"
		for _, e := range betanet.V1.Endpoints() {
			v.Standby = append(v.Standby, fleet.Standby{Replica: "b:9000", Endpoint: e})
		}
		return v
	}
	https := func() *fleet.View {
		v := v1View(named(), time.Now())
		v.CertificateExpiry = time.Now().Add(time.Hour)
		return v
	}
	limited := func(nodes, shown int) *fleet.View {
		u := named()
		u.Settings.Mixnodes = shown
		return viewOf(u, time.Now(), nodesOf(nodes))
	}
	for _, c := range []struct {
		what  string
		view  *fleet.View
		want  map[string]int
		total int
	}{
		{"v1", v1View(named(), time.Now()), merged(v1Documents, upstreamSamples, accumulated, perEndpoint(3)), 22},
		{"v1 that fails", failed(v1View(named(), time.Now())), merged(v1Documents, upstreamSamples, accumulated, perEndpoint(3), failing(3)), 25},
		{"v1 over https", https(), merged(v1Documents, upstreamSamples, accumulated, perEndpoint(3), map[string]int{"exporter_tls_certificate_expiry_timestamp_seconds": 1}), 23},
		{"v1 with replicas", replicas(), merged(v1Documents, upstreamSamples, accumulated, perEndpoint(3), map[string]int{"exporter_replica_switches_total": 1, "exporter_circuit_breaker_state": 3}), 26},
		{"mixnodes without a node", viewOf(named(), time.Now(), betanettest.Mixnodes{}.Doc()), merged(map[string]int{"connected_peers": 1, "mixnode_active": 1, "mixnode_inactive": 1}, mixnodesSums, upstreamSamples, accumulated, perEndpoint(1)), 15},
		{"mixnodes with 3", viewOf(named(), time.Now(), nodesOf(3)), merged(mixnodesDocument, mixnodesSums, upstreamSamples, accumulated, perEndpoint(1), perMixnode(3)), 16 + 18},
		{"mixnodes that fail", failed(viewOf(named(), time.Now(), nodesOf(3))), merged(mixnodesDocument, mixnodesSums, upstreamSamples, accumulated, perEndpoint(1), perMixnode(3), failing(1)), 17 + 18},
		{"mixnodes, 2 of 3 with series", limited(3, 2), merged(mixnodesDocument, mixnodesSums, upstreamSamples, accumulated, perEndpoint(1), perMixnode(2), map[string]int{"mixnodes_omitted": 1}), 17 + 12},
		{"mixnodes, none with series", limited(3, 0), merged(mixnodesDocument, mixnodesSums, upstreamSamples, accumulated, perEndpoint(1), map[string]int{"mixnodes_omitted": 1}), 17},
	} {
		r := NewRegistry()
		r.Publish(c.view)
		var b bytes.Buffer
		if err := r.WriteUpstreams(&b, Text); err != nil {
			t.Fatal(err)
		}
		wantSamples(t, c.what, b.String(), c.want, c.total)
	}
}

func TestProbesHaveAFixedNumberOfSamples(t *testing.T) {
	for _, c := range []struct {
		what  string
		view  *fleet.View
		want  map[string]int
		total int
	}{
		{"v1", v1View(newUpstream("a"), time.Now()), merged(v1Documents, upstreamSamples, perEndpoint(3)), 21},
		{"v1 that fails", failed(v1View(newUpstream("a"), time.Now())), merged(v1Documents, upstreamSamples, perEndpoint(3), failing(3)), 24},
		{"mixnodes with 3", viewOf(newUpstream("a"), time.Now(), nodesOf(3)), merged(mixnodesDocument, upstreamSamples, perEndpoint(1), perMixnode(3)), 10 + 18},
		{"mixnodes that fail", failed(viewOf(newUpstream("a"), time.Now(), nodesOf(3))), merged(mixnodesDocument, upstreamSamples, perEndpoint(1), perMixnode(3), failing(1)), 11 + 18},
	} {
		var b bytes.Buffer
		if err := WriteProbe(&b, Text, c.view, false); err != nil {
			t.Fatal(err)
		}
		wantSamples(t, "probe of "+c.what, b.String(), c.want, c.total)
	}
}

// docs/promises.md limits the samples of /metrics with a single upstream.
func TestSingleUpstreamHasAtMost210Samples(t *testing.T) {
	r := NewRegistry()
	u := newUpstream("")
	u.API = betanet.Auto
	r.Publish(v1View(u, time.Now()))
	r.Exporter.Attempt(betanet.Metrics, "", time.Millisecond)
	families, all := samplesByFamily(string(write(t, r, Text)))
	if all > 210 {
		t.Errorf("got %d samples, want at most 210: %v", all, families)
	}
	if n := families["betanet_message_latency_seconds"]; n != 14 {
		t.Errorf("betanet_message_latency_seconds: got %d samples, want 14", n)
	}
}

func TestSeriesOfAnAPIExistOnceItIsInUse(t *testing.T) {
	endpoints := func(r *Registry) (names []string) {
		for _, name := range []string{"metrics", "nodes", "network", "mixnodes"} {
			text := string(write(t, r, Text))
			if !strings.Contains(text, `betanet_exporter_retries_total{endpoint="`+name+`"} 0`) {
				continue
			}
			for _, series := range []string{`attempts_total{endpoint="` + name + `",result="timeout"}`, `circuit_breaker_transitions_total{endpoint="` + name + `",state="open"}`} {
				if !strings.Contains(text, "\nbetanet_exporter_"+series+" ") {
					t.Errorf("%s of %s is missing", series, name)
				}
			}
			names = append(names, name)
		}
		return names
	}
	const v1, mixnodes, both = "metrics nodes network", "mixnodes", "metrics nodes network mixnodes"
	pending := func(api betanet.API) *fleet.View {
		u := newUpstream("")
		u.API = api
		return &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Endpoints: []fleet.EndpointView{{Endpoint: betanet.Metrics}}}
	}
	auto := newUpstream("")
	for what, c := range map[string]struct {
		do   func(*Registry)
		want string
	}{
		"nothing":                 {func(*Registry) {}, ""},
		"auto, not yet detected":  {func(r *Registry) { r.Publish(pending(betanet.Auto)) }, ""},
		"auto, detected v1":       {func(r *Registry) { r.Publish(v1View(auto, time.Now())) }, v1},
		"auto, detected mixnodes": {func(r *Registry) { r.Publish(viewOf(auto, time.Now(), nodesOf(1))) }, mixnodes},
		"auto, v1 and then mixnodes": {func(r *Registry) {
			r.Publish(v1View(auto, time.Now()))
			r.Publish(viewOf(auto, time.Now(), nodesOf(1)))
		}, both},
		"configured as v1":                   {func(r *Registry) { r.Publish(pending(betanet.V1)) }, v1},
		"configured as mixnodes":             {func(r *Registry) { r.Publish(pending(betanet.MixnodesAPI)) }, mixnodes},
		"after an attempt":                   {func(r *Registry) { r.Exporter.Attempt(betanet.Nodes, betanet.ReasonTimeout, time.Second) }, v1},
		"kept after the upstream is removed": {func(r *Registry) { r.Publish(v1View(auto, time.Now())); r.Remove(auto) }, v1},
	} {
		r := NewRegistry()
		c.do(r)
		if got := strings.Join(endpoints(r), " "); got != c.want {
			t.Errorf("%s: got the series of %q, want %q", what, got, c.want)
		}
	}
}
