package fleet

import (
	"container/list"
	"net/url"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// Counter is one of the running totals that upstreams have in common.
type Counter uint8

// The counters of the fleet.
const (
	Messages Counter = iota
	Dropped
	Forwarded // of a v1 upstream its packets_processed, so that loss has one formula
	BytesTransmitted
	BytesReceived
	numCounters
)

// Growth is by how much each counter has grown over all upstreams since the
// start of the process.
type Growth [numCounters]uint64

// maxDepartedUpstreams is how many upstreams that left are remembered.
const maxDepartedUpstreams = 10_000

// Traffic adds up the increases of the counters of all upstreams: what an
// upstream shows first is its base line and adds nothing, so that no restart, of
// an upstream or of the exporter, ever shows as traffic. An upstream that comes
// back goes on from its last values. All methods may be called at the same time.
type Traffic struct {
	mu       sync.Mutex
	growth   Growth
	last     map[string]*lastValues // by name of the upstream
	departed *list.List             // of names, the first to leave first
}

// lastValues are the last values of one upstream. With a
// new URL or another API it is another upstream, whatever its name.
type lastValues struct {
	base   *url.URL // of the last view, which nobody changes
	url    string
	api    betanet.API
	values [numCounters]lastValue
	left   *list.Element // in departed, nil while the upstream is there
}

// lastValue is a value, if there was one.
type lastValue struct {
	n     uint64
	known bool
}

// NewTraffic makes a Traffic that has seen nothing.
func NewTraffic() *Traffic {
	return &Traffic{last: make(map[string]*lastValues), departed: list.New()}
}

// Observe takes in the values of a view. Values seen already add nothing.
func (t *Traffic) Observe(v *View, now time.Time) {
	val := v.Values(now)
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lastOf(v)
	forwarded := val.Forwarded
	if v.API == betanet.V1 {
		forwarded = val.Messages
	}
	for c, n := range [numCounters]*uint64{val.Messages, val.Dropped, forwarded, val.BytesTransmitted, val.BytesRecvd} {
		if n == nil {
			continue
		}
		if before := l.values[c]; before.known {
			t.growth[c] = addSaturated(t.growth[c], Increase(before.n, *n))
		}
		l.values[c] = lastValue{*n, true}
	}
}

// lastOf is what is remembered of the upstream of a view, which is there now.
func (t *Traffic) lastOf(v *View) *lastValues {
	name := v.Upstream.Title()
	l := t.last[name]
	if l == nil {
		l = new(lastValues)
		t.last[name] = l
	}
	if l.base != v.URL {
		l.base = v.URL
		if text := v.URL.String(); l.url != text {
			l.url, l.values = text, [numCounters]lastValue{}
		}
	}
	if l.api != v.API {
		l.api, l.values = v.API, [numCounters]lastValue{}
	}
	if l.left != nil {
		t.departed.Remove(l.left)
		l.left = nil
	}
	return l
}

// Depart notes that an upstream has left; the oldest of too many are forgotten.
func (t *Traffic) Depart(u *Upstream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := u.Title()
	if l := t.last[name]; l != nil && l.left == nil {
		l.left = t.departed.PushBack(name)
	}
	if t.departed.Len() > maxDepartedUpstreams {
		delete(t.last, t.departed.Remove(t.departed.Front()).(string))
	}
}

// Growth is by how much each counter has grown so far.
func (t *Traffic) Growth() Growth {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.growth
}
