package probe

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

func attempt(u *fleet.Upstream, number int) poll.Attempt {
	return poll.Attempt{Origin: poll.Origin{Upstream: u, Endpoint: betanet.Nodes}, Number: number, Duration: time.Second}
}

func TestALogRecordsTheAttemptsOfItsTargetWhileOpen(t *testing.T) {
	var l Logs
	a, b := &fleet.Upstream{Name: "a"}, &fleet.Upstream{Name: "b"}
	l.Report(attempt(a, 1))
	log, ok := l.open("a")
	if !ok {
		t.Fatal("got no log, want one")
	}
	l.Report(attempt(a, 2))
	l.Report(attempt(b, 3))
	l.Report(poll.Skipped{Upstream: a})
	l.Report(attempt(a, 4))
	got := l.close(log)
	l.Report(attempt(a, 5))
	if len(got) != 2 || got[0].Number != 2 || got[1].Number != 4 {
		t.Errorf("got %+v, want attempts 2 and 4", got)
	}
	if got := len(l.logs); got != 0 {
		t.Errorf("got %d open logs after close, want none", got)
	}
}

func TestLogsAreLimited(t *testing.T) {
	var l Logs
	u := &fleet.Upstream{Name: "a"}
	var logs []*attemptLog
	for range maxLogs {
		log, ok := l.open("a")
		if !ok {
			t.Fatalf("got %d logs, want %d", len(logs), maxLogs)
		}
		logs = append(logs, log)
	}
	if _, ok := l.open("a"); ok {
		t.Error("got a log beyond the limit")
	}
	for i := range maxLogged + 10 {
		l.Report(attempt(u, i))
	}
	if got := len(l.close(logs[0])); got != maxLogged {
		t.Errorf("got %d attempts, want %d", got, maxLogged)
	}
	if _, ok := l.open("a"); !ok {
		t.Error("got no log after one was closed")
	}
}

func TestDebugObeysTheRules(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, f *fixture) {
		for name, want := range map[string]error{"no port": ErrMalformed, "10.0.0.1:9000": ErrForbidden} {
			if _, _, _, err := f.targets.Debug(t.Context(), name, time.Second); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", name, err, want)
			}
		}
	})
}

func TestDebugReturnsEveryAttemptWithItsWait(t *testing.T) {
	inBubble(t, []Rule{{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Port: 9000}}, func(t *testing.T, f *fixture) {
		v, late, log, err := f.targets.Debug(t.Context(), "10.0.0.1:9000", 0)
		if err != nil || late || v.Up() {
			t.Fatalf("got late %v, %v, up %v, want a complete view of a target that is down", late, err, err == nil && v.Up())
		}
		waits := map[betanet.Endpoint][]time.Duration{}
		for _, a := range log {
			if a.Failure == nil {
				t.Errorf("attempt %d of %s: got no failure, want one", a.Number, a.Endpoint)
			}
			if a.Retry {
				waits[a.Endpoint] = append(waits[a.Endpoint], a.Wait)
			}
		}
		for _, e := range betanet.V1.Endpoints() {
			if got, want := waits[e], []time.Duration{time.Second, 2 * time.Second}; !slices.Equal(got, want) {
				t.Errorf("%s: got waits %v, want %v", e, got, want)
			}
		}
		if len(log) != 9 {
			t.Errorf("got %d attempts, want 3 for each of 3 endpoints", len(log))
		}
	})
}
