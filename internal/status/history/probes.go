package history

import (
	"slices"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// KeptProbes is the number of probed targets that are kept. The least recently probed
// one is dropped first.
const KeptProbes = 200

// Probe is the result of the last probe of a target.
type Probe struct {
	Target     string      `json:"target"`
	Time       time.Time   `json:"time"`
	State      fleet.State `json:"state"`
	Reason     string      `json:"reason,omitempty"` // of the failure, as betanet.Reason; "" without one
	Text       string      `json:"text,omitempty"`   // the same in words
	Responding bool        `json:"-"`                // an endpoint succeeded
}

// Probes keeps the targets that were probed last. The zero value is ready for use, and
// all methods are safe for concurrent use.
type Probes struct {
	mu  sync.Mutex
	all []Probe // the newest last
}

// Add adds a probe in place of an earlier one of the same target.
func (p *Probes) Add(one Probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(p.all, func(o Probe) bool { return o.Target == one.Target })
	p.all = append(p.all, one)
	if len(p.all) > KeptProbes {
		p.all = slices.Delete(p.all, 0, 1)
	}
}

// Last returns the targets, the newest first.
func (p *Probes) Last() []Probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := slices.Clone(p.all)
	slices.Reverse(last)
	return last
}
