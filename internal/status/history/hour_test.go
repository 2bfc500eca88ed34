package history

import (
	"fmt"
	"math"
	"net/url"
	"runtime"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// maxBytes is the limit on the memory for the history of one upstream.
const maxBytes = 1000

func TestTheHistoryOfAnUpstreamIsSmall(t *testing.T) {
	if got := unsafe.Sizeof(upstream{}); got > maxBytes {
		t.Errorf("an upstream has %d bytes, want at most %d", got, maxBytes)
	}
}

// fleetOf returns an empty history and the views of n healthy upstreams.
func fleetOf(n int) (*History, []*fleet.View) {
	var s fixture
	for i := range n {
		s.add(betanet.V1)
		u := s.views[i].Upstream
		u.Name, u.URLs = fmt.Sprint("u", i), []*url.URL{{Scheme: "http", Host: fmt.Sprint("10.0.0.1:", i)}}
		s.fetched(i, 0, packets(uint64(i), 1))
		s.fetched(i, 0, betanettest.Nodes{Active: 5, Total: 7}.Doc())
		s.fetched(i, 0, betanettest.Network{BytesTransmitted: 1000, AvgLatencyMS: new(12.5)}.Doc())
	}
	return &s.history, s.views
}

func TestTheHistoryOf10000UpstreamsIsSmall(t *testing.T) {
	const n = 10_000
	h, views := fleetOf(n)
	before := heap()
	for s := 0.0; s < 3600; s += 60 {
		h.Take(views, after(s))
	}
	points := KeptPoints * int(unsafe.Sizeof(Point{})+6*8)
	if got := (heap() - before - points) / n; got > maxBytes {
		t.Errorf("got %d bytes per upstream, want at most %d", got, maxBytes)
	}
	runtime.KeepAlive(h)
}

// heap returns the number of bytes in use on the heap after garbage collection.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// fetchedAll fetches all documents of an upstream with API v1.
func (s *fixture) fetchedAll(i int, at float64, processed uint64) {
	s.fetched(i, at, packets(processed, 0))
	s.fetched(i, at, betanettest.Nodes{}.Doc())
	s.fetched(i, at, betanettest.Network{}.Doc())
}

// states returns the states of an upstream in the last n minutes.
func (s *fixture) states(i int, at float64, n int) []string {
	hour := s.hour(i, at)
	return hour.States[Minutes-n:]
}

func TestAMinuteHasItsWorstState(t *testing.T) {
	var s fixture
	u := s.add(betanet.MixnodesAPI)
	want(t, "pending", s.states(u, 0, 1), []string{"unknown"})
	s.point(5)
	s.collected(u, 10, "")
	s.collected(u, 70, betanet.ReasonDNS)
	s.collected(u, 80, "")
	s.collected(u, 130, "")
	want(t, "three minutes", s.states(u, 140, 4), []string{"unknown", "up", "stale", "up"})
	s.collected(u, 200, betanet.ReasonDNS)
	s.point(440)
	want(t, "after its values have expired", s.states(u, 440, 1), []string{"down"})
	// The process was stopped, and nothing was observed in between.
	s.point(3 * 3600)
	want(t, "much later", s.states(u, 3*3600, 3), []string{"unknown", "unknown", "down"})
}

func TestTheRunningMinuteHasTheCurrentState(t *testing.T) {
	var s fixture
	u := s.add(betanet.MixnodesAPI)
	s.collected(u, 10, "")
	s.failed(u, 90, betanet.Mixnodes, betanet.ReasonConnect)
	want(t, "a failure that has not been observed", s.states(u, 90, 2), []string{"up", "stale"})
}

func TestAStateBeginsWhenItIsFirstSeen(t *testing.T) {
	var s fixture
	u := s.add(betanet.MixnodesAPI)
	since := func(at float64) float64 {
		got := s.history.Since(s.views[u], after(at))
		if got.IsZero() {
			return -1
		}
		return got.Sub(begin).Seconds()
	}
	want(t, "pending", since(1), -1.0)
	s.collected(u, 10, "")
	s.point(20)
	want(t, "up", since(30), 10.0)
	s.collected(u, 40, betanet.ReasonDNS)
	s.collected(u, 55, betanet.ReasonConnect)
	want(t, "stale", since(60), 40.0)
	want(t, "down, not observed yet", since(311), 310.0)
	s.point(319)
	want(t, "down", since(330), 310.0)
	s.collected(u, 400, "")
	want(t, "up again", since(401), 400.0)
}

func TestAMinuteHasTheMeanOfItsRates(t *testing.T) {
	var s fixture
	u := s.add(betanet.V1)
	for i := range 13 { // 10 per second, then 20
		s.fetched(u, float64(10*i), packets(uint64(100*i+100*max(0, i-6)), uint64(i)))
		s.point(float64(10 * i))
	}
	hour := s.hour(u, 125)
	want(t, "messages", hour.Messages[Minutes-3:], []float64{10, compacted((20*5 + 10) / 6.0).value(), 20})
	if got := hour.Loss[Minutes-2]; math.Abs(got-0.1/(0.1+110/6.0)) > 1e-4 {
		t.Errorf("got a loss of %v, want %v", got, 0.1/(0.1+110/6.0))
	}
	if latency, messages := hour.Latency[Minutes-1], hour.Messages[0]; !math.IsNaN(latency) || !math.IsNaN(messages) {
		t.Errorf("got latency %v and messages %v of unknown minutes, want NaN", latency, messages)
	}
	if got := *hour.Recent.MessagesPerSecond; got < 13 || got > 16 {
		t.Errorf("got %v messages per second over five minutes, want the mean, 13 to 16", got)
	}
}

func TestAnOutageIsAGapInTheHour(t *testing.T) {
	var s fixture
	u := s.add(betanet.V1)
	s.fetched(u, 0, packets(0, 0))
	s.point(0)
	s.fetched(u, 30, packets(300, 0))
	s.point(30)
	for at := 60.0; at < 290; at += 10 {
		s.failed(u, at, betanet.Metrics, betanet.ReasonConnect)
		s.point(at)
	}
	s.fetched(u, 300, packets(3000, 0))
	s.point(300)
	messages := s.hour(u, 310).Messages
	want(t, "before and after", []float64{messages[Minutes-6], messages[Minutes-1]}, []float64{10, 10})
	if !slices.ContainsFunc(messages[Minutes-5:Minutes-1], math.IsNaN) {
		t.Errorf("got %v, want a gap", messages[Minutes-6:])
	}
}

func TestALongIntervalIsNotAGap(t *testing.T) {
	var s fixture
	u := s.add(betanet.V1)
	for at := 0.0; at <= 600; at += 10 {
		if int(at)%300 == 0 {
			s.fetchedAll(u, at, uint64(10*at))
		}
		s.point(at)
	}
	messages := s.hour(u, 605).Messages
	for i, got := range messages[Minutes-9:] {
		if got != 10 {
			t.Errorf("minute %d: got %v, want 10", i, got)
		}
	}
}

func TestAnUpstreamWithoutTrafficIsQuiet(t *testing.T) {
	var s fixture
	u, idle := s.add(betanet.V1), s.add(betanet.V1)
	s.views[idle].Upstream.Name = "idle"
	at := 0.0
	for ; at < 1200; at += 10 {
		s.fetchedAll(u, at, uint64(min(at, 100)))
		s.fetchedAll(idle, at, 0)
		if s.point(at); at == 990 {
			want(t, "10 s before 15 minutes", len(s.history.Quiet()), 0)
		}
	}
	want(t, "after 15 minutes", s.history.Quiet(), []Quiet{{"u", after(100)}})
	s.fetchedAll(u, at, 200)
	s.point(at)
	want(t, "with traffic again", len(s.history.Quiet()), 0)
}

func TestAReloadKeepsTheHistoryOfUnchangedUpstreams(t *testing.T) {
	var s fixture
	u, gone := s.add(betanet.MixnodesAPI), s.add(betanet.MixnodesAPI)
	for at := 0.0; at < 120; at += 10 {
		s.fetched(u, at, betanettest.Mixnodes{}.Doc())
		s.point(at)
	}
	kept := s.views[u]
	s.views = []*fleet.View{kept}
	s.point(120)
	s.point(130)
	want(t, "after a reload", s.states(0, 130, 3), []string{"up", "up", "up"})
	if n := len(s.history.upstreams); n != 1 {
		t.Errorf("got %d upstreams, want 1: upstream %d was removed", n, gone)
	}
}

// BenchmarkUpdate measures the cost of one collection of one upstream: recording its end,
// and the steps until the next collection, on average 1.5.
func BenchmarkUpdate(b *testing.B) {
	const n = 1000
	h, views := fleetOf(n)
	now := begin.Add(15 * time.Second)
	fresh := make([]*fleet.View, n)
	for b.Loop() {
		b.StopTimer()
		for i, v := range views {
			next := *v
			next.Endpoints = slices.Clone(v.Endpoints)
			for j := range next.Endpoints {
				next.Endpoints[j].Record = next.Endpoints[j].Fetched(next.Endpoints[j].Doc, now)
			}
			next.Endpoints[betanet.Metrics].Doc = packets(uint64(now.Unix()), uint64(i))
			fresh[i] = &next
		}
		b.StartTimer()
		for _, v := range fresh {
			h.Ended(v, now)
		}
		h.Take(fresh, now)
		if now.Unix()%30 == 0 {
			h.Take(fresh, now.Add(Step))
		}
		now = now.Add(15 * time.Second)
		views, fresh = fresh, views
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/collection")
}
