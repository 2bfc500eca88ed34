package fleet

import (
	"container/list"
	"net/url"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// Growth is by how much each counter has grown over all upstreams since the
// start of the process.
type Growth [betanet.NumCounters]uint64

// maxRetiredUpstreams is how many upstreams that left are remembered.
const maxRetiredUpstreams = 10_000

// Counters adds up the increases of the counters of all upstreams: what an
// upstream shows first is its base line and adds nothing, so that no restart, of
// an upstream or of the exporter, ever shows as traffic. An upstream that comes
// back continues from its last values. All methods may be called at the same time.
type Counters struct {
	mu      sync.Mutex
	growth  Growth
	last    map[string]*lastValues // by name of the upstream
	retired *list.List             // of names, the first to leave first
}

// lastValues are the last values of one upstream. With a new URL or another API it
// is another upstream, whatever its name.
type lastValues struct {
	base   *url.URL // of the last view, which nobody changes
	url    string
	api    betanet.API
	values betanet.Values
	left   *list.Element // in retired, nil while the upstream is there
}

// NewCounters makes Counters that has seen nothing.
func NewCounters() *Counters {
	return &Counters{last: make(map[string]*lastValues), retired: list.New()}
}

// Observe adds the values of a view. Values seen already add nothing.
func (t *Counters) Observe(v *View, now time.Time) {
	val := v.Values(now)
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lastOf(v)
	for c := range betanet.NumCounters {
		n := val.Counter(c, v.API)
		if n == nil {
			continue
		}
		if before := l.values.Uint(c); before != nil {
			t.growth[c] = addSaturated(t.growth[c], Increase(*before, *n))
		}
		l.values.Set(c, *n)
	}
}

// lastOf returns the last values of the upstream of a view, which is there now.
func (t *Counters) lastOf(v *View) *lastValues {
	name := v.Upstream.DisplayName()
	l := t.last[name]
	if l == nil {
		l = new(lastValues)
		t.last[name] = l
	}
	if l.base != v.URL {
		l.base = v.URL
		if text := v.URL.String(); l.url != text {
			l.url, l.values = text, betanet.Values{}
		}
	}
	if l.api != v.API {
		l.api, l.values = v.API, betanet.Values{}
	}
	if l.left != nil {
		t.retired.Remove(l.left)
		l.left = nil
	}
	return l
}

// Retire notes that an upstream has left; the oldest of too many are forgotten.
func (t *Counters) Retire(u *Upstream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := u.DisplayName()
	if l := t.last[name]; l != nil && l.left == nil {
		l.left = t.retired.PushBack(name)
	}
	if t.retired.Len() > maxRetiredUpstreams {
		delete(t.last, t.retired.Remove(t.retired.Front()).(string))
	}
}

// Growth returns by how much each counter has grown so far.
func (t *Counters) Growth() Growth {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.growth
}
