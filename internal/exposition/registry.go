package exposition

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// A Registry holds the rendered lines of every upstream. All methods are safe for
// concurrent use. A scrape holds no lock while it renders upstreams or waits for its
// client.
type Registry struct {
	Exporter *ExporterMetrics
	runtime  *runtime
	counters *fleet.Counters

	mu         sync.RWMutex // guards byUpstream
	byUpstream map[*fleet.Upstream]*registration
	order      atomic.Pointer[[]*registration] // sorted by name; nil after an upstream was added or removed
	pool       sync.Pool                       // of *scrape
}

// NewRegistry returns a registry without upstreams.
func NewRegistry() *Registry {
	r := &Registry{Exporter: newExporterMetrics(), runtime: newRuntime(), counters: fleet.NewCounters(), byUpstream: make(map[*fleet.Upstream]*registration)}
	r.pool.New = func() any { return new(scrape) }
	return r
}

// registration is an upstream in the registry.
type registration struct {
	upstream *fleet.Upstream
	suffixes labelSuffixes // for views without a replica
	view     atomic.Pointer[fleet.View]
	rendered atomic.Pointer[rendered] // of this view or an earlier one; nil before the first
}

// rendered holds the lines of an upstream. It is immutable once published.
type rendered struct {
	view         *fleet.View
	buf          []byte
	floatOffsets []uint32            // see lines
	histograms   []renderedHistogram // see lines
	ends         [maxFamilies]uint32 // where the lines of each family end in buf
	expires      time.Time           // when a value becomes too old to be shown, zero if none does

	// Inputs of the fleet totals.
	state  fleet.State
	values fleet.Values
}

// maxFamilies is the capacity for families; a test checks that all fit.
const maxFamilies = 64

// Publish makes v visible to scrapes, and adds its upstream if it is new. It renders v,
// except as the first view of an upstream or while a collection is running: then another
// view follows soon, and v is rendered only if a scrape comes first.
func (r *Registry) Publish(v *fleet.View) {
	now := time.Now()
	r.counters.Observe(v, now)
	r.Exporter.markAPI(v)
	r.mu.RLock()
	reg := r.byUpstream[v.Upstream]
	r.mu.RUnlock()
	if reg == nil {
		reg = &registration{upstream: v.Upstream, suffixes: newLabelSuffixes(v.Upstream.Name, v.Upstream.Labels, "")}
		reg.view.Store(v)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.byUpstream[v.Upstream] = reg
		r.order.Store(nil)
		return
	}
	reg.view.Store(v)
	if !v.Collecting {
		reg.current(now)
	}
}

// Remove removes the series of an upstream.
func (r *Registry) Remove(u *fleet.Upstream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byUpstream, u)
	r.counters.Retire(u)
	r.order.Store(nil)
}

// registrations returns all upstreams, sorted by name.
func (r *Registry) registrations() []*registration {
	if order := r.order.Load(); order != nil {
		return *order
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	order := slices.SortedFunc(maps.Values(r.byUpstream), func(a, b *registration) int { return cmp.Compare(a.upstream.DisplayName(), b.upstream.DisplayName()) })
	r.order.Store(&order)
	return order
}

// Views returns the current views of all upstreams, sorted by name.
func (r *Registry) Views() []*fleet.View {
	order := r.registrations()
	views := make([]*fleet.View, len(order))
	for i, reg := range order {
		views[i] = reg.view.Load()
	}
	return views
}

// current returns the rendered lines of the current view. It renders them again if the
// view has changed or a value has expired.
func (reg *registration) current(now time.Time) *rendered {
	old, v := reg.rendered.Load(), reg.view.Load()
	if old != nil && old.view == v && (old.expires.IsZero() || now.Before(old.expires)) {
		return old
	}
	r := new(rendered)
	if old != nil {
		r.buf = make([]byte, 0, len(old.buf)+64)
	}
	suffixes := reg.suffixes
	if v.Replica != "" {
		suffixes = newLabelSuffixes(v.Upstream.Name, v.Upstream.Labels, v.Replica)
	}
	r.render(&renderContext{view: v, now: now}, suffixes, func(f *family) bool { return f.upstream != nil })
	reg.rendered.CompareAndSwap(old, r)
	return r
}

// render writes the lines of the wanted families.
func (r *rendered) render(c *renderContext, suffixes labelSuffixes, wanted func(*family) bool) {
	w := lines{buf: r.buf}
	r.values = c.view.Values(c.now)
	c.values = &r.values
	r.view, r.expires, r.state = c.view, c.view.Expires(c.now), c.view.State(c.now)
	for i := range families {
		if f := &families[i]; wanted(f) {
			w.name, w.family, w.labelSuffix = f.name, i, suffixes[f.scope]
			f.upstream(&w, c)
		}
		r.ends[i] = uint32(len(w.buf))
	}
	r.buf, r.floatOffsets, r.histograms = w.buf, w.floatOffsets, w.histograms
}

// span returns where the lines of a family start and end in buf.
func (r *rendered) span(family int) (start, end uint32) {
	if family > 0 {
		start = r.ends[family-1]
	}
	return start, r.ends[family]
}
