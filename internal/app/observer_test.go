package app

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

func TestEventsAreLoggedWithTheDocumentedMessages(t *testing.T) {
	for _, c := range []struct {
		event poll.Event
		want  string
	}{
		{poll.Began{Upstream: edge}, `level=INFO msg="Collecting Betanet metrics" upstream=edge`},
		{poll.Attempt{Origin: edgeNodes, Number: 1, Failure: failure(betanet.ReasonConnect, "fetch nodes: refused"), Recurring: true}, ""},
		{poll.Transition{Origin: edgeNodes, To: breaker.Open}, `level=WARN msg="Circuit breaker is OPEN - service may be degraded" upstream=edge endpoints=nodes`},
		{poll.Transition{Origin: edgeNodes, To: breaker.Open, Again: true}, ""},
		{poll.Transition{Origin: edgeNodes, To: breaker.HalfOpen}, ""},
		{poll.Transition{Origin: edgeNodes, To: breaker.Closed}, ""},
		{poll.Failing{Origin: edgeNodes, Failure: failure(betanet.ReasonConnect, "refused"), First: true, Cached: true, Age: 14600 * time.Millisecond}, `level=WARN msg="Using stale cached data due to fetch failure" upstream=edge endpoints=nodes reason=connect age=15s`},
		{poll.Failing{Origin: edgeNodes, Failure: failure(betanet.ReasonConnect, "refused"), First: true}, ""},
		{poll.Failing{Origin: edgeNodes, Failure: failure(betanet.ReasonSchema, "fetch nodes: total_nodes is missing")}, `level=ERROR msg="Document refused" upstream=edge endpoints=nodes reason=schema err="total_nodes is missing"`},
		{poll.Cache{Origin: edgeNodes, Result: poll.CacheHit}, ""},
		{poll.Switched{Upstream: edge, From: "a:1", To: "b:1"}, `level=INFO msg="Switched to another replica" upstream=edge from=a:1 to=b:1`},
		{poll.Recovered{Origin: poll.Origin{Upstream: edge, Replica: "a:1", Endpoint: betanet.Nodes}, After: 5400 * time.Millisecond}, `level=INFO msg="Endpoint recovered" upstream=edge endpoints=nodes replica=a:1 after=5s`},
	} {
		f := newObserverFixture(1)
		f.report(c.event)
		if got := strings.Join(f.take(), "\n"); got != c.want {
			t.Errorf("%+v:\ngot  %s\nwant %s", c.event, got, c.want)
		}
	}
}

func TestTextOfAnUpstreamCannotForgeALogLine(t *testing.T) {
	f := newObserverFixture(1)
	f.report(poll.Attempt{Origin: edgeNodes, Number: 1, Failure: failure(betanet.ReasonProtocol, "x\nlevel=INFO msg=forged\x1b[31m"+strings.Repeat("y", 1000))})
	f.report(edgeEnded)
	lines := f.take()
	if len(lines) != 1 || strings.ContainsAny(lines[0], "\x1b") || len(lines[0]) > 500 {
		t.Errorf("got %d lines, want one short line without control characters: %q", len(lines), lines)
	}
}

func TestHealthyCollectionsAreLoggedOnlyForASingleUpstream(t *testing.T) {
	f := newObserverFixture(2)
	healthy := []poll.Event{poll.Began{Upstream: edge}, poll.Ended{View: &fleet.View{Upstream: edge}}}
	for _, e := range healthy {
		f.report(e)
	}
	f.want(t)
	f.metrics.Upstreams(1)
	for _, e := range healthy {
		f.report(e)
	}
	if got := f.take(); len(got) != 2 {
		t.Errorf("got %q with one upstream, want two lines", got)
	}
}

func TestOneLineSummarizesTheFleet(t *testing.T) {
	for _, c := range []struct {
		point history.Point
		want  []string
	}{
		{history.Point{Counts: history.Counts{Upstreams: 1, Up: 1}}, nil},
		{history.Point{Counts: history.Counts{Upstreams: 3, Up: 2, Down: 1}}, []string{`level=INFO msg="Updated metrics" upstreams=3 up=2 stale=0 down=1`}},
		{
			history.Point{
				Counts: history.Counts{Upstreams: 3, Up: 2, Stale: 1},
				Rates:  history.Rates{Messages: new(12.34), BytesSent: new(1000.), BytesReceived: new(500.), LatencySeconds: new(0.0216)},
			},
			[]string{`level=INFO msg="Updated metrics" upstreams=3 up=2 stale=1 down=0 messages_per_second=12.3 bytes_per_second=1500 latency=21.6ms`},
		},
	} {
		var b logBuffer
		logFleet(b.logger(), &c.point)
		b.want(t, c.want...)
	}
}

func TestFloodOfWarningsIsSummarizedEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newObserverFixture(2)
		for range 1000 {
			f.report(poll.Transition{Origin: edgeNodes, To: breaker.Open})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		lines := f.take()
		if got, want := len(lines), maxWarnings+1; got != want {
			t.Fatalf("got %d lines, want %d", got, want)
		}
		if want := `level=WARN msg="990 more warnings in the last second, see betanet_exporter_endpoint_failing"`; lines[maxWarnings] != want {
			t.Errorf("got %s, want %s", lines[maxWarnings], want)
		}
		f.report(poll.Transition{Origin: edgeNodes, To: breaker.Open})
		if got := f.take(); len(got) != 1 {
			t.Errorf("got %q in the next second, want one line", got)
		}
	})
}

func TestShutdownFlushesTheSummaryOfAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newObserverFixture(2)
		for range maxWarnings + 3 {
			f.report(poll.Transition{Origin: edgeNodes, To: breaker.Open})
		}
		f.take()
		f.limiter.flush()
		f.want(t, `level=WARN msg="3 more warnings in the last second, see betanet_exporter_endpoint_failing"`)
		time.Sleep(time.Minute)
		f.want(t)
	})
}

func TestLongErrorTextIsCutBetweenRunes(t *testing.T) {
	got, want := escape("a"+strings.Repeat("ä", maxErrorText)), "a"+strings.Repeat("ä", 99)+"..."
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
