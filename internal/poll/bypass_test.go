package poll

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// While a breaker is open, no request is made, not even to detect the API.
func TestOpenMixnodesBreakerIsNotBypassedByV1404s(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.behave(mixnodes)
		f.until(time.Second)
		f.behave(http.NotFound)
		f.until(12 * time.Minute)
		var open [2]time.Duration // start and end of the first pause
		for _, e := range f.events {
			if tr, ok := e.event.(Transition); ok && tr.Endpoint == betanet.Mixnodes && tr.Until.After(f.start) && open[0] == 0 {
				open = [2]time.Duration{e.at, tr.Until.Sub(f.start)}
			}
		}
		if open[0] == 0 {
			t.Fatal("the breaker of /mixnodes never opened")
		}
		for _, at := range f.requested(betanet.Mixnodes.Path(), open[0]+1) {
			if at < open[1] {
				t.Errorf("got a request for /mixnodes at %v, want none while its breaker is open from %v to %v", at, open[0], open[1])
			}
		}
	})
}

func TestMixnodesRetryAfterIsNotBypassedByV1404s(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.behave(http.NotFound)
		f.until(40 * time.Second)
		f.behave(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == betanet.Mixnodes.Path() {
				w.Header().Set("Retry-After", "200")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			http.NotFound(w, r)
		})
		f.until(100 * time.Second)
		got := f.requested(betanet.Mixnodes.Path(), 40*time.Second)
		if len(got) != 1 {
			t.Errorf("got requests for /mixnodes at %v, want only the one that received a Retry-After of 200 s", got)
		}
	})
}

// A breaker that was replaced when the API changed is not probed, and its state is not exposed.
func TestBreakerReplacedByAPIChangeReportsNothing(t *testing.T) {
	s := scenario{Settings: defaults, API: betanet.Auto, Changes: []time.Duration{1700 * time.Microsecond}, Checks: []time.Duration{16*time.Second + 24500*time.Microsecond}}
	s.Settings.Timeout, s.Settings.BreakerFailures, s.Settings.BreakerOpen = 13993*time.Millisecond, 1, 4*time.Second
	for _, e := range []betanet.Endpoint{betanet.Nodes, betanet.Network, betanet.Mixnodes} {
		s.Responses[e] = []response{{Kind: "204"}}
	}
	runScenario(t, s, func(h *harness, _ time.Duration) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, l := range h.lines {
			if strings.Contains(l.text, "enters open until 0s") {
				t.Errorf("at %v: got %q, want a report with the end of the pause, or no report", l.at, l.text)
			}
		}
	})
}
