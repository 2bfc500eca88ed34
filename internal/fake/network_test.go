package fake

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// document has the fields of all documents.
type document struct {
	ID         string  `json:"id"`
	Processed  uint64  `json:"packets_processed"`
	Forwarded  uint64  `json:"packets_forwarded"`
	Dropped    uint64  `json:"packets_dropped"`
	Uptime     uint64  `json:"uptime_seconds"`
	Sent       uint64  `json:"bytes_transmitted"`
	Received   uint64  `json:"bytes_received"`
	Peak       uint64  `json:"peak_throughput"`
	Latency    float64 `json:"avg_latency_ms"`
	Active     uint64  `json:"active_nodes"`
	Inactive   uint64  `json:"inactive_nodes"`
	Total      uint64  `json:"total_nodes"`
	NodeStatus string  `json:"status"`
}

func (d document) counters() [7]uint64 {
	return [...]uint64{d.Processed, d.Forwarded, d.Dropped, d.Uptime, d.Sent, d.Received, d.Peak}
}

// read returns the current documents of a service without a network request: all of v1 in one, or one for each mixnode.
func read(t testingT, s *Service) (all document, nodes []document) {
	t.Helper()
	decode := func(path string, to any) {
		r, _ := s.route(http.MethodGet, path)
		if err := json.Unmarshal(r.body, to); err != nil {
			t.Fatal(err)
		}
	}
	if s.options.API == MixnodesAPI {
		decode(Mixnodes, &nodes)
		return all, nodes
	}
	for _, path := range []string{Metrics, Nodes, Network} {
		decode(path, &all)
	}
	return all, nil
}

func fell(before, after document) bool {
	for i, b := range before.counters() {
		if after.counters()[i] < b {
			return true
		}
	}
	return false
}

// wantNoFall checks that the earlier nodes are still listed first, with counters that did not fall.
func wantNoFall(t testingT, before, now []document) {
	t.Helper()
	for i, b := range before {
		if now[i].ID != b.ID || fell(b, now[i]) {
			t.Fatal("got", now[i], "after", b, "want no counter to fall")
		}
	}
}

// pauses generates times between two reads: fractions of a second, for which values are interpolated, and long ones.
func pauses() *rapid.Generator[time.Duration] {
	return rapid.OneOf(
		rapid.SampledFrom([]time.Duration{
			0, 1, 100 * time.Millisecond, 300 * time.Millisecond, 900 * time.Millisecond,
			999_999_999, time.Second, 7777 * time.Millisecond, 10 * time.Minute,
		}),
		rapid.Map(rapid.Int64Range(0, int64(time.Minute)), func(n int64) time.Duration { return time.Duration(n) }),
	)
}

func TestCountersNeverFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		v1, c := simulateWithClock(t, Options{Seed: seed})
		mixnodes := startService(t, Options{Seed: seed, API: MixnodesAPI}, c.now)
		all, nodes := document{}, []document{}
		for _, p := range rapid.SliceOfN(pauses(), 1, 30).Draw(t, "pauses") {
			c.advance(p)
			now, _ := read(t, v1)
			wantNoFall(t, []document{all}, []document{now})
			_, list := read(t, mixnodes)
			wantNoFall(t, nodes, list)
			all, nodes = now, list
			if p%2 == 0 {
				mixnodes.route(http.MethodPost, deployPath)
			}
		}
	})
}

func TestCountersDoNotFallBetweenTwoSeconds(t *testing.T) {
	s, c := simulateWithClock(t, Options{API: MixnodesAPI})
	_, before := read(t, s)
	for range 1000 {
		for _, step := range []time.Duration{time.Second - 1, 1} {
			c.advance(step)
			_, now := read(t, s)
			wantNoFall(t, before, now)
			before = now
		}
	}
}

func TestValuesDependOnlyOnSeedAndAge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		a, c := simulateWithClock(t, Options{Seed: seed})
		b := startService(t, Options{Seed: seed}, c.now)
		for _, p := range rapid.SliceOfN(pauses(), 1, 10).Draw(t, "pauses") {
			c.advance(p)
			read(t, b)
		}
		rare, _ := read(t, a)
		frequent, _ := read(t, b)
		if rare != frequent {
			t.Fatalf("read once = %+v, read often = %+v, want the same", rare, frequent)
		}
	})
}

