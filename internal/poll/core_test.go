package poll

import (
	"math/rand/v2"
	"net/url"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
	"github.com/betanet/betanet_exporter/internal/simulation"
)

// A process that was suspended in a collection finds its deadline gone. What was
// not asked by then must not be asked with no time left: that would be a timeout
// for which the upstream is not to blame.
func TestNothingIsAskedAfterTheDeadline(t *testing.T) {
	now := time.Now()
	u := &fleet.Upstream{Name: "u", URLs: []*url.URL{{Scheme: "http", Host: "u:9000"}}, API: betanet.V1, Settings: defaults}
	c := newCore(u, "", true, &shared{budget: retry.NewBudget(now), random: rand.N[time.Duration], began: now, overtake: overtake}, now)
	do := c.step(moment{now: now}, nil)
	if len(do.requests) != 1 {
		t.Fatalf("got %d requests, want the first", len(do.requests))
	}
	now = now.Add(10 * time.Minute)
	doc := &betanet.Document{Endpoint: betanet.Metrics}
	do = c.step(moment{now: now}, answered{do.requests[0], reply{doc: doc, at: now}, 10 * time.Minute})
	if len(do.requests) > 0 || !do.ended {
		t.Errorf("got %d requests after the deadline, want none and the end", len(do.requests))
	}
	for _, e := range c.view().Endpoints {
		if failed := e.Failure != nil; failed != (e.Endpoint == betanet.Metrics) {
			t.Errorf("%v: got failure %v, want one only of the endpoint that was asked", e.Endpoint, e.Failure)
		}
	}
}

// The simulation found the same with this suspension alone.
func TestReplayOfASuspensionInACollection(t *testing.T) {
	replayCores(t, 27, 240*time.Hour,
		simulation.Episode{Start: 169906000404232, Length: 2397307853272, Kind: "suspended", Target: 3, Variant: 11120429074584703527}, // 47h11m46s to 47h51m43s
	)
}
