package exposition

import (
	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// fleetTotals are what all upstreams add up to at the moment of a scrape.
type fleetTotals struct {
	states map[fleet.State]uint64
	sums   betanet.Values // of fleetGauges
	growth fleet.Growth
}

func newFleetTotals(blocks []*rendered, traffic *fleet.Counters) fleetTotals {
	t := fleetTotals{states: make(map[fleet.State]uint64), growth: traffic.Growth()}
	for _, b := range blocks {
		t.states[b.state]++
		for i := range fleetGauges {
			f := fleetGauges[i].field
			if n := b.values.Uint(f); n != nil {
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
