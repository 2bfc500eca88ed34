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

// slow is healthy(9) after a while.
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

// goroutines are how many there are in the bubble. (That of package runtime counts
// those that are just ending.)
func goroutines() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), ", synctest bubble ")
}

func TestOfTooManyTargetsTheLeastRecentlyUsedGo(t *testing.T) {
	inBubble(t, inside, func(t *testing.T, b *bed) {
		b.targets.o.Settings.Attempts = 1
		synctest.Wait()
		before := goroutines()
		for i := range maxKnown {
			if i < 20 {
				b.host(address(i), healthy(i)) // the others refuse connections
			}
			b.samples(t, address(i))
		}
		b.samples(t, address(0)) // used once more
		synctest.Wait()
		for i := maxKnown; i < maxKnown+10; i++ {
			b.samples(t, address(i))
		}
		synctest.Wait()
		for i := range 20 {
			if open, gone := b.openTo(address(i)), 1 <= i && i <= 10; (open == 0) != gone {
				t.Errorf("target %d has %d connections", i, open)
			}
		}
		if got := len(b.targets.known); got != maxKnown {
			t.Errorf("got %d known targets, want %d", got, maxKnown)
		}
		b.samples(t, address(5))
		if got := b.requests(address(5)); got != 6 {
			t.Errorf("got %d requests to a target that went and came back, want 6", got)
		}
		b.targets.SetRules(nothing)
		synctest.Wait()
		if got := goroutines(); got != before {
			t.Errorf("got %d goroutines after all have gone, want %d", got, before)
		}
	})
}

func TestATargetThatIsBeingCollectedStays(t *testing.T) {
	inBubble(t, inside, func(t *testing.T, b *bed) {
		b.targets.o.Settings.Attempts = 1
		b.host(node, slow(3*time.Second))
		got := make(chan string)
		go func() { got <- b.samples(t, node) }()
		time.Sleep(time.Second)
		for i := range maxKnown + 1 {
			b.samples(t, address(i)) // refused
		}
		wantSamples(t, <-got, "betanet_up 1", "betanet_messages_total 9")
	})
}

func TestMoreThan32AtOnceAreTurnedAway(t *testing.T) {
	inBubble(t, append(internal, inside...), func(t *testing.T, b *bed) {
		ctx, cancel := context.WithCancel(context.Background())
		var callers sync.WaitGroup
		for i := range maxFlights {
			b.host(address(i), slow(4*time.Second))
			callers.Go(func() { b.targets.Collect(ctx, address(i), 0) })
		}
		synctest.Wait()
		cancel() // the callers go, what they began does not
		callers.Wait()
		b.host(node, healthy(9))
		for _, target := range []string{node, "a.internal:9000"} {
			if err := b.refused(target); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "32") {
				t.Errorf("%s: got %v, want busy", target, err)
			}
		}
		if err := b.refused("127.0.0.1:9000"); !errors.Is(err, ErrForbidden) {
			t.Errorf("got %v, want it forbidden, busy or not", err)
		}
		wantSamples(t, b.samples(t, address(3)), "betanet_messages_total 9") // joins, and needs no place
		wantSamples(t, b.samples(t, node), "betanet_up 1")
		if b.most != maxFlights || b.requests(address(3)) != 3 {
			t.Errorf("got %d targets at once and %d requests, want %d and 3", b.most, b.requests(address(3)), maxFlights)
		}
	})
}

func TestNamesThatAreLookedUpCountToo(t *testing.T) {
	inBubble(t, internal, func(t *testing.T, b *bed) {
		for i := range maxFlights + 1 {
			name := fmt.Sprintf("n%d.internal", i)
			b.dns.hang(name)
			_, _, err := b.targets.Collect(context.Background(), name+":9000", time.Millisecond)
			if full := i == maxFlights; !errors.Is(err, ErrBusy) || strings.Contains(err.Error(), "32") != full {
				t.Errorf("name %d: got %v", i, err)
			}
		}
	})
}

func TestNothingBeginsOnceTheExporterStops(t *testing.T) {
	inBubble(t, inside, func(t *testing.T, b *bed) {
		b.host(node, hang)
		time.AfterFunc(time.Second, b.cancel)
		start := time.Now()
		if _, late, err := b.targets.Collect(context.Background(), node, 0); err == nil && !late || time.Since(start) != time.Second {
			t.Errorf("got late %v, %v after %v, want an end at once", late, err, time.Since(start))
		}
		b.targets.Wait()
		if err := b.refused("10.0.0.2:9000"); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want busy", err)
		}
	})
}

// TestParallelProbesNeverMixTargets probes targets that each serve their own
// number, by address and by name, with callers that go away in between.
func TestParallelProbesNeverMixTargets(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hosts := rapid.IntRange(2, 6).Draw(rt, "hosts")
		calls := rapid.SliceOfN(rapid.IntRange(0, 4*hosts-1), 2, 40).Draw(rt, "calls")
		hasty := rapid.SliceOfN(rapid.Bool(), len(calls), len(calls)).Draw(rt, "hasty")
		onBed(append(internal, inside...), func(b *bed) {
			for i := range hosts {
				b.host(address(i), healthy(1000+i))
				b.dns.give(fmt.Sprintf("n%d.internal", i), strings.TrimSuffix(address(i), ":9000"))
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
					v, late, err := b.targets.Collect(context.Background(), target, limit)
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
							t.Errorf("%s: got %q", target, line)
						}
					}
				})
			}
			callers.Wait()
		})
	})
}
