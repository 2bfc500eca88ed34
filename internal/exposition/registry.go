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

	mu    sync.Mutex // of changes to the set of upstreams
	byID  map[*fleet.Upstream]*slot
	order atomic.Pointer[[]*slot] // sorted by name
	spare sync.Pool               // of *scrape
}

// NewRegistry makes a registry without upstreams.
func NewRegistry() *Registry {
	r := &Registry{Self: newSelf(), runtime: newRuntime(), byID: make(map[*fleet.Upstream]*slot)}
	r.order.Store(new([]*slot))
	r.spare.New = func() any { return new(scrape) }
	return r
}

// slot is one upstream's place in the registry.
type slot struct {
	upstream      *fleet.Upstream
	alone, behind string // its labels, see lines
	block         atomic.Pointer[block]
}

func newSlot(u *fleet.Upstream) *slot {
	s := &slot{upstream: u}
	if u.Name != "" {
		l := label("upstream", u.Name)
		s.alone, s.behind = "{"+l+"}", ","+l
	}
	return s
}

// block is an upstream's rendered lines; it never changes.
type block struct {
	view    *fleet.View
	buf     []byte
	dots    []uint32            // see lines
	ends    [maxFamilies]uint32 // where the lines of each family end in buf
	expires time.Time           // when a value in it becomes too old, zero for never
}

// maxFamilies bounds the table of families; a test holds it.
const maxFamilies = 48

// Publish renders a view and makes it the one that scrapes see. The first view
// of an upstream adds it.
func (r *Registry) Publish(v *fleet.View) {
	r.mu.Lock()
	s := r.byID[v.Upstream]
	r.mu.Unlock()
	if s != nil {
		s.block.Store(s.render(v, time.Now()))
		return
	}
	s = newSlot(v.Upstream)
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
	r.reorder()
}

func (r *Registry) reorder() {
	order := make([]*slot, 0, len(r.byID))
	for _, s := range r.byID {
		order = append(order, s)
	}
	slices.SortFunc(order, func(a, b *slot) int { return cmp.Compare(a.upstream.Title(), b.upstream.Title()) })
	r.order.Store(&order)
	r.Self.upstreams.Store(int64(len(order)))
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
	old := s.block.Load()
	w := lines{alone: s.alone, behind: s.behind}
	if old != nil {
		w.buf = make([]byte, 0, len(old.buf)+64)
	}
	b := &block{view: v, expires: v.Expires(now)}
	sub := subject{view: v, values: v.Values(now), now: now}
	for i := range families {
		if f := &families[i]; f.upstream != nil {
			w.name = f.name
			f.upstream(&w, &sub)
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
