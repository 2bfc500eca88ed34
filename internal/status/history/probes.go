package history

import (
	"slices"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// KeptProbes is the maximum number of targets in Probes. The least recently probed one is
// dropped first.
const KeptProbes = 200

// Probe is the result of the last probe of a target.
type Probe struct {
	Target     string      `json:"target"`
	Time       time.Time   `json:"time"`
	State      fleet.State `json:"state"`
	Reason     string      `json:"reason,omitempty"` // a betanet.Reason; "" if nothing failed
	Text       string      `json:"text,omitempty"`   // describes the failure
	Responding bool        `json:"-"`                // an endpoint succeeded
}

// Probes keeps the most recently probed targets. The zero value is ready for use, and
// all methods are safe for concurrent use.
type Probes struct {
	mu  sync.Mutex
	all []Probe // newest last
}

// Add adds a probe. It replaces the previous one of the same target.
func (p *Probes) Add(latest Probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(p.all, func(o Probe) bool { return o.Target == latest.Target })
	p.all = append(p.all, latest)
	if len(p.all) > KeptProbes {
		p.all = slices.Delete(p.all, 0, 1)
	}
}

// Last returns the last probes, newest first.
func (p *Probes) Last() []Probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := slices.Clone(p.all)
	slices.Reverse(last)
	return last
}
