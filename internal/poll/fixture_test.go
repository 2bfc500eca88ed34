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

// Valid documents of both APIs.
const (
	metricsBody  = `{"packets_processed":5000,"packets_dropped":10}`
	nodesBody    = `{"active_nodes":5,"inactive_nodes":2,"total_nodes":7}`
	networkBody  = `{"bytes_transmitted":1000000,"bytes_received":500000,"avg_latency_ms":45.0,"peak_throughput":10000}`
	mixnodesBody = `[{"id":"a","status":"active","packets_processed":100,"packets_dropped":1,"uptime_seconds":5,"avg_latency_ms":10}]`
)

// defaults are the default settings, without jitter.
var defaults = fleet.Settings{
	Interval: 15 * time.Second, Timeout: 14 * time.Second, RequestTimeout: 5 * time.Second,
	Attempts: 3, Backoff: time.Second, MaxBackoff: 4 * time.Second, Jitter: retry.None,
	BreakerFailures: 5, BreakerOpen: 30 * time.Second, TTL: 10 * time.Second, MaxStale: 5 * time.Minute, Histogram: true,
}

// request is a request that the upstream received.
type request struct {
	at   time.Duration // since the start of the test
	path string
}

// fixtureKey is the key of the fixture in the context of a request.
type fixtureKey struct{}

// timedEvent is an event and when it was reported.
type timedEvent struct {
	at    time.Duration // since the start of the test
	event Event
}

// fixture is a poller with one upstream, in a synctest bubble with fake time.
type fixture struct {
	start    time.Time
	upstream *fleet.Upstream
	poller   *Poller
	run      func() // starts the poller, on the first call

	serving sync.WaitGroup // for the requests being served

	mu       sync.Mutex
	handler  http.HandlerFunc
	requests []request
	events   []timedEvent
	views    []*fleet.View
	viewed   []time.Time // when the views were published
	dials    int
}

// inBubble runs a test with a fixture in a synctest bubble.
func inBubble(t *testing.T, settings fleet.Settings, api betanet.API, test func(*testing.T, *fixture)) {
	inBubbleWithLimit(t, settings, api, 0, test)
}

// inBubbleWithLimit is inBubble with a connection limit.
func inBubbleWithLimit(t *testing.T, settings fleet.Settings, api betanet.API, connections int, test func(*testing.T, *fixture)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{start: time.Now(), handler: healthy}
		f.upstream = &fleet.Upstream{Name: "u", URLs: []*url.URL{{Scheme: "http", Host: "u:9000"}}, API: api, Settings: settings}
		listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: http.HandlerFunc(f.serve)}
		var wg sync.WaitGroup
		wg.Go(func() { server.Serve(listener) })
		f.poller = New(Options{MaxConnections: connections, Publish: f.publish, Report: f.report, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			f.mu.Lock()
			f.dials++
			f.mu.Unlock()
			return listener.dial(ctx)
		}})
		ctx, cancel := context.WithCancel(context.Background())
		if err := f.poller.Add(ctx, f.upstream, true); err != nil {
			t.Fatal(err)
		}
		f.run = sync.OnceFunc(func() { wg.Go(func() { f.poller.Run(ctx) }) })
		test(t, f)
		cancel()
		server.Close()
		wg.Wait()
		f.serving.Wait() // because Close does not wait for handlers
	})
}

func (f *fixture) serve(w http.ResponseWriter, r *http.Request) {
	f.serving.Add(1)
	defer f.serving.Done()
	f.mu.Lock()
	f.requests = append(f.requests, request{time.Since(f.start), r.URL.Path})
	handler := f.handler
	f.mu.Unlock()
	handler(w, r.WithContext(context.WithValue(r.Context(), fixtureKey{}, f)))
}

func (f *fixture) publish(v *fleet.View) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.views = append(f.views, v)
	f.viewed = append(f.viewed, time.Now())
}

func (f *fixture) report(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, timedEvent{time.Since(f.start), e})
}

// behave sets the handler of the upstream.
func (f *fixture) behave(h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handler = h
}

// until sleeps until d after the start and waits until all goroutines are idle. The first
// call starts the poller.
func (f *fixture) until(d time.Duration) {
	f.run()
	time.Sleep(time.Until(f.start.Add(d)))
	synctest.Wait()
}

func (f *fixture) view() *fleet.View {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.views[len(f.views)-1]
}

// count returns the number of requests so far.
func (f *fixture) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

// dialed returns the number of connections so far.
func (f *fixture) dialed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dials
}

// requested returns the times of the requests for a path since from.
func (f *fixture) requested(path string, from time.Duration) (at []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if r.path == path && r.at >= from {
			at = append(at, r.at)
		}
	}
	return at
}

// eventsOf returns the events of type E so far.
func eventsOf[E Event](f *fixture) (all []E) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e, ok := e.event.(E); ok {
			all = append(all, e)
		}
	}
	return all
}

// tick returns the time of the first scheduled collection.
func (f *fixture) tick() time.Duration { return firstTick(f.upstream, f.start).Sub(f.start) }

// Handlers of the upstream.

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

// body returns a handler that serves a document.
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

// only returns a handler that uses h for one endpoint and is healthy for the others.
func only(e betanet.Endpoint, h http.HandlerFunc) http.HandlerFunc { return forEndpoint(e, h, healthy) }

// forEndpoint returns a handler that uses h for one endpoint and rest for the others.
func forEndpoint(e betanet.Endpoint, h, rest http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == e.Path() {
			h(w, r)
		} else {
			rest(w, r)
		}
	}
}

// pipes is a listener whose connections are made in memory by dial, so that fake time
// can advance.
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
