package app

import (
	"bytes"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// logged is an observer whose log is kept.
type logged struct {
	*observer
	mu   sync.Mutex
	text strings.Builder
}

// Builder is what was logged; the caller holds l.mu.
func (l *logged) Builder() *strings.Builder { return &l.text }

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n")
}

func observe(many bool) *logged {
	l := new(logged)
	h := slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	l.observer = newObserver(exposition.NewRegistry().Exporter, new(recorder), slog.New(h))
	l.metrics.Upstreams(1)
	if many {
		l.metrics.Upstreams(2)
	}
	return l
}

var (
	edge        = &fleet.Upstream{Name: "edge", URLs: []*url.URL{{Scheme: "http", Host: "h:1"}}, Settings: fleet.Settings{Interval: 15 * time.Second}}
	nodesOfEdge = poll.Source{Upstream: edge, Endpoint: betanet.Nodes}
)

func failure(r betanet.Reason, text string) *betanet.Failure {
	return &betanet.Failure{Reason: r, Err: errors.New(text)}
}

func TestLinesThatOperatorsLookFor(t *testing.T) {
	for _, c := range []struct {
		event poll.Event
		want  string
	}{
		{poll.Began{Upstream: edge}, `level=INFO msg="Collecting Betanet metrics" upstream=edge`},
		{poll.Attempt{Source: nodesOfEdge, Number: 1, Failure: failure(betanet.ReasonConnect, "fetch nodes: refused"), Recurring: true}, ""},
		{poll.Transition{Source: nodesOfEdge, To: breaker.Open}, `level=WARN msg="Circuit breaker is OPEN - service may be degraded" upstream=edge endpoints=nodes`},
		{poll.Transition{Source: nodesOfEdge, To: breaker.Open, Again: true}, ""},
		{poll.Transition{Source: nodesOfEdge, To: breaker.HalfOpen}, ""},
		{poll.Transition{Source: nodesOfEdge, To: breaker.Closed}, ""},
		{poll.Failing{Source: nodesOfEdge, Failure: failure(betanet.ReasonConnect, "refused"), First: true, Cached: true, Age: 14600 * time.Millisecond}, `level=WARN msg="Using stale cached data due to fetch failure" upstream=edge endpoints=nodes reason=connect age=15s`},
		{poll.Failing{Source: nodesOfEdge, Failure: failure(betanet.ReasonConnect, "refused"), First: true}, ""},
		{poll.Failing{Source: nodesOfEdge, Failure: failure(betanet.ReasonSchema, "fetch nodes: total_nodes is missing")}, `level=ERROR msg="Document refused" upstream=edge endpoints=nodes reason=schema err="total_nodes is missing"`},
		{poll.Cache{Source: nodesOfEdge, Result: poll.Hit}, ""},
		{poll.Switched{Upstream: edge, From: "a:1", To: "b:1"}, `level=INFO msg="Switched to another replica" upstream=edge from=a:1 to=b:1`},
		{poll.Recovered{Source: poll.Source{Upstream: edge, Replica: "a:1", Endpoint: betanet.Nodes}, After: 5400 * time.Millisecond}, `level=INFO msg="Endpoint recovered" upstream=edge endpoints=nodes replica=a:1 after=5s`},
	} {
		l := observe(false)
		l.report(c.event)
		if got := strings.Join(l.lines(), "\n"); got != c.want {
			t.Errorf("%+v:\ngot  %s\nwant %s", c.event, got, c.want)
		}
	}
}

func TestTextOfAnUpstreamCannotForgeALine(t *testing.T) {
	l := observe(false)
	l.report(poll.Attempt{Source: nodesOfEdge, Number: 1, Failure: failure(betanet.ReasonProtocol, "x\nlevel=INFO msg=forged\x1b[31m"+strings.Repeat("y", 1000))})
	l.report(poll.Ended{View: &fleet.View{Upstream: edge, Endpoints: []fleet.EndpointView{{}}}})
	lines := l.lines()
	if len(lines) != 1 || strings.ContainsAny(lines[0], "\x1b") || len(lines[0]) > 500 {
		t.Errorf("got %d lines: %q", len(lines), lines)
	}
}

func TestHealthyCollectionsOfSeveralUpstreamsAreNotLogged(t *testing.T) {
	l := observe(true)
	l.report(poll.Began{Upstream: edge})
	l.report(poll.Ended{View: &fleet.View{Upstream: edge}})
	if got := l.lines(); len(got) != 1 || got[0] != "" {
		t.Errorf("got %q, want no line", got)
	}
	l.metrics.Upstreams(1)
	l.report(poll.Began{Upstream: edge})
	l.report(poll.Ended{View: &fleet.View{Upstream: edge}})
	if got := l.lines(); len(got) != 2 {
		t.Errorf("got %q when one upstream is left, want two lines", got)
	}
}

func TestALineSumsUpTheFleet(t *testing.T) {
	rate := func(x float64) *float64 { return &x }
	for _, c := range []struct {
		point history.Point
		want  string
	}{
		{history.Point{Counts: history.Counts{Upstreams: 1, Up: 1}}, ""},
		{history.Point{Counts: history.Counts{Upstreams: 3, Up: 2, Down: 1}}, `level=INFO msg="Updated metrics" upstreams=3 up=2 stale=0 down=1`},
		{
			history.Point{
				Counts: history.Counts{Upstreams: 3, Up: 2, Stale: 1},
				Rates:  history.Rates{Messages: rate(12.34), BytesSent: rate(1000), BytesReceived: rate(500), LatencySeconds: rate(0.0216)},
			},
			`level=INFO msg="Updated metrics" upstreams=3 up=2 stale=1 down=0 messages_per_second=12.3 bytes_per_second=1500 latency=21.6ms`,
		},
	} {
		var text bytes.Buffer
		logFleet(plainLog(&text), &c.point)
		if got := strings.TrimSuffix(text.String(), "\n"); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestAFloodOfWarningsIsOneLineASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := observe(true)
		for range 1000 {
			l.report(poll.Transition{Source: nodesOfEdge, To: breaker.Open})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		lines := l.lines()
		if got, want := len(lines), maxWarnings+1; got != want {
			t.Fatalf("got %d lines, want %d", got, want)
		}
		if want := `level=WARN msg="990 more warnings in the last second, see betanet_exporter_endpoint_failing"`; lines[maxWarnings] != want {
			t.Errorf("got %s, want %s", lines[maxWarnings], want)
		}
		l.report(poll.Transition{Source: nodesOfEdge, To: breaker.Open})
		if got, want := len(l.lines()), maxWarnings+2; got != want {
			t.Errorf("got %d lines in the next second, want %d", got, want)
		}
	})
}

func TestTheEndDoesNotLoseTheLineAboutAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := observe(true)
		for range maxWarnings + 3 {
			l.report(poll.Transition{Source: nodesOfEdge, To: breaker.Open})
		}
		l.past.warnings.flush()
		lines := l.lines()
		if want := `level=WARN msg="3 more warnings in the last second, see betanet_exporter_endpoint_failing"`; lines[len(lines)-1] != want {
			t.Errorf("the last line is %s, want %s", lines[len(lines)-1], want)
		}
		time.Sleep(time.Minute)
		if got := l.lines(); len(got) != len(lines) {
			t.Errorf("got %q after the end, want no more lines", got[len(lines):])
		}
	})
}
