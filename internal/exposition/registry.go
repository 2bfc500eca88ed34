package exposition

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Registry holds the rendered lines of every upstream. All methods may be
// called at the same time; a scrape takes no lock.
type Registry struct {
	Self    *Self
	runtime *runtime
	traffic *fleet.Traffic

	mu    sync.Mutex // of changes to the set of upstreams
	byID  map[*fleet.Upstream]*slot
	order atomic.Pointer[[]*slot] // sorted by name
	spare sync.Pool               // of *scrape
}

// NewRegistry makes a registry without upstreams.
func NewRegistry() *Registry {
	r := &Registry{Self: newSelf(), runtime: newRuntime(), traffic: fleet.NewTraffic(), byID: make(map[*fleet.Upstream]*slot)}
	r.order.Store(new([]*slot))
	r.spare.New = func() any { return new(scrape) }
	return r
}

// slot is one upstream's place in the registry.
type slot struct {
	upstream *fleet.Upstream
	endings  endings // without a replica
	block    atomic.Pointer[block]
}

// endings are the labels of an upstream's samples, by scope.
type endings [numScopes]ending

// newEndings makes the labels of an upstream whose replica, if it has several,
// is in use. Without a name there is no label upstream.
func newEndings(name string, custom []fleet.Label, replica string) (e endings) {
	var data, up, endpoint, self []string
	for _, l := range custom {
		data, up = append(data, label(l.Name, l.Value)), append(up, label(l.Name, l.Value))
	}
	if replica != "" {
		data, endpoint = append(data, label("replica", replica)), append(endpoint, label("replica", replica))
	}
	for _, s := range []*[]string{&data, &up, &endpoint, &self} {
		if name != "" {
			*s = append(*s, label("upstream", name))
		}
	}
	e[scopeData], e[scopeUp], e[scopeEndpoint], e[scopeUpstream] = endingOf(data), endingOf(up), endingOf(endpoint), endingOf(self)
	return e
}

// block is an upstream's rendered lines; it never changes.
type block struct {
	view    *fleet.View
	buf     []byte
	dots    []uint32            // see lines
	ends    [maxFamilies]uint32 // where the lines of each family end in buf
	expires time.Time           // when a value in it becomes too old, zero for never

	// What the fleet adds up.
	state         fleet.State
	peers, active *uint64
}

// maxFamilies bounds the table of families; a test holds it.
const maxFamilies = 64

// Publish renders a view and makes it the one that scrapes see. The first view
// of an upstream adds it.
func (r *Registry) Publish(v *fleet.View) {
	r.traffic.Observe(v, time.Now())
	r.mu.Lock()
	s := r.byID[v.Upstream]
	r.mu.Unlock()
	if s != nil {
		s.block.Store(s.render(v, time.Now()))
		return
	}
	s = &slot{upstream: v.Upstream, endings: newEndings(v.Upstream.Name, v.Upstream.Labels, "")}
	s.block.Store(s.render(v, time.Now()))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byID[v.Upstream] = s
	r.reorder()
}

// Remove takes the series of an upstream out of the next scrape.
func (r *Registry) Remove(u *fleet.Upstream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byID, u)
	r.traffic.Depart(u)
	r.reorder()
}

func (r *Registry) reorder() {
	order := make([]*slot, 0, len(r.byID))
	for _, s := range r.byID {
		order = append(order, s)
	}
	slices.SortFunc(order, func(a, b *slot) int { return cmp.Compare(a.upstream.Title(), b.upstream.Title()) })
	r.order.Store(&order)
}

// Views are the current views of all upstreams, sorted by name.
func (r *Registry) Views() []*fleet.View {
	order := *r.order.Load()
	views := make([]*fleet.View, len(order))
	for i, s := range order {
		views[i] = s.block.Load().view
	}
	return views
}

// render makes the lines of a view as they are at this moment.
func (s *slot) render(v *fleet.View, now time.Time) *block {
	e := s.endings
	if v.Replica != "" {
		e = newEndings(v.Upstream.Name, v.Upstream.Labels, v.Replica)
	}
	size := 0
	if old := s.block.Load(); old != nil {
		size = len(old.buf) + 64
	}
	return newBlock(&subject{view: v, now: now}, e, size, func(f *family) bool { return f.upstream != nil })
}

// newBlock renders those families of a subject that are wanted, into a buffer of
// the expected size.
func newBlock(s *subject, e endings, size int, wanted func(*family) bool) *block {
	w := lines{buf: make([]byte, 0, size)}
	s.values = s.view.Values(s.now)
	b := &block{view: s.view, expires: s.view.Expires(s.now), state: s.view.State(s.now), peers: s.values.Peers, active: s.values.Active}
	for i := range families {
		if f := &families[i]; wanted(f) {
			w.name, w.ending = f.name, e[f.scope]
			f.upstream(&w, s)
		}
		b.ends[i] = uint32(len(w.buf))
	}
	b.buf, b.dots = w.buf, w.dots
	return b
}

// current is the block of a slot, rendered anew if a value in it has expired.
func (s *slot) current(now time.Time) *block {
	b := s.block.Load()
	if b.expires.IsZero() || now.Before(b.expires) {
		return b
	}
	fresh := s.render(b.view, now)
	s.block.CompareAndSwap(b, fresh) // unless a new view has come meanwhile
	return fresh
}
