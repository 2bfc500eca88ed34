package app

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// refusedConnection is a failure as the client makes it.
func refusedConnection(e betanet.Endpoint) *betanet.Failure {
	op := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 9000}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	return &betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.Join(op), Retry: true}
}

func (l *logged) wantLines(t *testing.T, want ...string) {
	t.Helper()
	got := l.lines()
	if len(got) == 1 && got[0] == "" {
		got = nil
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	l.mu.Lock()
	l.Builder().Reset()
	l.mu.Unlock()
}

// An outage of one upstream from the first failed attempt to its end.
func TestAnOutageIsAFewLines(t *testing.T) {
	l := observe(true)
	v1 := betanet.V1.Endpoints()
	at := func(e betanet.Endpoint) poll.Source { return poll.Source{Upstream: edge, Endpoint: e} }
	ended := poll.Ended{View: &fleet.View{Upstream: edge, Endpoints: []fleet.EndpointView{{}}}}
	waits := []time.Duration{934 * time.Millisecond, 612 * time.Millisecond, 700 * time.Millisecond}

	l.report(poll.Began{Upstream: edge, Endpoints: 3})
	for i, e := range v1 {
		l.report(poll.Attempt{Source: at(e), Number: 1, Failure: refusedConnection(e), Retry: true, Wait: waits[i]})
		if i < 2 {
			l.wantLines(t)
		}
	}
	l.wantLines(t, `level=WARN msg="Attempt 1 failed: connect: connection refused, retrying in 612ms to 934ms" upstream=edge endpoints=metrics,nodes,network`)
	l.report(poll.Attempt{Source: at(v1[0]), Number: 2, Failure: refusedConnection(v1[0]), Retry: true, Wait: 2 * time.Second})
	l.report(poll.Attempt{Source: at(v1[1]), Number: 2, Failure: failure(betanet.ReasonTimeout, "fetch nodes: no answer in time"), Retry: true, Wait: 2 * time.Second})
	l.report(poll.Attempt{Source: at(v1[2]), Number: 2, Failure: refusedConnection(v1[2]), NoBudget: true})
	l.wantLines(t,
		`level=WARN msg="Attempt 2 failed: connect: connection refused, retrying in 2s" upstream=edge endpoints=metrics`,
		`level=WARN msg="Attempt 2 failed: no answer in time, retrying in 2s" upstream=edge endpoints=nodes`,
		`level=WARN msg="Attempt 2 failed: connect: connection refused, not retrying: the retry budget is empty" upstream=edge endpoints=network`)
	for _, e := range v1 {
		l.report(poll.Failing{Source: at(e), Failure: refusedConnection(e), First: true, Cached: true, Age: 15 * time.Second})
	}
	l.wantLines(t)
	l.report(poll.Attempt{Source: at(v1[0]), Number: 3, Failure: refusedConnection(v1[0])}) // the other was never made
	l.report(ended)
	l.wantLines(t,
		`level=WARN msg="Attempt 3 failed: connect: connection refused" upstream=edge endpoints=metrics`,
		`level=WARN msg="Using stale cached data due to fetch failure" upstream=edge endpoints=metrics,nodes,network reason=connect age=15s`)

	l.report(poll.Began{Upstream: edge, Endpoints: 3})
	for _, e := range v1 {
		l.report(poll.Attempt{Source: at(e), Number: 1, Failure: refusedConnection(e), Recurring: true})
		l.report(poll.Transition{Source: at(e), To: breaker.Open})
	}
	l.report(ended)
	l.wantLines(t, `level=WARN msg="Circuit breaker is OPEN - service may be degraded" upstream=edge endpoints=metrics,nodes,network`)

	for i, e := range v1 { // each is probed by itself
		l.report(poll.Began{Upstream: edge, Endpoints: 1})
		l.report(poll.Transition{Source: at(e), To: breaker.HalfOpen})
		l.report(poll.Attempt{Source: at(e), Number: 1})
		l.report(poll.Transition{Source: at(e), To: breaker.Closed})
		l.report(poll.Recovered{Source: at(e), After: time.Duration(370+i)*time.Second + 400*time.Millisecond, Probe: true})
		l.report(ended)
		if i < 2 {
			l.wantLines(t)
		}
	}
	l.wantLines(t, `level=INFO msg="Service recovered, closing circuit" upstream=edge endpoints=metrics,nodes,network after=6m12s`)
	if n := len(l.all); n != 0 {
		t.Errorf("got %d upstreams remembered at the end, want none", n)
	}

	l.report(poll.Began{Upstream: edge, Endpoints: 3})
	l.report(poll.Failing{Source: at(v1[1]), Failure: refusedConnection(v1[1]), First: true})
	l.report(ended)
	l.report(poll.Began{Upstream: edge, Endpoints: 3})
	l.report(poll.Recovered{Source: at(v1[1]), After: 15 * time.Second})
	l.report(ended)
	l.wantLines(t, `level=INFO msg="Endpoint recovered" upstream=edge endpoints=nodes after=15s`)
}

func TestValuesThatExpireAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := observe(true)
		u := &fleet.Upstream{Name: "edge", URLs: []*url.URL{{Scheme: "http", Host: "h:1"}}, Settings: fleet.Settings{Interval: 15 * time.Second, MaxStale: 5 * time.Minute}}
		registry := exposition.NewRegistry()
		record := func(doc *betanet.Document) snapshot.Record {
			r := snapshot.Record{}.Fetched(doc, time.Now())
			return r.Failed(refusedConnection(doc.Endpoint), time.Now())
		}
		v := &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Endpoints: []fleet.EndpointView{
			{Endpoint: betanet.Metrics, Record: record(betanettest.Metrics{}.Doc())},
			{Endpoint: betanet.Nodes, Record: record(betanettest.Nodes{}.Doc())},
			{Endpoint: betanet.Network, Record: snapshot.Record{}.Fetched(betanettest.Network{}.Doc(), time.Now())},
		}}
		registry.Publish(v)
		for _, e := range []betanet.Endpoint{betanet.Metrics, betanet.Nodes} {
			l.report(poll.Failing{Source: poll.Source{Upstream: u, Endpoint: e}, Failure: refusedConnection(e), First: true})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		l.past.run(ctx, registry, l.observer.log)
		l.wantLines(t, `level=WARN msg="Cached data expired" upstream=edge endpoints=metrics,nodes age=5m0s`)
	})
}

