package poll

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/simulation"
)

// coreKinds are the kinds of episodes in the simulation of the core. Most affect one URL of
// one upstream; those in the last line affect the process or a whole upstream.
var coreKinds = []string{
	"refused", "hangs", "slow", "flaky", "500", "404", "403", "429", "503 later", "broken", "local",
	"restarts", "goes back", "other API", "one endpoint",
	"few connections", "fewer connections", "many upstreams", "suspended", "on demand", "replaced", "everything fails",
}

// simulateCores runs a world until its end or the first broken rule, which it returns as an
// error.
func simulateCores(seed uint64, length time.Duration, episodes []simulation.Episode) (w *coreWorld, err error) {
	w = newCoreWorld(seed, length, episodes)
	defer func() {
		if r := recover(); r != nil {
			broken, ok := r.(brokenRule)
			if !ok {
				broken = brokenRule(fmt.Sprintf("panic: %v", r))
			}
			err = fmt.Errorf("seed %d, %v: %s", seed, w.now.Sub(w.start), string(broken))
		}
	}()
	w.run()
	return w, nil
}

func coreEpisodes(seed uint64, length time.Duration) []simulation.Episode {
	return simulation.Draw(seed, length, 5*time.Hour, 8, coreKinds...)
}

// replayCores simulates the episodes that caused an earlier failure.
func replayCores(t *testing.T, seed uint64, length time.Duration, episodes ...simulation.Episode) {
	t.Helper()
	if _, err := simulateCores(seed, length, episodes); err != nil {
		t.Error(err)
	}
}

// TestYearsOfTheCore simulates $SIMULATE upstream-days of the core with consecutive seeds,
// beginning with $SEED.
func TestYearsOfTheCore(t *testing.T) {
	days, err := simulation.Getenv("SIMULATE", 300)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := simulation.Getenv("SEED", 1)
	if err != nil {
		t.Fatal(err)
	}
	began, cpu := time.Now(), cpuTime()
	total, decades := newCoreFigures(), 0
	const length = 10 * 24 * time.Hour
	for ; total.days < float64(days); seed++ {
		episodes := coreEpisodes(seed, length)
		w, err := simulateCores(seed, length, episodes)
		if err != nil {
			shortest := episodes
			if os.Getenv("SHRINK") != "no" {
				shortest = simulation.Shrink(episodes, func(some []simulation.Episode) bool {
					_, err := simulateCores(seed, length, some)
					return err != nil
				})
				_, err = simulateCores(seed, length, shortest)
			}
			file, werr := simulation.WriteTest("poll", "replayCores", seed, length, shortest, err.Error())
			if werr != nil {
				t.Error(werr)
			}
			t.Fatalf("%v\nafter %.0f upstream-days; %d of %d episodes are enough to fail, %s replays them: %v", err, total.days, len(shortest), len(episodes), file, shortest)
		}
		total.add(w)
		if n := int(total.days / 3650); n > decades {
			decades = n
			total.print(time.Since(began), cpuTime()-cpu)
			fmt.Printf("  a run with SEED=%d continues from here\n", seed+1)
		}
	}
	total.print(time.Since(began), cpuTime()-cpu)
	if days >= 3650 {
		total.requireAll(t)
	}
}

func TestSeedReproducesTheHistoryOfTheCore(t *testing.T) {
	const length = 2 * 24 * time.Hour
	for seed := range uint64(3) {
		var digests [2]uint64
		for i := range digests {
			w, err := simulateCores(seed, length, coreEpisodes(seed, length))
			if err != nil {
				t.Fatal(err)
			}
			digests[i] = w.digest
		}
		if digests[0] != digests[1] {
			t.Errorf("seed %d: got two different histories, want the same", seed)
		}
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

// coreFigures are the totals of all worlds.
type coreFigures struct {
	worlds      int
	days        float64 // simulated upstream-days; a Duration would overflow after 292 years
	collections int
	requests    int
	episodes    map[string]int
	visited     map[string]int
}

func newCoreFigures() *coreFigures {
	f := &coreFigures{episodes: make(map[string]int), visited: make(map[string]int)}
	for _, name := range transitions {
		f.visited[name] = 0
	}
	return f
}

func (f *coreFigures) add(w *coreWorld) {
	f.worlds++
	f.days += w.simulatedTime.Hours() / 24
	f.collections += w.collections
	f.requests += w.requests
	for _, e := range w.episodes {
		f.episodes[e.Kind]++
	}
	for name, n := range w.visited {
		f.visited[name] += n
	}
}

func (f *coreFigures) missing() (names []string) {
	for name, n := range f.visited {
		if n == 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (f *coreFigures) print(took, cpu time.Duration) {
	fmt.Printf("core: %.1f upstream-years in %d worlds, %d collections, %d requests, in %v; %.0f upstream-days per CPU second\n",
		f.days/365, f.worlds, f.collections, f.requests, took.Round(time.Second), f.days/cpu.Seconds())
	for _, kind := range coreKinds {
		fmt.Printf("  %s: %d episodes\n", kind, f.episodes[kind])
	}
	missing := f.missing()
	names := slices.SortedFunc(maps.Keys(f.visited), func(a, b string) int { return cmp.Compare(f.visited[a], f.visited[b]) })
	fmt.Printf("  transitions visited: %d of %d, missing %v, rarest %s (%d)\n", len(names)-len(missing), len(names), missing, names[0], f.visited[names[0]])
}

func (f *coreFigures) requireAll(t *testing.T) {
	if missing := f.missing(); len(missing) > 0 {
		t.Errorf("transitions that were never visited: %v", missing)
	}
}

// brokenRule describes a rule of the oracle that was broken. fail panics with it.
type brokenRule string

// newRand returns random numbers for a seed. Independent parts of a world use different
// streams, so that removing an episode changes only what depends on it.
func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }
