package app

import (
	"context"
	"errors"
	"net"
	"os"
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

// refusedConnection returns a failure as the client returns it.
func refusedConnection(e betanet.Endpoint) *betanet.Failure {
	op := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 9000}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	return &betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.Join(op), Retry: true}
}

// collect reports a collection of edge with events between its start and its end.
func (f *observerFixture) collect(endpoints int, events ...poll.Event) {
	f.report(poll.Began{Upstream: edge, Endpoints: endpoints})
	for _, e := range events {
		f.report(e)
	}
	f.report(edgeEnded)
}

func TestOutageIsLoggedInFewLines(t *testing.T) {
	f := newObserverFixture(2)
	v1 := betanet.V1.Endpoints()
	at := func(e betanet.Endpoint) poll.Origin { return poll.Origin{Upstream: edge, Endpoint: e} }
	waits := []time.Duration{934 * time.Millisecond, 612 * time.Millisecond, 700 * time.Millisecond}

	f.report(poll.Began{Upstream: edge, Endpoints: 3})
	for i, e := range v1 {
		f.report(poll.Attempt{Origin: at(e), Number: 1, Failure: refusedConnection(e), Retry: true, Wait: waits[i]})
		if i < 2 {
			f.want(t)
		}
	}
	f.want(t, `level=WARN msg="Attempt 1 failed: connect: connection refused, retrying in 612ms to 934ms" upstream=edge endpoints=metrics,nodes,network`)
	f.report(poll.Attempt{Origin: at(v1[0]), Number: 2, Failure: refusedConnection(v1[0]), Retry: true, Wait: 2 * time.Second})
	f.report(poll.Attempt{Origin: at(v1[1]), Number: 2, Failure: failure(betanet.ReasonTimeout, "fetch nodes: no answer in time"), Retry: true, Wait: 2 * time.Second})
	f.report(poll.Attempt{Origin: at(v1[2]), Number: 2, Failure: refusedConnection(v1[2]), NoBudget: true})
	f.want(t,
		`level=WARN msg="Attempt 2 failed: connect: connection refused, retrying in 2s" upstream=edge endpoints=metrics`,
		`level=WARN msg="Attempt 2 failed: no answer in time, retrying in 2s" upstream=edge endpoints=nodes`,
		`level=WARN msg="Attempt 2 failed: connect: connection refused, not retrying: the retry budget is empty" upstream=edge endpoints=network`)
	for _, e := range v1 {
		f.report(poll.Failing{Origin: at(e), Failure: refusedConnection(e), First: true, Cached: true, Age: 15 * time.Second})
	}
	f.want(t)
	f.report(poll.Attempt{Origin: at(v1[0]), Number: 3, Failure: refusedConnection(v1[0])}) // the third attempt of v1[1] was never made
	f.report(edgeEnded)
	f.want(t,
		`level=WARN msg="Attempt 3 failed: connect: connection refused" upstream=edge endpoints=metrics`,
		`level=WARN msg="Using stale cached data due to fetch failure" upstream=edge endpoints=metrics,nodes,network reason=connect age=15s`)

	var opened []poll.Event
	for _, e := range v1 {
		opened = append(opened, poll.Attempt{Origin: at(e), Number: 1, Failure: refusedConnection(e), Recurring: true}, poll.Transition{Origin: at(e), To: breaker.Open})
	}
	f.collect(3, opened...)
	f.want(t, `level=WARN msg="Circuit breaker is OPEN - service may be degraded" upstream=edge endpoints=metrics,nodes,network`)

	for i, e := range v1 { // each endpoint is probed in a separate collection
		f.collect(1,
			poll.Transition{Origin: at(e), To: breaker.HalfOpen},
			poll.Attempt{Origin: at(e), Number: 1},
			poll.Transition{Origin: at(e), To: breaker.Closed},
			poll.Recovered{Origin: at(e), After: time.Duration(370+i)*time.Second + 400*time.Millisecond, Probe: true})
		if i < 2 {
			f.want(t)
		}
	}
	f.want(t, `level=INFO msg="Service recovered, closing circuit" upstream=edge endpoints=metrics,nodes,network after=6m12s`)
	if n := len(f.outages.all); n != 0 {
		t.Errorf("got %d outages at the end, want none", n)
	}

	f.collect(3, poll.Failing{Origin: at(v1[1]), Failure: refusedConnection(v1[1]), First: true})
	f.collect(3, poll.Recovered{Origin: at(v1[1]), After: 15 * time.Second})
	f.want(t, `level=INFO msg="Endpoint recovered" upstream=edge endpoints=nodes after=15s`)
}

func TestExpiredValuesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newObserverFixture(2)
		u := *edge
		u.Settings.MaxStale = 5 * time.Minute
		registry := exposition.NewRegistry()
		record := func(doc *betanet.Document) snapshot.Record {
			r := snapshot.Record{}.Fetched(doc, time.Now())
			return r.Failed(refusedConnection(doc.Endpoint), time.Now())
		}
		v := &fleet.View{Upstream: &u, URL: u.URLs[0], API: betanet.V1, Endpoints: []fleet.EndpointView{
			{Endpoint: betanet.Metrics, Record: record(betanettest.Metrics{}.Doc())},
			{Endpoint: betanet.Nodes, Record: record(betanettest.Nodes{}.Doc())},
			{Endpoint: betanet.Network, Record: snapshot.Record{}.Fetched(betanettest.Network{}.Doc(), time.Now())},
		}}
		registry.Publish(v)
		for _, e := range []betanet.Endpoint{betanet.Metrics, betanet.Nodes} {
			f.report(poll.Failing{Origin: poll.Origin{Upstream: &u, Endpoint: e}, Failure: refusedConnection(e), First: true})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		f.run(ctx, registry)
		f.want(t, `level=WARN msg="Cached data expired" upstream=edge endpoints=metrics,nodes age=5m0s`)
	})
}

func TestEachReplicaHasItsOwnLogLines(t *testing.T) {
	f := newObserverFixture(2)
	at := func(replica string, e betanet.Endpoint) poll.Origin {
		return poll.Origin{Upstream: edge, Replica: replica, Endpoint: e}
	}
	f.report(poll.Began{Upstream: edge, Replica: "a:1", Endpoints: 2})
	f.report(poll.Attempt{Origin: at("a:1", betanet.Metrics), Number: 1, Failure: refusedConnection(betanet.Metrics)})
	f.report(poll.Attempt{Origin: at("a:1", betanet.Nodes), Number: 1})
	f.report(poll.Failing{Origin: at("a:1", betanet.Metrics), Failure: refusedConnection(betanet.Metrics), First: true})
	f.report(poll.Attempt{Origin: at("b:1", betanet.Metrics), Number: 1, Failure: refusedConnection(betanet.Metrics)})
	f.report(poll.Attempt{Origin: at("c:1", betanet.Metrics), Number: 1})
	f.report(poll.Switched{Upstream: edge, From: "a:1", To: "c:1"})
	f.report(edgeEnded)
	f.want(t,
		`level=WARN msg="Attempt 1 failed: connect: connection refused" upstream=edge endpoints=metrics replica=a:1`,
		`level=INFO msg="Switched to another replica" upstream=edge from=a:1 to=c:1`,
		`level=WARN msg="Attempt 1 failed: connect: connection refused" upstream=edge endpoints=metrics replica=b:1`)
	if n := len(f.outages.all); n != 0 {
		t.Errorf("got %d outages at the end, want none", n)
	}
}
