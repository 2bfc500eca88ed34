package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// slow is healthy(9) after a delay.
func slow(d time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			healthy(9)(w, r)
		case <-r.Context().Done():
		}
	}
}

func address(i int) string { return fmt.Sprintf("10.1.%d.%d:9000", i/256, i%256) }

// goroutines counts the goroutines in the bubble. runtime.NumGoroutine would include
// goroutines that are about to exit.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), ", synctest bubble ")
}

func TestTheLeastRecentlyUsedTargetsAreEvicted(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.targets.o.Settings.Attempts = 1
		synctest.Wait()
		before := goroutines()
		for i := range maxKnown {
			if i < 20 {
				f.host(address(i), healthy(i)) // the others refuse connections
			}
			f.samples(t, address(i))
		}
		f.samples(t, address(0)) // used again
		synctest.Wait()
		for i := maxKnown; i < maxKnown+10; i++ {
			f.samples(t, address(i))
		}
		synctest.Wait()
		for i := range 20 {
			if open, evicted := f.openTo(address(i)), 1 <= i && i <= 10; (open == 0) != evicted {
				t.Errorf("target %d: got %d connections, want evicted %v", i, open, evicted)
			}
		}
		if got := len(f.targets.known); got != maxKnown {
			t.Errorf("got %d known targets, want %d", got, maxKnown)
		}
		f.samples(t, address(5))
		if got := f.requests(address(5)); got != 6 {
			t.Errorf("got %d requests to a target that was evicted and collected again, want 6", got)
		}
		f.targets.SetRules(noRules)
		synctest.Wait()
		if got := goroutines(); got != before {
			t.Errorf("got %d goroutines after all targets were removed, want %d", got, before)
		}
	})
}

func TestATargetThatIsBeingCollectedIsNotEvicted(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.targets.o.Settings.Attempts = 1
		f.host(node, slow(3*time.Second))
		got := make(chan string)
		go func() { got <- f.samples(t, node) }()
		time.Sleep(time.Second)
		for i := range maxKnown + 1 {
			f.samples(t, address(i)) // refused
		}
		wantSamples(t, <-got, "betanet_up 1", "betanet_messages_total 9")
	})
}

func TestMoreThan32ConcurrentCollectionsAreRejected(t *testing.T) {
	inBubble(t, append(internalNames, privateRange...), func(t *testing.T, f *fixture) {
		ctx, cancel := context.WithCancel(context.Background())
		var callers sync.WaitGroup
		for i := range maxCollections {
			f.host(address(i), slow(4*time.Second))
			callers.Go(func() { f.targets.Collect(ctx, address(i), 0) })
		}
		synctest.Wait()
		cancel() // the callers return, their collections continue
		callers.Wait()
		f.host(node, healthy(9))
		for _, target := range []string{node, "a.internal:9000"} {
			if err := f.collectError(target); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "32") {
				t.Errorf("%s: got %v, want busy", target, err)
			}
		}
		if err := f.collectError("127.0.0.1:9000"); !errors.Is(err, ErrForbidden) {
			t.Errorf("got %v, want forbidden", err)
		}
		wantSamples(t, f.samples(t, address(3)), "betanet_messages_total 9") // joins a running collection
		wantSamples(t, f.samples(t, node), "betanet_up 1")
		if f.most != maxCollections || f.requests(address(3)) != 3 {
			t.Errorf("got %d concurrent targets and %d requests, want %d and 3", f.most, f.requests(address(3)), maxCollections)
		}
	})
}

func TestNamesBeingResolvedCountTowardsTheLimit(t *testing.T) {
	inBubble(t, internalNames, func(t *testing.T, f *fixture) {
		for i := range maxCollections + 1 {
			name := fmt.Sprintf("n%d.internal", i)
			f.dns.hang(name)
			_, _, err := f.targets.Collect(context.Background(), name+":9000", time.Millisecond)
			if full := i == maxCollections; !errors.Is(err, ErrBusy) || strings.Contains(err.Error(), "32") != full {
				t.Errorf("name %d: got %v, want busy, with the limit in the error: %v", i, err, full)
			}
		}
	})
}

func TestNothingStartsWhileTheExporterStops(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.host(node, hang)
		time.AfterFunc(time.Second, f.cancel)
		start := time.Now()
		if _, late, err := f.targets.Collect(context.Background(), node, 0); err == nil && !late || time.Since(start) != time.Second {
			t.Errorf("got late %v, %v after %v, want late or an error after 1s", late, err, time.Since(start))
		}
		f.targets.Wait()
		if err := f.collectError("10.0.0.2:9000"); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want busy", err)
		}
	})
}

func TestANewTargetIsRefusedAfterPollingHasStopped(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.stopPolling()
		synctest.Wait()
		if _, _, err := f.targets.Collect(context.Background(), "10.0.0.1:9000", 0); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
	})
}

// TestParallelProbesNeverMixTargets probes targets that serve different numbers, by
// address and by name. Some callers have a very short limit.
func TestParallelProbesNeverMixTargets(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hosts := rapid.IntRange(2, 6).Draw(rt, "hosts")
		calls := rapid.SliceOfN(rapid.IntRange(0, 4*hosts-1), 2, 40).Draw(rt, "calls")
		hasty := rapid.SliceOfN(rapid.Bool(), len(calls), len(calls)).Draw(rt, "hasty")
		withFixture(append(internalNames, privateRange...), func(f *fixture) {
			for i := range hosts {
				f.host(address(i), healthy(1000+i))
				f.dns.add(fmt.Sprintf("n%d.internal", i), strings.TrimSuffix(address(i), ":9000"))
			}
			var callers sync.WaitGroup
			for n, call := range calls {
				callers.Go(func() {
					i := call / 4
					target := []string{address(i), fmt.Sprintf("n%d.internal:9000", i), fmt.Sprintf("N%d.Internal.:9000", i), "[::ffff:" + strings.Replace(address(i), ":", "]:", 1)}[call%4]
					limit := time.Duration(0)
					if hasty[n] {
						limit = time.Microsecond
					}
					v, late, err := f.targets.Collect(context.Background(), target, limit)
					if err != nil {
						if !hasty[n] || !errors.Is(err, ErrBusy) {
							t.Errorf("%s: %v", target, err)
						}
						return
					}
					got := text(v, late)
					want := []string{
						fmt.Sprintf("betanet_messages_total %d", 1000+i), fmt.Sprintf("betanet_mixnode_active %d", 1000+i),
						fmt.Sprintf("betanet_bytes_transmitted_total %d", 1000+i),
					}
					if !late {
						wantSamples(t, got, append(want, "betanet_up 1")...)
					}
					for _, line := range grep(got, "betanet_messages_total", "betanet_mixnode_active", "betanet_bytes_transmitted_total") {
						if !strings.HasSuffix(line, fmt.Sprintf(" %d", 1000+i)) {
							t.Errorf("%s: got %q, want %d", target, line, 1000+i)
						}
					}
				})
			}
			callers.Wait()
		})
	})
}
