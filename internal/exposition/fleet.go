package exposition

import (
	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// fleetTotals aggregates all upstreams at the moment of a scrape.
type fleetTotals struct {
	states map[fleet.State]uint64
	sums   betanet.Values // of fleetGauges
	growth fleet.Growth
}

func newFleetTotals(all []*rendered, counters *fleet.Counters) fleetTotals {
	t := fleetTotals{states: make(map[fleet.State]uint64), growth: counters.Growth()}
	for _, r := range all {
		t.states[r.state]++
		for i := range fleetGauges {
			f := fleetGauges[i].field
			if n := r.values.Uint(f); n != nil {
				t.sums.Set(f, t.sums.Get(f)+*n)
			}
		}
	}
	return t
}

func (t *fleetTotals) writeStates(w *lines) {
	for _, s := range []fleet.State{fleet.Down, fleet.Pending, fleet.Stale, fleet.Up} {
		w.uint(label("state", string(s)), t.states[s])
	}
}
