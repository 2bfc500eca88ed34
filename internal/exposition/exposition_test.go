package exposition

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// text returns the output of the registry without the families of the process.
func text(t *testing.T, r *Registry, f Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, f); err != nil {
		t.Fatalf("Write: %v", err)
	}
	end := strings.Index(b.String(), "# HELP betanet_exporter_build_info")
	if f == OpenMetrics {
		return b.String()[:end] + "# EOF\n"
	}
	return b.String()[:end]
}

// golden compares got with a golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// registryOf returns a registry with the given views and a few counted events.
func registryOf(views ...*fleet.View) *Registry {
	r := NewRegistry()
	r.Exporter.Reloaded(true, at)
	r.Exporter.Collection()
	r.Exporter.Delay(2 * time.Millisecond)
	r.Exporter.Attempt(betanet.Metrics, "", 3*time.Millisecond)
	r.Exporter.Attempt(betanet.Nodes, betanet.ReasonTimeout, 5*time.Second)
	r.Exporter.Retry(betanet.Nodes)
	r.Exporter.Transition(betanet.Nodes, breaker.Open)
	r.Exporter.Cache("stale")
	r.Exporter.Rejected(RejectedSlowClient)
	r.Exporter.Upstreams(len(views))
	for _, v := range views {
		r.Publish(v)
	}
	return r
}

// neverExpiring returns a registry with a view that never expires, because the documents
// of the fixtures are years old.
func neverExpiring(v *fleet.View) *Registry {
	v.Upstream.Settings.MaxStale = 0
	return registryOf(v)
}

func TestExpositionMatchesTheGoldenFiles(t *testing.T) {
	golden(t, "one.prom", text(t, neverExpiring(v1View(newUpstream(""), at)), Text))
	golden(t, "one.om", text(t, neverExpiring(v1View(newUpstream(""), at)), OpenMetrics))
	golden(t, "mixnodes.prom", text(t, neverExpiring(mixnodesView(newUpstream(`m"1`), at)), Text))
}

// The example in the exporter's original specification is a contract. This test repeats
// it, because -update changes the golden files.
func TestTextContainsTheExampleOfTheSpecification(t *testing.T) {
	got := text(t, neverExpiring(v1View(newUpstream(""), at)), Text)
	for _, want := range []string{
		"# HELP betanet_connected_peers Number of connected peers\n# TYPE betanet_connected_peers gauge\nbetanet_connected_peers 7\n",
		"# HELP betanet_messages_total Total messages processed\n# TYPE betanet_messages_total counter\nbetanet_messages_total 5000\n",
		"# HELP betanet_bytes_transmitted_total Total bytes transmitted\n# TYPE betanet_bytes_transmitted_total counter\nbetanet_bytes_transmitted_total 1000000\n",
		"# HELP betanet_packets_dropped_total Total packets dropped\n# TYPE betanet_packets_dropped_total counter\nbetanet_packets_dropped_total 10\n",
		"# HELP betanet_mixnode_active Number of active mixnodes\n# TYPE betanet_mixnode_active gauge\nbetanet_mixnode_active 5\n",
		"# HELP betanet_message_latency_seconds Message latency in seconds\n# TYPE betanet_message_latency_seconds histogram\nbetanet_message_latency_seconds_bucket{le=\"0.001\"} 0\n",
		"betanet_message_latency_seconds_bucket{le=\"0.05\"} 1\n",
		"betanet_message_latency_seconds_bucket{le=\"+Inf\"} 1\nbetanet_message_latency_seconds_sum 0.045\nbetanet_message_latency_seconds_count 1\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing:\n%s", want)
		}
	}
}

func TestUnknownValuesAreAbsent(t *testing.T) {
	u := newUpstream("")
	v := &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Endpoints: []fleet.EndpointView{{Endpoint: betanet.Metrics}, {Endpoint: betanet.Nodes}, {Endpoint: betanet.Network}}}
	got := text(t, registryOf(v), Text)
	for _, name := range []string{
		"messages_total", "packets_dropped_total", "bytes_transmitted_total", "bytes_received_total", "connected_peers",
		"mixnode_active", "mixnode_inactive", "peak_throughput", "average_latency_seconds", "message_latency_seconds",
		"mixnodes_omitted", "exporter_last_success_timestamp_seconds", "exporter_collection_duration_seconds", "exporter_endpoint_failing",
	} {
		if strings.Contains(got, "betanet_"+name) {
			t.Errorf("betanet_%s is present before the first document", name)
		}
	}
	if !strings.Contains(got, "\nbetanet_up 0\n") {
		t.Error("betanet_up 0 is missing")
	}
}

