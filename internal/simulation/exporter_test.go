package simulation_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/simulation"
)

// currentWorld is the running world. The global dial functions use it.
var currentWorld atomic.Pointer[world]

func TestMain(m *testing.M) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // start the goroutine of os/signal outside a bubble
	http.DefaultTransport.(*http.Transport).DialContext = func(ctx context.Context, n, address string) (net.Conn, error) {
		return currentWorld.Load().dial(ctx, n, address)
	}
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	_, _ = (&net.Resolver{PreferGo: true, Dial: refuse}).LookupHost(context.Background(), "names.sim") // create the channels of package net outside a bubble
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, n, address string) (net.Conn, error) {
		return currentWorld.Load().dialNames(ctx, n, address)
	}}
	os.Exit(m.Run())
}

// simulate runs one world and returns it. The field failure is the first broken rule.
func simulate(t *testing.T, seed uint64, length time.Duration, episodes []simulation.Episode) (w *world) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(seed, length, episodes, dir)
		currentWorld.Store(w)
		w.mu.Lock()
		w.writeConfig()
		w.mu.Unlock()
		w.run()
	})
	return w
}

// run runs the exporter through the episodes and scrapes it in between.
func (w *world) run() {
	stop := w.startExporter()
	next := 0
	first := w.start.Add(time.Minute + 500*time.Microsecond) // never at the same time as a response
	for scrape := first; w.firstFailure() == "" && time.Since(w.start) < w.length-w.recovery(); {
		at := scrape
		if next < len(w.episodes) {
			at = earlier(at, w.start.Add(w.episodes[next].Start))
		}
		for _, e := range w.active {
			at = earlier(at, w.start.Add(e.Start+e.Length))
		}
		time.Sleep(time.Until(at))
		switch {
		case at.Equal(scrape):
			w.scrape()
			if w.draw(8) == 0 {
				go w.probe(w.affected(&simulation.Episode{Target: w.draw(24)}), w.began)
			}
			scrape = scrape.Add(time.Duration(30+w.draw(270))*time.Second + 413*time.Millisecond)
		case next < len(w.episodes) && at.Equal(w.start.Add(w.episodes[next].Start)):
			w.beginEpisode(&w.episodes[next], &stop)
			next++
		default:
			w.endEpisodes(at)
		}
	}
	if w.firstFailure() == "" {
		w.checkMemory(&stop)
	}
	stop()
	w.client.CloseIdleConnections()
	time.Sleep(10 * time.Second) // for dials, which net/http does not cancel
	w.running.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conns != 0 {
		w.fail("%d connections are open at the end, want none", w.conns)
	}
}

// draw returns a random number in [0, n).
func (w *world) draw(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(n)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// startExporter starts the exporter and returns a function that stops it and waits until it
// has ended.
func (w *world) startExporter() func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.stopping = false
	go func() { w.runExporter(ctx); close(done) }()
	synctest.Wait()
	w.scrape()              // before any response
	debug.SetGCPercent(400) // the exporter lowers it to save memory
	return func() {
		w.mu.Lock()
		w.stopping = true
		w.mu.Unlock()
		w.waitIdle()
		cancel()
		<-done
		w.client.CloseIdleConnections()
	}
}

// waitIdle waits until no response is in flight, so that the oracle knows what the
// exporter has seen.
func (w *world) waitIdle() {
	for range 200 {
		w.mu.Lock()
		none := w.inflight == 0
		w.mu.Unlock()
		if none {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(7 * time.Millisecond)
}

// TestDaysOfTheExporter simulates $DAYS upstream-days of the complete exporter with
// consecutive seeds, beginning with $SEED.
func TestDaysOfTheExporter(t *testing.T) {
	days, err := simulation.Getenv("DAYS", 2)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := simulation.Getenv("SEED", 1)
	if err != nil {
		t.Fatal(err)
	}
	total := figures{began: cpuTime(), counts: make(map[string]int)}
	for years := 0; total.days < float64(days); seed++ {
		length, pace := min(12*time.Hour, 2000*interval(seed)), time.Hour
		if seed%16 == 0 && interval(seed) > time.Minute { // weeks with few episodes
			length, pace = 14*24*time.Hour, 60*time.Hour
		}
		episodes := simulation.Draw(seed, length, pace, 24, kinds...)
		w := simulate(t, seed, length, episodes)
		total.add(w)
		failure := w.failure
		w = nil // so that its memory can be freed before it is measured
		if broken := total.checkProcess(); failure == "" {
			failure = broken
		}
		if failure != "" {
			report(t, seed, length, episodes, failure, total.days)
			return
		}
		if n := int(total.days / 365); n > years {
			years = n
			total.print()
			fmt.Printf("  a run with SEED=%d continues from here\n", seed+1)
		}
	}
	total.print()
}

// figures are the totals of all worlds.
type figures struct {
	began  time.Duration // CPU time at the start
	days   float64       // simulated upstream-days
	worlds int
	counts map[string]int
	heap   int64 // bytes in use after the first world
}

func (f *figures) add(w *world) {
	f.worlds++
	f.days += float64(len(w.upstreams)+1) * w.length.Hours() / 24
	for what, n := range w.visited {
		f.counts[what] += n
	}
	f.counts["requests"], f.counts["scrapes"], f.counts["pushes"] = f.counts["requests"]+w.requests, f.counts["scrapes"]+w.scrapes, f.counts["pushes"]+w.pushes
}

func (f *figures) print() {
	n := f.counts
	fmt.Printf("exporter: %.1f upstream-days in %d worlds, %d requests; %d scrapes, %d pushes, %d incidents, %d rates, %d probes, %d increases of the fleet's messages and %d resets compared; %.1f upstream-days per CPU second\n",
		f.days, f.worlds, n["requests"], n["scrapes"], n["pushes"], n["incidents"], n["rates"], n["probes"], n["increases"], n["resets"], f.days/(cpuTime()-f.began).Seconds())
	for _, kind := range kinds {
		fmt.Printf("  %s: %d episodes\n", kind, n[kind])
	}
}

func TestHoursWithoutFaultsBreakNoRule(t *testing.T) {
	replay(t, 1, 2*time.Hour)
}

// report shrinks the episodes of a failure to a short list that fails in three of five runs,
// and writes a test that replays it.
func report(t *testing.T, seed uint64, length time.Duration, episodes []simulation.Episode, failure string, days float64) {
	fails := func(some []simulation.Episode) bool {
		failed := 0
		for run := range 5 {
			if simulate(t, seed, length, some).failure != "" {
				failed++
			}
			if failed == 3 || failed+4-run < 3 {
				break
			}
		}
		return failed >= 3
	}
	shortest := episodes
	if os.Getenv("SHRINK") != "no" {
		shortest = simulation.Shrink(episodes, fails)
	}
	file, err := simulation.WriteTest("simulation_test", "replay", seed, length, shortest, failure)
	if err != nil {
		t.Error(err)
	}
	t.Errorf("seed %d, after %.1f upstream-days: %s\n%d of %d episodes are enough to fail, %s replays them: %v", seed, days, failure, len(shortest), len(episodes), file, shortest)
}

// replay simulates the episodes that caused an earlier failure.
func replay(t *testing.T, seed uint64, length time.Duration, episodes ...simulation.Episode) {
	t.Helper()
	if w := simulate(t, seed, length, episodes); w.failure != "" {
		t.Error(w.failure)
	}
}

// cpuTime returns the CPU time of the process.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