func TestAReplicaHasLinesOfItsOwn(t *testing.T) {
	l := observe(true)
	at := func(replica string, e betanet.Endpoint) poll.Source {
		return poll.Source{Upstream: edge, Replica: replica, Endpoint: e}
	}
	l.report(poll.Began{Upstream: edge, Replica: "a:1", Endpoints: 2})
	l.report(poll.Attempt{Source: at("a:1", betanet.Metrics), Number: 1, Failure: refusedConnection(betanet.Metrics)})
	l.report(poll.Attempt{Source: at("a:1", betanet.Nodes), Number: 1})
	l.report(poll.Failing{Source: at("a:1", betanet.Metrics), Failure: refusedConnection(betanet.Metrics), First: true})
	l.report(poll.Attempt{Source: at("b:1", betanet.Metrics), Number: 1, Failure: refusedConnection(betanet.Metrics)})
	l.report(poll.Attempt{Source: at("c:1", betanet.Metrics), Number: 1})
	l.report(poll.Switched{Upstream: edge, From: "a:1", To: "c:1"})
	l.report(poll.Ended{View: &fleet.View{Upstream: edge, Endpoints: []fleet.EndpointView{{}}}})
	l.wantLines(t,
		`level=WARN msg="Attempt 1 failed: connect: connection refused" upstream=edge endpoints=metrics replica=a:1`,
		`level=INFO msg="Switched to another replica" upstream=edge from=a:1 to=c:1`,
		`level=WARN msg="Attempt 1 failed: connect: connection refused" upstream=edge endpoints=metrics replica=b:1`)
	if n := len(l.all); n != 0 {
		t.Errorf("got %d upstreams remembered at the end, want none", n)
	}
}
