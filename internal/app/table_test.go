package app

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

func TestNumbersHaveThreeDigits(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 7: "7", 999: "999", 1000: "1.00k", 1234: "1.23k", 9994: "9.99k", 9995: "10.0k", 99_949: "99.9k", 99_950: "100k", 999_499: "999k",
		999_500: "1.00M", 45_600_000: "45.6M", 7_654_321_000: "7.65G", math.MaxUint64: "18.4E",
	} {
		if got := formatNumber(&n, ""); got != want {
			t.Errorf("formatNumber(%d) = %q, want %q", n, got, want)
		}
	}
	if got := formatNumber(nil, "B"); got != "-" {
		t.Errorf("formatNumber(nil) = %q, want a dash", got)
	}
}

func TestLatencyHasASuitableUnit(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0.0ms", 0.0451: "45.1ms", 0.9994: "999.4ms", 1: "1.00s", 12.345: "12.35s"} {
		if got := formatLatency(&seconds); got != want {
			t.Errorf("formatLatency(%v) = %q, want %q", seconds, got, want)
		}
	}
}

// viewOf returns a view of an upstream whose endpoint network works and whose other
// two failed.
func viewOf(name string, now time.Time) *fleet.View {
	refused := func(e string) *betanet.Failure {
		return &betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.New("fetch " + e + ": dial tcp: connection\nrefused")}
	}
	network := betanettest.Network{BytesTransmitted: 31_840_256, BytesReceived: 999, AvgLatencyMS: new(45.14)}.Doc()
	u := &url.URL{Scheme: "http", Host: "127.0.0.1:9000"}
	return &fleet.View{
		Upstream: &fleet.Upstream{Name: name, URLs: []*url.URL{u}}, URL: u, API: betanet.V1,
		Endpoints: []fleet.EndpointView{
			{Endpoint: betanet.Metrics, Record: snapshot.Record{}.Failed(refused("metrics"), now)},
			{Endpoint: betanet.Nodes, Record: snapshot.Record{}.Failed(refused("nodes"), now)},
			{Endpoint: betanet.Network, Record: snapshot.Record{}.Fetched(network, now)},
		},
	}
}

func TestTableIsAlignedAndCellsHaveNoSpaces(t *testing.T) {
	now := time.Now()
	long := strings.Repeat("x", maxPadded+1)
	var b strings.Builder
	if err := writeTable(&b, []*fleet.View{viewOf("edge-1", now), viewOf(long, now), viewOf("ä b", now)}, now); err != nil {
		t.Fatal(err)
	}
	const (
		cells   = "stale  v1       -       -     -      -  31.8MB  999B   45.1ms\n"
		failing = "  metrics,nodes connect dial tcp: connection\\nrefused\n"
	)
	want := "UPSTREAM  STATE  API  PEERS  ACTIVE  MSGS  DROPS    SENT  RECV  LATENCY\n" +
		"edge-1    " + cells + failing +
		long + "  " + cells + failing +
		"ä_b       " + cells + failing
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestEachReasonHasItsOwnLine(t *testing.T) {
	v := viewOf("edge-1", time.Now())
	v.Endpoints[1].Failure = &betanet.Failure{Reason: betanet.ReasonTimeout, Err: errors.New("fetch nodes: no answer within 5s")}
	v.Endpoints[2].Record = snapshot.Record{}
	want := "metrics connect dial tcp: connection\\nrefused|nodes timeout no answer within 5s|network interrupted"
	var lines []string
	for _, f := range groupFailures(v) {
		lines = append(lines, f.String())
	}
	if got := strings.Join(lines, "|"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCollectReportsOneLinePerUpstreamAndReason(t *testing.T) {
	v := viewOf("edge-1", time.Now())
	v.URL = &url.URL{Scheme: "http", Host: "a:1"}
	v.Endpoints[2].Record = snapshot.Record{}
	want := "http://a:1: fetch metrics, nodes: dial tcp: connection\\nrefused (connect)\nhttp://a:1: fetch network: interrupted"
	if got := fmt.Sprint(joinFailures([]*fleet.View{v})); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
