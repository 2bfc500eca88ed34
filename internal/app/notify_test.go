package app

import (
	"context"
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
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// systemd is a service manager that keeps what it is told.
type systemd struct {
	mu    sync.Mutex
	heard []string
}

func (s *systemd) hear(word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, word)
}

// take returns what has been heard since the last call.
func (s *systemd) take() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := s.heard
	s.heard = nil
	return heard
}

// watched runs a notifier on a registry in a bubble until the test ends.
func watched(t *testing.T, watchdog time.Duration, r *exposition.Registry, onDemand bool) (*systemd, *notifier) {
	s := new(systemd)
	n := newNotifier(s.hear, watchdog)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { n.watch(ctx, r, onDemand); close(ended) }()
	t.Cleanup(func() {
		stop()
		<-ended
		n.close()
		if heard := s.take(); len(heard) == 0 || heard[len(heard)-1] != "STOPPING=1" {
			t.Errorf("heard %q at the end, want STOPPING=1 at last", heard)
		}
	})
	return s, n
}

// collected is a view of an upstream whose last collection was due now.
func collected(name string) *fleet.View {
	u := &fleet.Upstream{
		Name: name, URLs: []*url.URL{{Scheme: "http", Host: name}},
		Settings: fleet.Settings{Interval: 15 * time.Second, MaxStale: time.Minute},
	}
	return &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Polled: true, Ticked: time.Now()}
}

// with gives a view an endpoint that gave no document but failed, if it was tried.
func with(v *fleet.View, tried bool) *fleet.View {
	e := fleet.EndpointView{Endpoint: betanet.Metrics}
	if e.Tried = tried; tried {
		e.Failure = failure(betanet.ReasonConnect, "refused")
	}
	v.Endpoints = []fleet.EndpointView{e}
	return v
}

func TestTheStatusIsToldWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := exposition.NewRegistry()
		s, n := watched(t, 0, r, false)
		expect := func(when string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, s.take()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		expect("at the start", "STATUS=Watching 0 upstreams")
		a := with(collected("a"), false)
		r.Publish(a)
		time.Sleep(statusEvery - time.Millisecond)
		expect("soon after a change")
		time.Sleep(time.Millisecond)
		expect("a moment later", "STATUS=Watching 1 upstream: 1 pending")
		time.Sleep(10 * statusEvery)
		expect("as long as nothing changes")
		down := *a
		r.Publish(with(&down, true))
		r.Publish(collected("b"))
		time.Sleep(statusEvery)
		expect("when one is down", "STATUS=Watching 2 upstreams: 1 up, 1 down")
		n.reloaded(false)
		time.Sleep(statusEvery)
		expect("after a reload that failed", "READY=1", "STATUS=Watching 2 upstreams: 1 up, 1 down; the last reload failed, see the log")
		n.reloaded(true)
		time.Sleep(statusEvery)
		expect("after one that did not", "READY=1", "STATUS=Watching 2 upstreams: 1 up, 1 down")
	})
}

func TestTheStatusOnDemandCountsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := watched(t, 0, exposition.NewRegistry(), true)
		if got := s.take(); !slices.Equal(got, []string{"STATUS=Collecting on demand"}) {
			t.Errorf("heard %q", got)
		}
	})
}

// beats counts signs of life.
func beats(heard []string) (n int) {
	for _, word := range heard {
		if word == "WATCHDOG=1" {
			n++
		}
	}
	return n
}

func TestThereAreSignsOfLifeOftenEnough(t *testing.T) {
	for _, watchdog := range []time.Duration{time.Second, 8 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := watched(t, watchdog, exposition.NewRegistry(), false)
			s.take()
			for range 20 {
				time.Sleep(watchdog / 2)
				if beats(s.take()) == 0 {
					t.Fatalf("no sign of life within half of %v", watchdog)
				}
			}
		})
	}
}

func TestWithoutAWatchdogThereAreNoSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := watched(t, 0, exposition.NewRegistry(), false)
		time.Sleep(time.Hour)
		if n := beats(s.take()); n != 0 {
			t.Errorf("%d signs of life, want none", n)
		}
	})
}

func TestAnExporterThatNoLongerCollectsGivesNoSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := exposition.NewRegistry()
		v := with(collected("a"), true) // down, which is no reason
		r.Publish(v)
		s, _ := watched(t, 10*time.Second, r, false)
		time.Sleep(3 * v.Upstream.Settings.Interval)
		if n := beats(s.take()); n < 8 {
			t.Errorf("%d signs of life within 3 intervals, want all", n)
		}
		time.Sleep(time.Minute)
		if n := beats(s.take()); n != 0 {
			t.Errorf("%d signs of life after 3 intervals without a collection, want none", n)
		}
		again := *v
		again.Ticked = time.Now()
		r.Publish(&again)
		time.Sleep(10 * time.Second)
		if n := beats(s.take()); n == 0 {
			t.Error("no sign of life, though it collects again")
		}
	})
}

func TestAServiceManagerThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deaf := make(chan struct{})
		n := newNotifier(func(string) { <-deaf }, 0)
		began := time.Now()
		for range 2 * maxUntold {
			n.reloading()
		}
		n.close()
		if took := time.Since(began); took > partingTimeout {
			t.Errorf("telling and closing took %v, want at most %v", took, partingTimeout)
		}
		close(deaf)
		n.close() // the end is still to be said
	})
}

func TestWithoutAServiceManagerNothingIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "nonsense") // which is then nobody's
	n, err := notifySystemd()
	if n != nil || err != nil {
		t.Fatalf("got %v, %v, want neither a notifier nor an error", n, err)
	}
	n.ready()
	n.reloading()
	n.reloaded(true)
	n.watch(t.Context(), exposition.NewRegistry(), false)
	n.close()
}

func TestSystemdIsToldThroughItsSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "1000000")
	t.Setenv("WATCHDOG_PID", "")
	n, err := notifySystemd()
	if err != nil {
		t.Fatal(err)
	}
	if n.watchdog != time.Second {
		t.Errorf("the watchdog waits %v, want 1s", n.watchdog)
	}
	n.ready()
	n.reloading()
	n.reloaded(true)
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
			t.Errorf("systemd got %q, want %q", got, want)
		}
	}
}

func TestAWatchdogThatIsNoNumberIsAnError(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/nowhere")
	t.Setenv("WATCHDOG_USEC", "soon")
	if _, err := notifySystemd(); err == nil || !strings.Contains(err.Error(), "WATCHDOG_USEC") {
		t.Errorf("got %v, want an error that names WATCHDOG_USEC", err)
	}
}
