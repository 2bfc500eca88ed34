package poll

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The seed's documents.
const (
	metricsBody  = `{"packets_processed":5000,"packets_dropped":10}`
	nodesBody    = `{"active_nodes":5,"inactive_nodes":2,"total_nodes":7}`
	networkBody  = `{"bytes_transmitted":1000000,"bytes_received":500000,"avg_latency_ms":45.0,"peak_throughput":10000}`
	mixnodesBody = `[{"id":"a","status":"active","packets_processed":100,"packets_dropped":1,"uptime_seconds":5,"avg_latency_ms":10}]`
)

// defaults are the settings of the seed, without chance.
var defaults = fleet.Settings{
	Interval: 15 * time.Second, Timeout: 14 * time.Second, RequestTimeout: 5 * time.Second,
	Attempts: 3, Backoff: time.Second, MaxBackoff: 4 * time.Second, Jitter: retry.None,
	BreakerFailures: 5, BreakerOpen: 30 * time.Second, TTL: 10 * time.Second, MaxStale: 5 * time.Minute, Histogram: true,
}

// request is one request as the upstream saw it.
type request struct {
	at   time.Duration // since the start of the test
	path string
}

// bedKey is where a request's context has the bed.
type fixtureKey struct{}

// stamped is an event and when it was reported.
type stamped struct {
	at    time.Duration // since the start of the test
	event Event
}

// bed is a poller on one upstream that lives in the test's bubble of fake time.
type fixture struct {
	start    time.Time
	upstream *fleet.Upstream
	poller   *Poller
	run      func() // begins to collect, once

	serving sync.WaitGroup // requests

	mu       sync.Mutex
	answer   http.HandlerFunc
	requests []request
	events   []stamped
	views    []*fleet.View
	viewed   []time.Time // when they were published
	dials    int
}

// inBubble runs a test on a bed; time inside is fake.
func inBubble(t *testing.T, set fleet.Settings, api betanet.API, test func(*testing.T, *fixture)) {
	inTightBubble(t, set, api, 0, test)
}

// inTightBubble is inBubble with a limit of connections.
func inTightBubble(t *testing.T, set fleet.Settings, api betanet.API, connections int, test func(*testing.T, *fixture)) {
	synctest.Test(t, func(t *testing.T) {
		b := &fixture{start: time.Now(), answer: healthy}
		b.upstream = &fleet.Upstream{Name: "u", URLs: []*url.URL{{Scheme: "http", Host: "u:9000"}}, API: api, Settings: set}
		listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: http.HandlerFunc(b.serve)}
		var wg sync.WaitGroup
		wg.Go(func() { server.Serve(listener) })
		b.poller = New(Options{Connections: connections, Publish: b.publish, Report: b.report, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			b.mu.Lock()
			b.dials++
			b.mu.Unlock()
			return listener.dial(ctx)
		}})
		ctx, cancel := context.WithCancel(context.Background())
		if err := b.poller.Add(ctx, b.upstream, true); err != nil {
			t.Fatal(err)
		}
		b.run = sync.OnceFunc(func() { wg.Go(func() { b.poller.Run(ctx) }) })
		test(t, b)
		cancel()
		server.Close()
		wg.Wait()
		b.serving.Wait() // Close does not
	})
}

func (b *fixture) serve(w http.ResponseWriter, r *http.Request) {
	b.serving.Add(1)
	defer b.serving.Done()
	b.mu.Lock()
	b.requests = append(b.requests, request{time.Since(b.start), r.URL.Path})
	answer := b.answer
	b.mu.Unlock()
	answer(w, r.WithContext(context.WithValue(r.Context(), fixtureKey{}, b)))
}

func (b *fixture) publish(v *fleet.View) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.views = append(b.views, v)
	b.viewed = append(b.viewed, time.Now())
}

func (b *fixture) report(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, stamped{time.Since(b.start), e})
}

// behave changes what the upstream answers.
func (b *fixture) behave(h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = h
}

// until lets time pass until so long after the start, and all settle. Collecting
// begins with the first call.
func (b *fixture) until(d time.Duration) {
	b.run()
	time.Sleep(time.Until(b.start.Add(d)))
	synctest.Wait()
}

func (b *fixture) view() *fleet.View {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.views[len(b.views)-1]
}

// count is how many requests there were, dialled how many connections.
func (b *fixture) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.requests)
}

func (b *fixture) dialled() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dials
}

// asked are the times of the requests for a path from a moment on.
func (b *fixture) asked(path string, from time.Duration) (at []time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.requests {
		if r.path == path && r.at >= from {
			at = append(at, r.at)
		}
	}
	return at
}

// eventsOf are the events of one type so far.
func eventsOf[E Event](b *fixture) (all []E) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e, ok := e.event.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

// tick is the first point of the upstream's grid that it will be collected at.
func (b *fixture) tick() time.Duration { return firstTick(b.upstream, b.start).Sub(b.start) }

// Behaviours of the upstream.

func healthy(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case betanet.Metrics.Path():
		body(metricsBody)(w, r)
	case betanet.Nodes.Path():
		body(nodesBody)(w, r)
	case betanet.Network.Path():
		body(networkBody)(w, r)
	default:
		http.NotFound(w, r)
	}
}

func mixnodes(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != betanet.Mixnodes.Path() {
		http.NotFound(w, r)
		return
	}
	body(mixnodesBody)(w, r)
}

// body answers with a document.
func body(document string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, document)
	}
}

func failWith(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// only lets one endpoint behave in its own way, the others are healthy.
func only(e betanet.Endpoint, h http.HandlerFunc) http.HandlerFunc { return path(e, h, healthy) }

// path lets one endpoint behave in one way, and the others in another.
func path(e betanet.Endpoint, h, others http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == e.Path() {
			h(w, r)
		} else {
			others(w, r)
		}
	}
}

// pipes is a network without addresses: a listener whose connections are made
// by dial, in memory, so that fake time can pass.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
