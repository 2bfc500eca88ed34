package history

import (
	"slices"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// KeptProbes is how many probed targets are kept; those go that were not probed for
// longest.
const KeptProbes = 200

// Probe is a target as it was when it was last probed.
type Probe struct {
	Target  string      `json:"target"`
	Time    time.Time   `json:"time"`
	State   fleet.State `json:"state"`
	Reason  string      `json:"reason,omitempty"` // of the failure, of the closed set; "" where nothing failed
	Text    string      `json:"text,omitempty"`   // the same in words
	Answers bool        `json:"-"`                // an endpoint of it does
}

// Probes keeps the targets that were probed last. The zero value is ready for use,
// and all methods may be called at the same time.
type Probes struct {
	mu  sync.Mutex
	all []Probe // the newest last
}

// Add records a probe, in place of an earlier one of the same target.
func (p *Probes) Add(one Probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(p.all, func(o Probe) bool { return o.Target == one.Target })
	p.all = append(p.all, one)
	if len(p.all) > KeptProbes {
		p.all = slices.Delete(p.all, 0, len(p.all)-KeptProbes)
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
