package fleet

import (
	"container/list"
	"net/url"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// Growth is the increase of each counter over all upstreams since the start of the
// process.
type Growth [betanet.NumCounters]uint64

// maxRetiredUpstreams limits how many removed upstreams are remembered.
const maxRetiredUpstreams = 10_000

// Counters sums the increases of the counters of all upstreams. The first values of
// an upstream are its baseline and add nothing, so that a restart of an upstream or of
// the exporter never shows as traffic. An upstream that comes back continues from its
// last values. All methods are safe for concurrent use.
type Counters struct {
	mu      sync.Mutex
	growth  Growth
	last    map[string]*lastValues // by the upstream's display name
	retired *list.List             // names of removed upstreams, oldest first
}

// lastValues are the last values of one upstream. The same name with another URL or API
// is another upstream.
type lastValues struct {
	base    *url.URL // URL of the last view with values; an equal pointer saves comparing url
	url     string   // the same URL as text
	api     betanet.API
	values  betanet.Values
	retired *list.Element // in Counters.retired, nil unless the upstream was removed
}

// NewCounters returns counters with no upstreams.
func NewCounters() *Counters {
	return &Counters{last: make(map[string]*lastValues), retired: list.New()}
}

// Observe adds the increases of a view's counters over the last values of its upstream.
// Observing the view again adds nothing. Values that are too old to be shown at the given
// time are ignored.
func (c *Counters) Observe(v *View, now time.Time) {
	val := v.Values(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lastOf(v.Upstream)
	for f := range betanet.NumCounters {
		n := val.Counter(f, v.API)
		if n == nil {
			continue
		}
		l.matchTo(v)
		if before := l.values.Uint(f); before != nil {
			c.growth[f] = addSaturated(c.growth[f], Increase(*before, *n))
		}
		l.values.Set(f, *n)
	}
}

// lastOf returns the last values of an upstream, and marks the upstream as not retired.
// The caller holds c.mu.
func (c *Counters) lastOf(u *Upstream) *lastValues {
	name := u.DisplayName()
	l := c.last[name]
	if l == nil {
		l = new(lastValues)
		c.last[name] = l
	}
	if l.retired != nil {
		c.retired.Remove(l.retired)
		l.retired = nil
	}
	return l
}

// matchTo forgets the values if the view has another URL or API. The view must have
// values: before its first response, an upstream that came back has the URL and API to
// try first, not the ones it had.
func (l *lastValues) matchTo(v *View) {
	if l.base != v.URL {
		l.base = v.URL
		if text := v.URL.String(); l.url != text {
			l.url, l.values = text, betanet.Values{}
		}
	}
	if l.api != v.API {
		l.api, l.values = v.API, betanet.Values{}
	}
}

// Retire records that an upstream was removed. If more than maxRetiredUpstreams are
// retired, it forgets the one removed first.
func (c *Counters) Retire(u *Upstream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := u.DisplayName()
	if l := c.last[name]; l != nil && l.retired == nil {
		l.retired = c.retired.PushBack(name)
	}
	if c.retired.Len() > maxRetiredUpstreams {
		delete(c.last, c.retired.Remove(c.retired.Front()).(string))
	}
}

// Growth returns the increases so far.
func (c *Counters) Growth() Growth {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.growth
}
