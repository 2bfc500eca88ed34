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

// If the process is suspended during a collection, the deadline passes. The remaining
// endpoints must not be requested, because the upstream would be blamed for the timeout.
func TestNothingIsRequestedAfterTheDeadline(t *testing.T) {
	now := time.Now()
	u := &fleet.Upstream{Name: "u", URLs: []*url.URL{{Scheme: "http", Host: "u:9000"}}, API: betanet.V1, Settings: defaults}
	c := newCore(u, "", true, &shared{budget: retry.NewBudget(now), random: rand.N[time.Duration], began: now, parallelAfter: parallelAfter}, now)
	do := c.step(moment{now: now}, nil)
	if len(do.requests) != 1 {
		t.Fatalf("got %d requests, want 1", len(do.requests))
	}
	now = now.Add(10 * time.Minute)
	doc := &betanet.Document{Endpoint: betanet.Metrics}
	do = c.step(moment{now: now}, completed{do.requests[0], result{doc: doc, at: now}, 10 * time.Minute})
	if len(do.requests) > 0 || !do.ended {
		t.Errorf("got %d requests after the deadline, ended %v, want none and true", len(do.requests), do.ended)
	}
	for _, e := range c.view().Endpoints {
		if failed := e.Failure != nil; failed != (e.Endpoint == betanet.Metrics) {
			t.Errorf("%v: got failure %v, want one only for the endpoint that was requested", e.Endpoint, e.Failure)
		}
	}
}

// The simulation found the bug that TestNothingIsRequestedAfterTheDeadline describes. This
// suspension is enough to reproduce it.
func TestReplayOfASuspensionInACollection(t *testing.T) {
	replayCores(t, 27, 240*time.Hour,
		simulation.Episode{Start: 169906000404232, Length: 2397307853272, Kind: "suspended", Target: 3, Variant: 11120429074584703527}, // 47h11m46s to 47h51m43s
	)
}

// A replica that was not in use had changed from mixnodes to v1. Every failover requested
// /mixnodes from it and never v1.
func TestReplayOfAFailoverToAReplicaThatChangedItsAPI(t *testing.T) {
	replayCores(t, 6, 10*24*time.Hour,
		simulation.Episode{Start: 242764359111529, Length: 484093361244, Kind: "403", Target: 7, Variant: 5880262145700259038},         // 67h26m4s to 67h34m8s
		simulation.Episode{Start: 325630930624428, Length: 50119525426, Kind: "local", Target: 7, Variant: 16111694151289755874},       // 90h27m11s to 90h28m1s
		simulation.Episode{Start: 416332743212188, Length: 3740497840, Kind: "other API", Target: 7, Variant: 9284673695193599021},     // 115h38m53s to 115h38m56s
		simulation.Episode{Start: 466491691493361, Length: 1374423347469, Kind: "other API", Target: 7, Variant: 13274344849667775588}, // 129h34m52s to 129h57m46s
		simulation.Episode{Start: 527143447483431, Length: 11914506604928, Kind: "local", Target: 7, Variant: 7018857949919253820},     // 146h25m43s to 149h44m18s
	)
}
