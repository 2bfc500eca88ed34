package exposition

import "github.com/betanet/betanet_exporter/internal/fleet"

// together is what all upstreams are at the moment of a scrape.
type together struct {
	states        map[fleet.State]uint64
	peers, active *uint64 // nil where none is known
	growth        fleet.Growth
}

func addUp(blocks []*block, traffic *fleet.Traffic) together {
	t := together{states: make(map[fleet.State]uint64), growth: traffic.Growth()}
	for _, b := range blocks {
		t.states[b.state]++
		add(&t.peers, b.peers)
		add(&t.active, b.active)
	}
	return t
}

func add(sum **uint64, n *uint64) {
	switch {
	case n == nil:
	case *sum == nil:
		first := *n
		*sum = &first
	default:
		**sum += *n
	}
}

func (t *together) writeStates(w *lines) {
	for _, s := range []fleet.State{fleet.Down, fleet.Pending, fleet.Stale, fleet.Up} {
		w.uint(label("state", string(s)), t.states[s])
	}
}

func (t *together) writePeers(w *lines)  { t.write(w, t.peers) }
func (t *together) writeActive(w *lines) { t.write(w, t.active) }

func (t *together) write(w *lines, n *uint64) {
	if n != nil {
		w.uint("", *n)
	}
}

// growth writes one counter of the fleet.
func growth(c fleet.Counter) func(*together, *lines) {
	return func(t *together, w *lines) { w.uint("", t.growth[c]) }
}