func TestValuesExpireWithoutANewView(t *testing.T) {
	u := newUpstream("")
	r := registryOf(v1View(u, time.Now().Add(-u.Settings.MaxStale).Add(300*time.Millisecond)))
	if got := text(t, r, Text); !strings.Contains(got, "betanet_messages_total") {
		t.Fatal("values are absent before max-stale")
	}
	deadline := time.Now().Add(10 * time.Second)
	for strings.Contains(text(t, r, Text), "betanet_messages_total") {
		if time.Now().After(deadline) {
			t.Fatal("values are still present after max-stale")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestRemovedUpstreamHasNoSeries(t *testing.T) {
	a, b := newUpstream("a"), newUpstream("b")
	r := registryOf(v1View(a, time.Now()), v1View(b, time.Now()))
	r.Remove(a)
	got := text(t, r, Text)
	if strings.Contains(got, `upstream="a"`) || !strings.Contains(got, `betanet_up{upstream="b"} 1`) {
		t.Errorf("got\n%s\nwant only the series of b", got)
	}
}

func TestFamiliesAreWrittenOnceForAllUpstreams(t *testing.T) {
	var views []*fleet.View
	for _, n := range []string{"c", "a", "b"} {
		views = append(views, v1View(newUpstream(n), time.Now()))
	}
	got := text(t, registryOf(views...), Text)
	want := "# HELP betanet_messages_total Total messages processed\n# TYPE betanet_messages_total counter\n" +
		"betanet_messages_total{upstream=\"a\"} 5000\nbetanet_messages_total{upstream=\"b\"} 5000\nbetanet_messages_total{upstream=\"c\"} 5000\n# HELP"
	if !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant it to contain\n%s", got, want)
	}
}

func TestNamesAndHelpSatisfyTheLinter(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(text(t, neverExpiring(v1View(newUpstream("a"), at)), Text))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestFamilyTableIsValid(t *testing.T) {
	if len(families) > maxFamilies {
		t.Errorf("got %d families, want at most %d", len(families), maxFamilies)
	}
	for i, f := range families {
		if strings.HasSuffix(f.help, ".") || strings.Contains(f.help, ". ") {
			t.Errorf("%s: got help %q, want a single sentence without a full stop", f.name, f.help)
		}
		if i > 0 && families[i-1].name >= f.name {
			t.Errorf("%s comes after %s, want the families sorted by name", f.name, families[i-1].name)
		}
		writers := 0
		for _, set := range []bool{f.upstream != nil, f.exporter != nil, f.fleet != nil} {
			if set {
				writers++
			}
		}
		if writers != 1 {
			t.Errorf("%s: got %d functions that write it, want 1", f.name, writers)
		}
		if f.metricType == counter != strings.HasSuffix(f.name, "_total") {
			t.Errorf("%s: got type %s, want a name that ends in _total only for counters", f.name, f.metricType)
		}
	}
}

func TestSamplesHaveCustomLabelsAndTheReplica(t *testing.T) {
	u := newUpstream("a")
	u.URLs = append(u.URLs, u.URLs[0])
	u.Labels = []fleet.Label{{Name: "region", Value: `e"u`}}
	v := v1View(u, time.Now())
	v.Replica = "r:1"
	v.Standby = []fleet.Standby{{Replica: "r:2", Endpoint: betanet.Metrics, Breaker: breaker.Open}}
	got := text(t, registryOf(v), Text)
	for _, want := range []string{
		`betanet_messages_total{region="e\"u",replica="r:1",upstream="a"} 5000`,
		`betanet_message_latency_seconds_bucket{region="e\"u",replica="r:1",upstream="a",le="+Inf"} 1`,
		`betanet_up{region="e\"u",upstream="a"} 1`,
		`betanet_exporter_endpoint_up{endpoint="metrics",region="e\"u",replica="r:1",upstream="a"} 1`,
		`betanet_exporter_circuit_breaker_state{endpoint="metrics",region="e\"u",replica="r:1",upstream="a"} 0`,
		`betanet_exporter_circuit_breaker_state{endpoint="metrics",region="e\"u",replica="r:2",upstream="a"} 2`,
		`betanet_exporter_data_stale{region="e\"u",upstream="a"} 0`,
		`betanet_exporter_collection_duration_seconds{region="e\"u",upstream="a"} 0.0125`,
		`betanet_exporter_replica_switches_total{region="e\"u",upstream="a"} 0`,
		`betanet_exporter_upstream_resets_total{region="e\"u",upstream="a"} 0`,
	} {
		if !strings.Contains(got, "\n"+want+"\n") {
			t.Errorf("missing %s", want)
		}
	}
}

func TestFleetFamiliesAggregateAllUpstreams(t *testing.T) {
	a, b, c := newUpstream("a"), newUpstream("b"), newUpstream("c")
	now := time.Now()
	down := &fleet.View{Upstream: c, URL: c.URLs[0], API: betanet.V1, Endpoints: []fleet.EndpointView{{Endpoint: betanet.Metrics}}}
	r := registryOf(v1View(a, now), v1View(b, now), down)
	grown := v1View(a, now)
	grown.Endpoints[0].Doc = betanettest.Metrics{PacketsProcessed: 5025, PacketsDropped: 10}.Doc()
	r.Publish(grown)
	got := text(t, r, Text)
	for _, want := range []string{
		"betanet_fleet_messages_total 25", "betanet_fleet_packets_dropped_total 0", "betanet_fleet_bytes_transmitted_total 0",
		"betanet_fleet_connected_peers 14", "betanet_fleet_mixnode_active 10",
		`betanet_fleet_upstreams{state="up"} 2`, `betanet_fleet_upstreams{state="pending"} 1`, `betanet_fleet_upstreams{state="down"} 0`, `betanet_fleet_upstreams{state="stale"} 0`,
	} {
		if !strings.Contains(got, "\n"+want+"\n") {
			t.Errorf("missing %s", want)
		}
	}
	r.Remove(b)
	r.Remove(c)
	if got := text(t, r, Text); strings.Contains(got, "betanet_fleet_") {
		t.Error("got fleet families with a single upstream")
	}
}

func TestProbeOmitsAccumulatedFamilies(t *testing.T) {
	u := newUpstream("a")
	u.Labels = []fleet.Label{{Name: "region", Value: "eu"}}
	var b bytes.Buffer
	if err := WriteProbe(&b, Text, v1View(u, time.Now()), false); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if !strings.Contains(got, "\nbetanet_messages_total{region=\"eu\"} 5000\n") || !strings.Contains(got, "\nbetanet_up{region=\"eu\"} 1\n") {
		t.Errorf("got\n%s\nwant betanet_messages_total 5000 and betanet_up 1", got)
	}
	for _, not := range []string{"upstream=", "betanet_message_latency_seconds", "upstream_resets", "fleet", "go_"} {
		if strings.Contains(got, not) {
			t.Errorf("%s is present", not)
		}
	}
	b.Reset()
	if err := WriteProbe(&b, OpenMetrics, mixnodesView(newUpstream(""), time.Now()), true); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "betanet_messages_total") || !strings.Contains(got, "\nbetanet_up 0\n") || !strings.HasSuffix(got, "# EOF\n") {
		t.Errorf("got\n%s\nwant betanet_up 0, no sums and # EOF at the end", got)
	}
}

func TestScrapeEndsWhenTheClientIsGone(t *testing.T) {
	gone := errors.New("gone")
	if err := registryOf(v1View(newUpstream("a"), time.Now())).Write(writerFunc(func([]byte) (int, error) { return 0, gone }), Text); !errors.Is(err, gone) {
		t.Errorf("got %v, want %v", err, gone)
	}
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(b []byte) (int, error) { return w(b) }
