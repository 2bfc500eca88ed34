package poll

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// line is an event in the common form of poller and model.
type line struct {
	at   time.Duration
	text string
}

// harness runs a scenario with a poller and an upstream behind its Dial.
type harness struct {
	scenario
	start    time.Time
	upstream *fleet.Upstream
	poller   *Poller
	serving  sync.WaitGroup

	mu        sync.Mutex
	requested [betanet.NumEndpoints]int
	lines     []line
	view      *fleet.View
}

// runScenario runs a scenario in a bubble and calls check at each of its Checks.
func runScenario(t *testing.T, p scenario, check func(*harness, time.Duration)) {
	synctest.Test(t, func(t *testing.T) {
		s := &harness{scenario: p, start: time.Now()}
		s.upstream = &fleet.Upstream{Name: "u", URLs: []*url.URL{{Scheme: "http", Host: "u:9000"}}, API: p.API, Settings: p.Set}
		s.poller = New(Options{Publish: s.publish, Report: s.report, Dial: s.dial})
		s.poller.parallelAfter = 0 // simultaneous requests have no order
		ctx, cancel := context.WithCancel(context.Background())
		if err := s.poller.Add(ctx, s.upstream, true); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { s.poller.Run(ctx) })
		for _, at := range p.Demands {
			wg.Go(func() {
				time.Sleep(at)
				s.poller.CollectNow(ctx, s.upstream, time.Minute)
			})
		}
		for _, at := range p.Checks {
			time.Sleep(time.Until(s.start.Add(at)))
			synctest.Wait()
			s.poller.upstreams[s.upstream].publishDeferred() // publish despite a quick collection
			check(s, at)
		}
		cancel()
		wg.Wait()
		s.serving.Wait()
	})
}

func (s *harness) now() time.Duration { return time.Since(s.start) }

func (s *harness) note(format string, args ...any) {
	s.lines = append(s.lines, line{s.now(), fmt.Sprintf(format, args...)})
}

func (s *harness) publish(v *fleet.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view = v
}

func (s *harness) dial(context.Context, string, string) (net.Conn, error) {
	if s.refuses(s.now()) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	s.serving.Go(func() { s.serve(theirs) })
	return ours, nil
}

func (s *harness) serve(c net.Conn) {
	defer c.Close()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	s.mu.Lock()
	e := endpointOf(r.URL.Path)
	if e == betanet.NumEndpoints {
		s.note("request %s", r.URL.Path)
		s.mu.Unlock()
		return
	}
	s.note("request %v", e)
	a, k := s.responseTo(e, s.requested[e], s.now())
	s.requested[e]++
	s.mu.Unlock()
	if k.takes >= never {
		io.Copy(io.Discard, c) // until the peer closes
		return
	}
	time.Sleep(k.takes)
	io.WriteString(c, a.bytes(e, k))
}

func endpointOf(path string) betanet.Endpoint {
	for e := range betanet.NumEndpoints {
		if e.Path() == path {
			return e
		}
	}
	return betanet.NumEndpoints
}

func (s *harness) report(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch x := e.(type) {
	case Began:
		s.note("began %v late", x.Delay)
	case Ended:
		s.note("ended after %v", x.Duration)
	case Skipped:
		s.note("skipped %d", x.Count)
	case Attempt:
		s.note("%v", attemptNote{x.Endpoint, x.Number, reasonOf(x.Failure), x.Duration, x.Retry, x.NoBudget, x.Wait, x.Recurring})
	case Transition:
		until := time.Duration(0)
		if x.To == breaker.Open && !x.Until.IsZero() { // zero for a breaker that was replaced
			until = x.Until.Sub(s.start)
		}
		s.note("%v enters %v until %v again %v", x.Endpoint, x.To, until, x.Again)
	case Cache:
		s.note("%v from the cache: %s", x.Endpoint, x.Result)
	case Failing:
		s.note("%v is failing: %s, first %v, cached %v", x.Endpoint, x.Failure.Reason, x.First, x.Cached)
	case Recovered:
		s.note("%v recovered after %v, probe %v", x.Endpoint, x.After, x.Probe)
	default:
		s.note("%+v", e)
	}
}

// attemptNote is the comparable part of an Attempt.
type attemptNote struct {
	endpoint  betanet.Endpoint
	number    int
	reason    betanet.Reason
	took      time.Duration
	retry     bool
	noBudget  bool
	wait      time.Duration
	recurring bool
}

func (a attemptNote) String() string {
	if !a.retry {
		a.wait = 0 // only meaningful with a retry
	}
	return fmt.Sprintf("attempt %d of %v: %q in %v, retry %v %v without budget %v, recurring %v", a.number, a.endpoint, a.reason, a.took, a.retry, a.wait, a.noBudget, a.recurring)
}

func reasonOf(f *betanet.Failure) betanet.Reason {
	if f == nil {
		return ""
	}
	return f.Reason
}

// sorted returns the lines by time, and in a fixed order at the same time.
func sorted(lines []line) []line {
	out := slices.Clone(lines)
	slices.SortFunc(out, func(a, b line) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.text, b.text)) })
	return out
}

// state describes the published view. Values that are final only at the end of a
// collection are left out unless idle.
func (s *harness) state(idle bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, now := s.view, time.Now()
	since := func(t time.Time) time.Duration {
		if t.IsZero() {
			return -1
		}
		return t.Sub(s.start)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "api %v up %v tried %v state %v resets %d latencies %d", v.API, v.Up(), v.Tried(), v.State(now), v.Resets, v.Totals.Latency.GetSampleCount())
	val := v.Values(now)
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		shown := []*uint64{val.Uint(betanet.PacketsProcessed), val.Uint(betanet.TotalNodes), val.Uint(betanet.BytesTransmitted), nil}[e.Endpoint]
		if len(val.Mixnodes) == 1 {
			shown = val.Mixnodes[0].Uint(betanet.PacketsProcessed)
			fmt.Fprintf(&b, " messages %d", *val.Uint(betanet.PacketsProcessed))
		}
		fmt.Fprintf(&b, "\n%v %v shows %s of %v", e.Endpoint, e.State(now, s.Set.MaxStale), number(shown), since(e.At))
		fmt.Fprintf(&b, " stale %v failing %q since %v; %v until %v", e.Stale(now, s.Set.MaxStale), reasonOf(e.Failure), since(e.Since), e.Breaker, since(e.OpenUntil))
		if idle {
			fmt.Fprintf(&b, "; not before %v, %d attempts", since(e.NotBefore), e.Attempts)
		}
	}
	return b.String()
}

func number(n *uint64) string {
	if n == nil {
		return "nothing"
	}
	return fmt.Sprint(*n)
}
