package otlp

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	common "go.opentelemetry.io/proto/otlp/common/v1"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// publish publishes an upstream whose documents have just been fetched.
func publish(r *exposition.Registry, name string, messages uint64) {
	u := &fleet.Upstream{
		Name: name, URLs: []*url.URL{{Scheme: "http", Host: "localhost:9000"}}, Labels: []fleet.Label{{Name: "region", Value: `e"u\`}},
		Settings: fleet.Settings{Interval: 15 * time.Second, MaxStale: 5 * time.Minute, Histogram: true, Mixnodes: 1000},
	}
	v := &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Collected: true}
	a := fleet.Accumulator{Histogram: true}
	for _, d := range []*betanet.Document{
		betanettest.Metrics{PacketsProcessed: messages, PacketsDropped: 10}.Doc(),
		betanettest.Nodes{Active: 5, Inactive: 2, Total: 7}.Doc(),
		betanettest.Network{BytesTransmitted: 1000000, BytesReceived: 500000, AvgLatencyMS: new(45.0), PeakThroughput: 10000}.Doc(),
	} {
		a.Fetched(nil, d)
		v.Endpoints = append(v.Endpoints, fleet.EndpointView{
			Endpoint: d.Endpoint, Record: snapshot.Record{}.Fetched(d, time.Now()), Breaker: breaker.Closed,
		})
	}
	v.Totals = a.Totals
	r.Publish(v)
}

// registryOptions returns options for a push of a registry, with the given number of
// upstreams per part.
func registryOptions(r *exposition.Registry, upstreams int) Options {
	o := options(new(recorder))
	o.Parts = func() []prometheus.Gatherer { return r.Parts(upstreams) }
	o.OfProcess = exposition.OfProcess
	return o
}

// attributes returns attributes as text, sorted by name.
func attributes(all []*common.KeyValue) string {
	var texts []string
	for _, a := range all {
		texts = append(texts, a.Key+"="+a.Value.GetStringValue())
	}
	slices.Sort(texts)
	return strings.Join(texts, ",")
}

func TestAllSeriesArriveUnchanged(t *testing.T) {
	registry, r := exposition.NewRegistry(), new(receiver)
	publish(registry, "a", 5000)
	publish(registry, "b", 6000)
	if got := push(t, registryOptions(registry, 1), r); got.Result != Success {
		t.Fatal(got)
	}
	if n := len(r.allRequests()); n != 3 {
		t.Errorf("got %d requests, want one for the exporter and one for each upstream", n)
	}
	all := r.metrics()
	var points []string
	for _, name := range []string{"betanet_messages_total", "betanet_connected_peers", "betanet_fleet_messages_total", "betanet_exporter_upstreams"} {
		for _, m := range all[name] {
			kind, data := "gauge", m.GetGauge().GetDataPoints()
			if sum := m.GetSum(); sum != nil {
				kind, data = fmt.Sprint(sum.IsMonotonic, sum.AggregationTemporality), sum.DataPoints
			}
			for _, p := range data {
				points = append(points, fmt.Sprintf("%s %s {%s} %v", name, kind, attributes(p.Attributes), p.GetAsDouble()))
			}
		}
	}
	const cumulative = "true AGGREGATION_TEMPORALITY_CUMULATIVE"
	want := []string{
		"betanet_messages_total " + cumulative + ` {region=e"u\,upstream=a} 5000`,
		"betanet_messages_total " + cumulative + ` {region=e"u\,upstream=b} 6000`,
		`betanet_connected_peers gauge {region=e"u\,upstream=a} 7`,
		`betanet_connected_peers gauge {region=e"u\,upstream=b} 7`,
		"betanet_fleet_messages_total " + cumulative + " {} 0",
		"betanet_exporter_upstreams gauge {} 0",
	}
	if !slices.Equal(points, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(points, "\n"), strings.Join(want, "\n"))
	}
	if got := all["betanet_messages_total"][0].Description; got != "Total messages processed" {
		t.Errorf("got description %q, want the HELP text", got)
	}
	for _, name := range []string{"go_goroutines", "process_start_time_seconds", "betanet_exporter_build_info"} {
		if len(all[name]) != 1 {
			t.Errorf("%s: got it %d times, want once", name, len(all[name]))
		}
	}
}

func TestHistogramsKeepTheirBuckets(t *testing.T) {
	registry, r := exposition.NewRegistry(), new(receiver)
	registry.Exporter.Attempt(betanet.Metrics, "", 3*time.Millisecond)
	registry.Exporter.Attempt(betanet.Metrics, "", time.Minute)
	push(t, registryOptions(registry, 1), r)
	points := r.metrics()["betanet_exporter_request_duration_seconds"][0].GetHistogram().GetDataPoints()
	if len(points) != 1 {
		t.Fatalf("got %d points, want 1 classic histogram", len(points))
	}
	bounds := []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}
	counts := []uint64{0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	if p := points[0]; !slices.Equal(p.ExplicitBounds, bounds) || !slices.Equal(p.BucketCounts, counts) || p.Count != 2 || p.GetSum() != 60.003 {
		t.Errorf("got %v, want bounds %v, counts %v and sum 60.003", p, bounds, counts)
	}
}

// TestStartTimesDependOnTheKindOfSeries checks all cumulative points of the first push
// of two pushers.
func TestStartTimesDependOnTheKindOfSeries(t *testing.T) {
	registry, r := exposition.NewRegistry(), new(receiver)
	publish(registry, "a", 5000)
	publish(registry, "b", 5000)
	o := registryOptions(registry, 10)
	for range 2 {
		if got := push(t, o, r); got.Result != Success {
			t.Fatal(got)
		}
	}
	process := uint64(processStart.UnixNano())
	seen := make(map[bool]int)
	for name, all := range r.metrics() {
		for _, m := range all {
			var starts, times []uint64
			for _, p := range m.GetSum().GetDataPoints() {
				starts, times = append(starts, p.StartTimeUnixNano), append(times, p.TimeUnixNano)
			}
			for _, p := range m.GetHistogram().GetDataPoints() {
				starts, times = append(starts, p.StartTimeUnixNano), append(times, p.TimeUnixNano)
			}
			for _, p := range m.GetSummary().GetDataPoints() {
				starts, times = append(starts, p.StartTimeUnixNano), append(times, p.TimeUnixNano)
			}
			for i := range starts {
				want := times[i]
				if exposition.OfProcess(name) {
					want = process
				}
				if seen[want == process]++; starts[i] != want {
					t.Errorf("%s: got start %d, want %d", name, starts[i], want)
				}
			}
			for _, p := range m.GetGauge().GetDataPoints() {
				if p.StartTimeUnixNano != 0 {
					t.Errorf("%s is a gauge but has a start time", name)
				}
			}
		}
	}
	if seen[true] < 20 || seen[false] < 20 {
		t.Errorf("got %d points that start with the process and %d others, want many of both", seen[true], seen[false])
	}
}

func TestResourceIdentifiesTheExporter(t *testing.T) {
	for environment, want := range map[string]string{
		"":                             "service.instance.id=host:9200,service.name=betanet_exporter,service.version=1.2.3",
		"site=eu,service.name=mixnet":  "service.instance.id=host:9200,service.name=mixnet,service.version=1.2.3,site=eu",
		"service.instance.id=pod%2D12": "service.instance.id=pod-12,service.name=betanet_exporter,service.version=1.2.3",
	} {
		t.Setenv("OTEL_RESOURCE_ATTRIBUTES", environment)
		r := new(receiver)
		server := httptest.NewServer(r)
		o := options(new(recorder))
		var err error
		if o.Endpoint, err = url.Parse(server.URL + "/some/path"); err != nil {
			t.Fatal(err)
		}
		o.Gzip = true
		p, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := pushOnce(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		p.close()
		server.Close()
		request := r.allRequests()[0]
		if request.URL.Path != "/some/path" || request.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("got path %s and encoding %q, want /some/path and gzip", request.URL.Path, request.Header.Get("Content-Encoding"))
		}
		var got []*common.KeyValue
		for _, a := range r.received[0].ResourceMetrics[0].Resource.Attributes {
			if !strings.HasPrefix(a.Key, "telemetry.sdk.") {
				got = append(got, a)
			}
		}
		if text := attributes(got); text != want {
			t.Errorf("with %q: got %s, want %s", environment, text, want)
		}
	}
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "nonsense")
	if _, err := New(options(new(recorder))); err == nil || !strings.Contains(err.Error(), "OTEL_RESOURCE_ATTRIBUTES") {
		t.Errorf("got %v, want an error that names the variable", err)
	}
}
