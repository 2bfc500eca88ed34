package exposition

import (
	"net/url"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newUpstream(name string) *fleet.Upstream {
	return &fleet.Upstream{
		Name: name, URLs: []*url.URL{{Scheme: "http", Host: "localhost:9000"}}, API: betanet.Auto,
		Settings: fleet.Settings{Interval: 15 * time.Second, MaxStale: 5 * time.Minute, Histogram: true, Mixnodes: 1000},
	}
}

// at is the time at which the documents of the fixtures were fetched.
var at = time.UnixMilli(1_700_000_000_500)

// viewOf returns a view of an upstream whose documents were fetched at the given time.
func viewOf(u *fleet.Upstream, when time.Time, docs ...*betanet.Document) *fleet.View {
	v := &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Collected: true, Duration: 12500 * time.Microsecond}
	a := fleet.Accumulator{Histogram: u.Settings.Histogram}
	for _, d := range docs {
		if d.Endpoint == betanet.Mixnodes {
			v.API = betanet.MixnodesAPI
		}
		a.Fetched(nil, d)
		v.Endpoints = append(v.Endpoints, fleet.EndpointView{
			Endpoint: d.Endpoint, Record: snapshot.Record{}.Fetched(d, when), Breaker: breaker.Closed,
		})
	}
	v.Totals = a.Totals
	return v
}

// v1View returns a view with the documents in the exporter's original specification.
func v1View(u *fleet.Upstream, when time.Time) *fleet.View {
	return viewOf(u, when,
		betanettest.Metrics{PacketsProcessed: 5000, PacketsDropped: 10}.Doc(),
		betanettest.Nodes{Active: 5, Inactive: 2, Total: 7}.Doc(),
		betanettest.Network{BytesTransmitted: 1000000, BytesReceived: 500000, AvgLatencyMS: new(45.0), PeakThroughput: 10000}.Doc())
}

// mixnodesView returns a view of an upstream of API mixnodes, with an id that needs
// escaping.
func mixnodesView(u *fleet.Upstream, when time.Time) *fleet.View {
	forwarded, dropped, latency := uint64(90), uint64(2), 12.5
	return viewOf(u, when, betanettest.Mixnodes{
		{ID: "a", Status: "active", PacketsProcessed: 100, PacketsForwarded: &forwarded, PacketsDropped: &dropped, UptimeSeconds: new(uint64(60)), AvgLatencyMS: &latency},
		{ID: "b\"\\\nü", Status: "stopped", PacketsProcessed: 1 << 60, UptimeSeconds: new(uint64(0))},
	}.Doc())
}
