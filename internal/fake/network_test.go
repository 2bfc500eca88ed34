package fake

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// document is a union of all documents.
type document struct {
	ID           string  `json:"id"`
	Processed    uint64  `json:"packets_processed"`
	Forwarded    uint64  `json:"packets_forwarded"`
	Dropped      uint64  `json:"packets_dropped"`
	Uptime       uint64  `json:"uptime_seconds"`
	Transmitted  uint64  `json:"bytes_transmitted"`
	Received     uint64  `json:"bytes_received"`
	Peak         uint64  `json:"peak_throughput"`
	Latency      float64 `json:"avg_latency_ms"`
	Active       uint64  `json:"active_nodes"`
	Inactive     uint64  `json:"inactive_nodes"`
	Total        uint64  `json:"total_nodes"`
	StatusOfNode string  `json:"status"`
}

func (d document) counters() [7]uint64 {
	return [...]uint64{d.Processed, d.Forwarded, d.Dropped, d.Uptime, d.Transmitted, d.Received, d.Peak}
}

// read asks the service without the network for all that it says now.
func read(t cleaner, s *Service) (all document, nodes []document) {
	t.Helper()
	decode := func(path string, to any) {
		a, _ := s.route(http.MethodGet, path)
		if err := json.Unmarshal(a.body, to); err != nil {
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

// pauses are the times between two reads: parts of a second, in which the
// values are interpolated, and long ones.
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
		c := newClock()
		seed := rapid.Uint64().Draw(t, "seed")
		v1 := simulate(t, Options{Seed: seed}, c.now)
		mixnodes := simulate(t, Options{Seed: seed, API: MixnodesAPI}, c.now)
		all, nodes := document{}, []document{}
		for _, p := range rapid.SliceOfN(pauses(), 1, 30).Draw(t, "pauses") {
			c.advance(p)
			now, _ := read(t, v1)
			if fell(all, now) {
				t.Fatalf("after %+v came %+v, want no counter to fall", all, now)
			}
			all = now
			_, list := read(t, mixnodes)
			for i, before := range nodes {
				if list[i].ID != before.ID || fell(before, list[i]) {
					t.Fatalf("after %+v came %+v, want no counter to fall", before, list[i])
				}
			}
			nodes = list
			if p%2 == 0 {
				mixnodes.route(http.MethodPost, deployPath)
			}
		}
	})
}

func TestCountersDoNotFallWhereTwoSecondsMeet(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{API: MixnodesAPI}, c.now)
	_, before := read(t, s)
	for range 1000 {
		for _, step := range []time.Duration{time.Second - 1, 1} {
			c.advance(step)
			_, now := read(t, s)
			for i, b := range before {
				if fell(b, now[i]) {
					t.Fatalf("after %+v came %+v, want no counter to fall", b, now[i])
				}
			}
			before = now
		}
	}
}

func TestValuesDependOnSeedAndAgeAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once, often := newClock(), newClock()
		seed := rapid.Uint64().Draw(t, "seed")
		a, b := simulate(t, Options{Seed: seed}, once.now), simulate(t, Options{Seed: seed}, often.now)
		for _, p := range rapid.SliceOfN(pauses(), 1, 10).Draw(t, "pauses") {
			once.advance(p)
			often.advance(p)
			read(t, b)
		}
		rare, _ := read(t, a)
		frequent, _ := read(t, b)
		if rare != frequent {
			t.Fatalf("read once = %+v, read often = %+v, want the same", rare, frequent)
		}
	})
}

func TestAClockThatGoesBackDoesNotMoveTheValuesBack(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{}, c.now)
	c.advance(90*time.Second + 700*time.Millisecond)
	before, _ := read(t, s)
	for _, back := range []time.Duration{-500 * time.Millisecond, -time.Minute, -time.Hour} {
		c.advance(back)
		if got, _ := read(t, s); got != before {
			t.Errorf("after %v = %+v, want %+v", back, got, before)
		}
	}
}

func TestOtherSeedsGiveOtherValues(t *testing.T) {
	c := newClock()
	a, b := simulate(t, Options{Seed: 1}, c.now), simulate(t, Options{Seed: 2}, c.now)
	c.advance(time.Minute)
	one, _ := read(t, a)
	other, _ := read(t, b)
	if one.Processed == other.Processed {
		t.Errorf("both seeds give %v packets, want different ones", one.Processed)
	}
}

func TestValuesArePlausible(t *testing.T) {
	for seed := range uint64(10) {
		c := newClock()
		s := simulate(t, Options{Seed: seed}, c.now)
		sum, stopped, spikes := 0.0, 0, 0
		const reads = 3 * 60 * 60 / 5
		for range reads { // three hours
			c.advance(5 * time.Second)
			d, _ := read(t, s)
			if d.Active+d.Inactive != d.Total || d.Total != defaultNodes || d.Active == 0 {
				t.Fatalf("nodes = %d active, %d inactive, %d in total, want a sum of %d with one active", d.Active, d.Inactive, d.Total, defaultNodes)
			}
			if d.Latency <= 0 {
				t.Fatalf("latency = %v, want above 0", d.Latency)
			}
			sum += d.Latency
			if d.Inactive > 0 {
				stopped++
			}
			if d.Latency > 2*meanLatency {
				spikes++
			}
		}
		d, _ := read(t, s)
		if mean := sum / reads; mean < 35 || mean > 60 {
			t.Errorf("mean latency = %v ms, want about 45", mean)
		}
		if spikes == 0 || spikes > reads/10 {
			t.Errorf("spikes in %d of %d reads, want a few", spikes, reads)
		}
		if stopped == 0 || stopped == reads {
			t.Errorf("a node was stopped in %d of %d reads, want some", stopped, reads)
		}
		if ratio := float64(d.Dropped) / float64(d.Processed); ratio < 0.00099 || ratio > 0.00501 {
			t.Errorf("drop ratio = %v, want 0.001 to 0.005", ratio)
		}
		if d.Received <= d.Transmitted || d.Peak < d.Transmitted/(3*60*60) {
			t.Errorf("bytes = %d in, %d out, %d at the peak, want more in than out and the peak above the mean", d.Received, d.Transmitted, d.Peak)
		}
	}
}

func TestAStoppedNodeStandsStill(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{API: MixnodesAPI, Seed: 1}, c.now)
	_, before := read(t, s)
	still := 0
	for range 3600 {
		c.advance(time.Second)
		_, now := read(t, s)
		for i, b := range before {
			if b.StatusOfNode != "stopped" {
				continue
			}
			still++
			if got := now[i].Uptime; got != b.Uptime {
				t.Fatalf("uptime of a stopped node went from %d to %d, want no change", b.Uptime, got)
			}
			if now[i].Processed != b.Processed {
				t.Fatalf("packets of a stopped node went from %d to %d, want no change", b.Processed, now[i].Processed)
			}
		}
		before = now
	}
	if still == 0 {
		t.Error("no node stopped in an hour, want some")
	}
}

func TestTheLastNodeNeverStops(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{Nodes: 1}, c.now)
	for range 3600 {
		c.advance(time.Second)
		if d, _ := read(t, s); d.Active != 1 {
			t.Fatalf("active nodes = %v, want 1", d.Active)
		}
	}
}
