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

// line describes an event in a form that is the same for the poller and the model.
type line struct {
	at   time.Duration
	text string
}

// harness runs a scenario with a poller whose Dial connects it to a simulated upstream.
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

// runScenario runs a scenario in a synctest bubble and calls check at the time of each of
// its Checks.
func runScenario(t *testing.T, s scenario, check func(*harness, time.Duration)) {
	synctest.Test(t, func(t *testing.T) {
		h := &harness{scenario: s, start: time.Now()}
		h.upstream = &fleet.Upstream{Name: "u", URLs: []*url.URL{{Scheme: "http", Host: "u:9000"}}, API: s.API, Settings: s.Settings}
		h.poller = New(Options{Publish: h.publish, Report: h.report, Dial: h.dial})
		h.poller.parallelAfter = 0 // the model requests all endpoints at once
		ctx, cancel := context.WithCancel(context.Background())
		if err := h.poller.Add(ctx, h.upstream, true); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { h.poller.Run(ctx) })
		for _, at := range s.OnDemand {
			wg.Go(func() {
				time.Sleep(at)
				h.poller.CollectNow(ctx, h.upstream, time.Minute)
			})
		}
		for _, at := range s.Checks {
			time.Sleep(time.Until(h.start.Add(at)))
			synctest.Wait()
			h.poller.upstreams[h.upstream].publishDeferred() // do not wait for the end of a quick collection
			check(h, at)
		}
		cancel()
		wg.Wait()
		h.serving.Wait()
	})
}

func (h *harness) now() time.Duration { return time.Since(h.start) }

func (h *harness) record(format string, args ...any) {
	h.lines = append(h.lines, line{h.now(), fmt.Sprintf(format, args...)})
}

func (h *harness) publish(v *fleet.View) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.view = v
}

func (h *harness) dial(context.Context, string, string) (net.Conn, error) {
	if h.refuses(h.now()) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	h.serving.Go(func() { h.serve(theirs) })
	return ours, nil
}

func (h *harness) serve(c net.Conn) {
	defer c.Close()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	h.mu.Lock()
	e := endpointOf(r.URL.Path)
	if e == betanet.NumEndpoints {
		h.record("request %s", r.URL.Path)
		h.mu.Unlock()
		return
	}
	h.record("request %v", e)
	sent, k := h.responseTo(e, h.requested[e], h.now())
	h.requested[e]++
	h.mu.Unlock()
	if k.takes >= never {
		io.Copy(io.Discard, c) // wait until the poller closes the connection
		return
	}
	time.Sleep(k.takes)
	io.WriteString(c, sent.bytes(e, k))
}

func endpointOf(path string) betanet.Endpoint {
	for e := range betanet.NumEndpoints {
		if e.Path() == path {
			return e
		}
	}
	return betanet.NumEndpoints
}

func (h *harness) report(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch x := e.(type) {
	case Began:
		h.record("began %v late", x.Delay)
	case Ended:
		h.record("ended after %v", x.Duration)
	case Skipped:
		h.record("skipped %d", x.Count)
	case Attempt:
		h.record("%v", attemptSummary{x.Endpoint, x.Number, reasonOf(x.Failure), x.Duration, x.Retry, x.NoBudget, x.Wait, x.Recurring})
	case Transition:
		until := time.Duration(0)
		if x.To == breaker.Open && !x.Until.IsZero() { // zero for a breaker that was replaced
			until = x.Until.Sub(h.start)
		}
		h.record("%v enters %v until %v again %v", x.Endpoint, x.To, until, x.Again)
	case Cache:
		h.record("%v from the cache: %s", x.Endpoint, x.Result)
	case Failing:
		h.record("%v is failing: %s, first %v, cached %v", x.Endpoint, x.Failure.Reason, x.First, x.Cached)
	case Recovered:
		h.record("%v recovered after %v, probe %v", x.Endpoint, x.After, x.Probe)
	default:
		h.record("%+v", e)
	}
}

// attemptSummary is the part of an Attempt that is compared.
type attemptSummary struct {
	endpoint  betanet.Endpoint
	number    int
	reason    betanet.Reason
	took      time.Duration
	retry     bool
	noBudget  bool
	wait      time.Duration
	recurring bool
}

func (a attemptSummary) String() string {
	if !a.retry {
		a.wait = 0 // it has no meaning without a retry
	}
	return fmt.Sprintf("attempt %d of %v: %q in %v, retry %v %v without budget %v, recurring %v", a.number, a.endpoint, a.reason, a.took, a.retry, a.wait, a.noBudget, a.recurring)
}

func reasonOf(f *betanet.Failure) betanet.Reason {
	if f == nil {
		return ""
	}
	return f.Reason
}

// sorted returns the lines sorted by time, then by text.
func sorted(lines []line) []line {
	lines = slices.Clone(lines)
	slices.SortFunc(lines, func(a, b line) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.text, b.text)) })
	return lines
}

// state describes the published view. If idle is set, it includes values that are final only
// at the end of a collection.
func (h *harness) state(idle bool) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, now := h.view, time.Now()
	since := func(t time.Time) time.Duration {
		if t.IsZero() {
			return -1
		}
		return t.Sub(h.start)
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
		fmt.Fprintf(&b, "\n%v %v shows %s of %v", e.Endpoint, e.State(now, h.Settings.MaxStale), number(shown), since(e.At))
		fmt.Fprintf(&b, " stale %v failing %q since %v; %v until %v", e.Stale(now, h.Settings.MaxStale), reasonOf(e.Failure), since(e.Since), e.Breaker, since(e.OpenUntil))
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
