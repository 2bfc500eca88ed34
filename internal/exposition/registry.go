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

// Registry holds the rendered lines of every upstream. All methods may be
// called at the same time; a scrape takes no lock but to sort the upstreams anew
// after their set has changed.
type Registry struct {
	Exporter *ExporterMetrics
	runtime  *runtime
	counters  *fleet.Counters

	mu    sync.RWMutex // of the set of upstreams
	byID  map[*fleet.Upstream]*registration
	order atomic.Pointer[[]*registration] // sorted by name; nil when the set has changed
	pool sync.Pool               // of *scrape
}

// NewRegistry makes a registry without upstreams.
func NewRegistry() *Registry {
	r := &Registry{Exporter: newExporterMetrics(), runtime: newRuntime(), counters: fleet.NewCounters(), byID: make(map[*fleet.Upstream]*registration)}
	r.pool.New = func() any { return new(scrape) }
	return r
}

// registration is one upstream's place in the registry.
type registration struct {
	upstream *fleet.Upstream
	suffixes  labelSuffixes // without a replica
	view     atomic.Pointer[fleet.View]
	rendered    atomic.Pointer[rendered] // of this view or one before; nil before the first
}

// labelSuffixes are the labels of an upstream's samples, by scope.
type labelSuffixes [numScopes]labelSuffix

// newLabelSuffixes makes the labels of an upstream whose replica, if it has several,
// is in use. Without a name there is no label upstream.
func newLabelSuffixes(name string, custom []fleet.Label, replica string) (e labelSuffixes) {
	var common []string
	for _, l := range custom {
		common = append(common, label(l.Name, l.Value))
	}
	withReplica := common
	if replica != "" {
		withReplica = append(slices.Clone(common), label("replica", replica))
	}
	if name != "" {
		upstream := label("upstream", name)
		common, withReplica = append(slices.Clip(common), upstream), append(slices.Clip(withReplica), upstream)
	}
	e[perUpstream], e[perReplica] = newLabelSuffix(common), newLabelSuffix(withReplica)
	return e
}

// rendered is an upstream's rendered lines. It does not change as long as anybody
// can see it.
type rendered struct {
	view       *fleet.View
	buf        []byte
	floatOffsets       []uint32            // see lines
	histograms []renderedHistogram // see lines
	ends       [maxFamilies]uint32 // where the lines of each family end in buf
	expires    time.Time           // when a value in it becomes too old, zero for never

	// What the fleet adds up.
	state  fleet.State
	values fleet.Values
}

// maxFamilies bounds the table of families; a test holds it.
const maxFamilies = 64

// Publish makes a view the one that scrapes see, and renders it, unless a
// collection is running and there is more to come: then a scrape that comes
// first does. The first view of an upstream adds it.
func (r *Registry) Publish(v *fleet.View) {
	now := time.Now()
	r.counters.Observe(v, now)
	r.Exporter.noteAPI(v)
	r.mu.RLock()
	s := r.byID[v.Upstream]
	r.mu.RUnlock()
	if s == nil {
		s = &registration{upstream: v.Upstream, suffixes: newLabelSuffixes(v.Upstream.Name, v.Upstream.Labels, "")}
		s.view.Store(v)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.byID[v.Upstream] = s
		r.order.Store(nil)
		return
	}
	s.view.Store(v)
	if !v.Collecting {
		s.current(now)
	}
}

// Remove takes the series of an upstream out of the next scrape.
func (r *Registry) Remove(u *fleet.Upstream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byID, u)
	r.counters.Retire(u)
	r.order.Store(nil)
}

// registrations are those of all upstreams, sorted by name.
func (r *Registry) registrations() []*registration {
	if order := r.order.Load(); order != nil {
		return *order
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	order := slices.Collect(maps.Values(r.byID))
	slices.SortFunc(order, func(a, b *registration) int { return cmp.Compare(a.upstream.DisplayName(), b.upstream.DisplayName()) })
	r.order.Store(&order)
	return order
}

// Views are the current views of all upstreams, sorted by name.
func (r *Registry) Views() []*fleet.View {
	order := r.registrations()
	views := make([]*fleet.View, len(order))
	for i, s := range order {
		views[i] = s.view.Load()
	}
	return views
}

// current returns the block of a slot: rendered again if there is a newer view, or
// if a value in it has expired.
func (s *registration) current(now time.Time) *rendered {
	old, v := s.rendered.Load(), s.view.Load()
	if old != nil && old.view == v && (old.expires.IsZero() || now.Before(old.expires)) {
		return old
	}
	b := new(rendered)
	if old != nil {
		b.buf = make([]byte, 0, len(old.buf)+64)
	}
	e := s.suffixes
	if v.Replica != "" {
		e = newLabelSuffixes(v.Upstream.Name, v.Upstream.Labels, v.Replica)
	}
	b.render(&renderContext{view: v, now: now}, e, func(f *family) bool { return f.upstream != nil })
	s.rendered.CompareAndSwap(old, b)
	return b
}

// render fills the block with those families of a subject that are wanted.
func (b *rendered) render(s *renderContext, e labelSuffixes, wanted func(*family) bool) {
	w := lines{buf: b.buf}
	b.values = s.view.Values(s.now)
	s.values = &b.values
	b.view, b.expires, b.state = s.view, s.view.Expires(s.now), s.view.State(s.now)
	for i := range families {
		if f := &families[i]; wanted(f) {
			w.name, w.family, w.labelSuffix = f.name, i, e[f.scope]
			f.upstream(&w, s)
		}
		b.ends[i] = uint32(len(w.buf))
	}
	b.buf, b.floatOffsets, b.histograms = w.buf, w.floatOffsets, w.histograms
}