func TestValuesDoNotGoBackWithTheClock(t *testing.T) {
	s, c := simulateWithClock(t, Options{})
	c.advance(90*time.Second + 700*time.Millisecond)
	before, _ := read(t, s)
	for _, back := range []time.Duration{-500 * time.Millisecond, -time.Minute, -time.Hour} {
		c.advance(back)
		if got, _ := read(t, s); got != before {
			t.Errorf("after %v = %+v, want %+v", back, got, before)
		}
	}
}

func TestDifferentSeedsGenerateDifferentValues(t *testing.T) {
	a, c := simulateWithClock(t, Options{Seed: 1})
	b := startService(t, Options{Seed: 2}, c.now)
	c.advance(time.Minute)
	one, _ := read(t, a)
	other, _ := read(t, b)
	if one.Processed == other.Processed {
		t.Errorf("got %v packets with both seeds, want different numbers", one.Processed)
	}
}

func TestValuesArePlausible(t *testing.T) {
	for seed := range uint64(10) {
		s, c := simulateWithClock(t, Options{Seed: seed})
		total, stopped, spikes := 0.0, 0, 0
		const seconds, reads = 3 * 60 * 60, 3 * 60 * 60 / 5
		for range reads {
			c.advance(5 * time.Second)
			d, _ := read(t, s)
			if d.Active+d.Inactive != d.Total || d.Total != defaultNodes || d.Active == 0 {
				t.Fatalf("nodes = %d active, %d inactive, %d in total, want a sum of %d with one active", d.Active, d.Inactive, d.Total, defaultNodes)
			}
			if d.Latency <= 0 {
				t.Fatalf("latency = %v, want above 0", d.Latency)
			}
			total += d.Latency
			if d.Inactive > 0 {
				stopped++
			}
			if d.Latency > 2*meanLatency {
				spikes++
			}
		}
		d, _ := read(t, s)
		if mean := total / reads; mean < 35 || mean > 60 {
			t.Errorf("mean latency = %v ms, want about 45", mean)
		}
		if spikes == 0 || spikes > reads/10 {
			t.Errorf("spikes in %d of %d reads, want a few", spikes, reads)
		}
		if stopped == 0 || stopped == reads {
			t.Errorf("a node was stopped in %d of %d reads, want some of them", stopped, reads)
		}
		if ratio := float64(d.Dropped) / float64(d.Processed); ratio < 0.00099 || ratio > 0.00501 {
			t.Errorf("drop ratio = %v, want 0.001 to 0.005", ratio)
		}
		if d.Received <= d.Sent || d.Peak < d.Sent/seconds {
			t.Errorf("bytes = %d in, %d out, %d at the peak, want more in than out and the peak above the mean", d.Received, d.Sent, d.Peak)
		}
	}
}

func TestTheCountersOfAStoppedNodeDoNotChange(t *testing.T) {
	s, c := simulateWithClock(t, Options{API: MixnodesAPI, Seed: 1})
	_, before := read(t, s)
	stopped := 0
	for range 3600 {
		c.advance(time.Second)
		_, now := read(t, s)
		for i, b := range before {
			if b.NodeStatus != "stopped" {
				continue
			}
			stopped++
			if now[i].Uptime != b.Uptime || now[i].Processed != b.Processed {
				t.Fatalf("a stopped node went from %+v to %+v, want the same uptime and packets", b, now[i])
			}
		}
		before = now
	}
	if stopped == 0 {
		t.Error("no node stopped in an hour, want some")
	}
}

func TestTheLastNodeNeverStops(t *testing.T) {
	s, c := simulateWithClock(t, Options{Nodes: 1})
	for range 3600 {
		c.advance(time.Second)
		if d, _ := read(t, s); d.Active != 1 {
			t.Fatalf("active nodes = %v, want 1", d.Active)
		}
	}
}
