package app

import (
	"context"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/probe"
)

// systemd is a service manager that records the notifications it receives.
type systemd struct {
	mu     sync.Mutex
	states []string
}

func (s *systemd) receive(state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = append(s.states, state)
}

// take returns the notifications since the last call.
func (s *systemd) take() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	states := s.states
	s.states = nil
	return states
}

// keepAlives counts the keep-alives since the last call.
func (s *systemd) keepAlives() (n int) {
	for _, state := range s.take() {
		if state == "WATCHDOG=1" {
			n++
		}
	}
	return n
}

// watchScenario is a notifier that watches a registry.
type watchScenario struct {
	watchdog time.Duration
	onDemand bool
	registry *exposition.Registry
	notifier *notifier
	reloads  *reloadLog
	*systemd
}

// run calls do in a synctest bubble while the notifier watches the registry.
func (w *watchScenario) run(t *testing.T, do func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		w.registry, w.systemd = exposition.NewRegistry(), new(systemd)
		w.notifier = newNotifier(w.receive, w.watchdog)
		w.reloads, _ = newTestReloadLog()
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { w.notifier.watch(ctx, w.registry, w.onDemand, w.reloads.failing) })
		t.Cleanup(func() {
			stop()
			wg.Wait()
			w.notifier.close()
			if states := w.take(); len(states) == 0 || states[len(states)-1] != "STOPPING=1" {
				t.Errorf("got %q at the end, want STOPPING=1 last", states)
			}
		})
		do(t)
	})
}

// expect reports an error unless the notifications since the last call are the wanted
// ones. It ignores the time of a reload.
func (w *watchScenario) expect(t *testing.T, when string, want ...string) {
	t.Helper()
	got := w.take()
	for i := range got {
		if strings.HasPrefix(got[i], "RELOADING=1\n") {
			got[i] = "RELOADING=1"
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// collected returns a view of an upstream whose last collection was due now.
func collected(name string, endpoints ...fleet.EndpointView) *fleet.View {
	u := &fleet.Upstream{
		Name: name, URLs: []*url.URL{{Scheme: "http", Host: name}},
		Settings: fleet.Settings{Interval: 15 * time.Second, MaxStale: time.Minute},
	}
	return &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Polled: true, Ticked: time.Now(), Endpoints: endpoints}
}

func TestStatusLineIsSentWhenItChanges(t *testing.T) {
	var w watchScenario
	w.run(t, func(t *testing.T) {
		w.expect(t, "at startup", "STATUS=Watching 0 upstreams")
		a := collected("a", fleet.EndpointView{Endpoint: betanet.Metrics})
		w.registry.Publish(a)
		time.Sleep(statusInterval - time.Millisecond)
		w.expect(t, "soon after a change")
		time.Sleep(time.Millisecond)
		w.expect(t, "a moment later", "STATUS=Watching 1 upstream: 1 pending")
		time.Sleep(10 * statusInterval)
		w.expect(t, "while nothing changes")
		down := *a
		down.Endpoints = failedMetrics()
		w.registry.Publish(&down)
		w.registry.Publish(collected("b"))
		time.Sleep(statusInterval)
		w.expect(t, "when one is down", "STATUS=Watching 2 upstreams: 1 up, 1 down")
	})
}

// failedMetrics returns an endpoint that was tried and returned no document.
func failedMetrics() []fleet.EndpointView {
	e := fleet.EndpointView{Endpoint: betanet.Metrics}
	e.Tried, e.Failure = true, failure(betanet.ReasonConnect, "refused")
	return []fleet.EndpointView{e}
}

func TestStatusLineOnDemandHasNoCounts(t *testing.T) {
	w := watchScenario{onDemand: true}
	w.run(t, func(t *testing.T) {
		if got := w.take(); !slices.Equal(got, []string{"STATUS=Collecting on demand"}) {
			t.Errorf("got %q, want only Collecting on demand", got)
		}
	})
}

func TestKeepAlivesAreSentAtLeastTwicePerWatchdogInterval(t *testing.T) {
	for _, watchdog := range []time.Duration{time.Second, 8 * time.Second, time.Minute} {
		w := watchScenario{watchdog: watchdog}
		w.run(t, func(t *testing.T) {
			w.take()
			for range 20 {
				time.Sleep(watchdog / 2)
				if w.keepAlives() == 0 {
					t.Fatalf("got no keep-alive within half of %v", watchdog)
				}
			}
		})
	}
}

func TestNoKeepAlivesAreSentWithoutAWatchdog(t *testing.T) {
	var w watchScenario
	w.run(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		if n := w.keepAlives(); n != 0 {
			t.Errorf("got %d keep-alives, want none", n)
		}
	})
}

func TestNoKeepAlivesAreSentWhenCollectionsStop(t *testing.T) {
	w := watchScenario{watchdog: 10 * time.Second}
	w.run(t, func(t *testing.T) {
		v := collected("a", failedMetrics()...) // being down does not matter
		w.registry.Publish(v)
		time.Sleep(3 * v.Upstream.Settings.Interval)
		if n := w.keepAlives(); n < 8 {
			t.Errorf("got %d keep-alives within 3 intervals, want all", n)
		}
		time.Sleep(time.Minute)
		if n := w.keepAlives(); n != 0 {
			t.Errorf("got %d keep-alives after 3 intervals without a collection, want none", n)
		}
		again := *v
		again.Ticked = time.Now()
		w.registry.Publish(&again)
		time.Sleep(10 * time.Second)
		if n := w.keepAlives(); n == 0 {
			t.Error("got no keep-alive after a new collection")
		}
	})
}

func TestUnreadNotificationsDoNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked := make(chan struct{})
		n := newNotifier(func(string) { <-blocked }, 0)
		began := time.Now()
		for range 2 * maxQueuedStates {
			n.reloading()
		}
		n.close()
		if took := time.Since(began); took > notifyTimeout {
			t.Errorf("notifying and closing took %v, want at most %v", took, notifyTimeout)
		}
		close(blocked)
		n.close() // sends the rest
	})
}

func TestNothingIsSentWithoutAServiceManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "nonsense") // ignored without a socket
	n, err := newSystemdNotifier()
	if n != nil || err != nil {
		t.Fatalf("got %v, %v, want neither a notifier nor an error", n, err)
	}
	n.ready()
	n.reloading()
	n.watch(t.Context(), exposition.NewRegistry(), false, nil)
	n.close()
}

func TestNotificationsGoToTheSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "1000000")
	t.Setenv("WATCHDOG_PID", "")
	n, err := newSystemdNotifier()
	if err != nil {
		t.Fatal(err)
	}
	if n.watchdog != time.Second {
		t.Errorf("got a watchdog interval of %v, want 1s", n.watchdog)
	}
	n.ready()
	n.reloading()
	n.ready()
	n.close()
	reloading := "RELOADING=1"
	if runtime.GOOS == "linux" {
		reloading += "\nMONOTONIC_USEC="
	}
	for _, want := range []string{"READY=1", reloading, "READY=1"} {
		b := make([]byte, 4096)
		l.SetReadDeadline(time.Now().Add(10 * time.Second))
		size, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(b[:size]); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestReloadLeavesTheServiceReady(t *testing.T) {
	var w watchScenario
	w.run(t, func(t *testing.T) {
		poller := newPoller(w.registry, newObserver(w.registry.Exporter, w.reloads.log), 0, nil)
		upstreams := newUpstreamSet(poller, w.registry, w.reloads.log, true)
		r := &reloader{
			upstreams: upstreams, discovery: &discoveryManager{upstreams: upstreams}, notifier: w.notifier, log: w.reloads,
			probes: probe.New(t.Context(), probe.Options{Poller: poller, Lookup: upstreams.lookup}),
		}
		w.expect(t, "at startup", "STATUS=Watching 0 upstreams")
		r.load = func() (settings, error) { return settings{}, errors.New("no such file") }
		if err := r.reload(t.Context()); err == nil {
			t.Error("got no error from a reload that failed")
		}
		w.expect(t, "during a reload that failed", "RELOADING=1", "READY=1")
		time.Sleep(statusInterval)
		w.expect(t, "after a reload that failed", "STATUS=Watching 0 upstreams; the last reload failed, see the log")
		r.load = func() (settings, error) { return settings{Config: new(config.Config)}, nil }
		if err := r.reload(t.Context()); err != nil {
			t.Error(err)
		}
		w.expect(t, "during a reload that succeeded", "RELOADING=1", "READY=1")
		time.Sleep(statusInterval)
		w.expect(t, "after a reload that succeeded", "STATUS=Watching 0 upstreams")
	})
}
