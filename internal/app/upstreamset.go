package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

// upstreamSet is which upstreams there are: those of the configuration and those
// that each source of discovery found last. It adds to the poller what is new,
// removes what has left, and leaves alone what did not change.
type upstreamSet struct {
	poller    *poll.Poller
	registry  *exposition.Registry
	log       *slog.Logger
	scheduled bool // collect on a timer, not only on demand

	mu      sync.Mutex
	static  []*fleet.Upstream
	set     fleet.Settings // of discovered upstreams
	api     betanet.API
	sources map[string]*sourceState
	current map[string]*fleet.Upstream // by title
	// What was last logged.
	connections poll.Connections
	leftOut     map[string]string // why, by title
}

func newUpstreamSet(p *poll.Poller, r *exposition.Registry, log *slog.Logger, grid bool) *upstreamSet {
	return &upstreamSet{
		poller: p, registry: r, log: log, scheduled: grid,
		sources: make(map[string]*sourceState), current: make(map[string]*fleet.Upstream),
		leftOut: make(map[string]string),
	}
}

// configure replaces the upstreams of the configuration, the settings of discovered
// upstreams, and the HTTP settings of each source. It forgets what a source found
// that is no longer configured. Collections end with ctx.
func (r *upstreamSet) configure(ctx context.Context, static []*fleet.Upstream, set fleet.Settings, api betanet.API, sources map[string]*betanet.HTTPConfig) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.static, r.set, r.api = static, set, api
	for s := range r.sources {
		if _, stays := sources[s]; !stays {
			delete(r.sources, s)
			r.registry.Exporter.Undiscovered(s)
		}
	}
	for s, h := range sources {
		if r.sources[s] == nil {
			r.sources[s] = new(sourceState)
		}
		r.sources[s].http = h
	}
	r.apply(ctx)
}

// usable reports the first upstream whose certificates cannot be read.
func usable(all []*fleet.Upstream) error {
	for _, u := range all {
		if u.HTTP == nil {
			continue
		}
		c, err := betanet.NewClient(u.URLs[0], u.HTTP, betanet.Options{})
		if err != nil {
			return fmt.Errorf("upstream %s: http_client: %w", u.DisplayName(), err)
		}
		c.Close()
	}
	return nil
}

// discovered takes what a source found. Collections end with ctx.
func (r *upstreamSet) discovered(ctx context.Context, source string, l discovery.List) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sources[source]
	if s == nil || ctx.Err() != nil {
		return // a reload took it away meanwhile
	}
	s.take(source, l, r.log)
	r.apply(ctx)
}

// apply makes the poller's set that of the roster. A name stands for the first
// upstream that has it: static ones first, then by source. The caller holds
// r.mu.
func (r *upstreamSet) apply(ctx context.Context) {
	want := make(map[string]*fleet.Upstream, len(r.current))
	for _, u := range r.static {
		want[u.DisplayName()] = u
	}
	for _, name := range slices.Sorted(maps.Keys(r.sources)) {
		s := r.sources[name]
		s.duplicates = 0
		for _, u := range s.upstreams(r.set, r.api) {
			if _, taken := want[u.DisplayName()]; taken {
				s.duplicates++
			} else {
				want[u.DisplayName()] = u
			}
		}
		r.registry.Exporter.Discovered(name, s.state())
	}
	before := slices.Collect(maps.Keys(r.current))
	removed := r.drop(want)
	added := r.add(ctx, want)
	r.registry.Exporter.Upstreams(len(r.current))
	if added+removed > 0 {
		fitGC(len(r.current))
		r.tellConnections()
		r.log.Info("Upstreams changed", r.changed(before, added, removed)...)
	}
}

// changed are the attributes of a change of the set, with the names of some of
// the upstreams that are new or gone. The caller holds r.mu.
func (r *upstreamSet) changed(before []string, added, removed int) []any {
	var fresh, gone []string
	was := make(map[string]bool, len(before))
	for _, title := range before {
		was[title] = true
		if r.current[title] == nil {
			gone = append(gone, title)
		}
	}
	for title := range r.current {
		if !was[title] {
			fresh = append(fresh, title)
		}
	}
	attrs := []any{"added", added, "removed", removed, "upstreams", len(r.current)}
	for key, names := range map[string][]string{"new": fresh, "gone": gone} {
		if len(names) > 0 {
			slices.Sort(names)
			attrs = append(attrs, key, firstOf(names))
		}
	}
	return attrs
}

// tellConnections logs that the connections for the upstreams have become too
// few, or enough again. The caller holds r.mu.
func (r *upstreamSet) tellConnections() {
	now := r.poller.Connections()
	if now == r.connections {
		return
	}
	r.connections = now
	attrs := []any{"upstreams", len(r.current), "open_files", openFilesLimit()}
	switch now {
	case poll.Parallel:
		r.log.Info("Open files suffice for parallel requests to every upstream", attrs...)
	case poll.OneKept:
		r.log.Info("Open files are few, endpoints of an upstream share one connection", attrs...)
	default:
		r.log.Warn("Open files are fewer than upstreams, connections are not kept", attrs...)
	}
}

// drop removes what is no longer wanted, or wanted in another way.
func (r *upstreamSet) drop(want map[string]*fleet.Upstream) (n int) {
	for title, u := range r.current {
		if w, stays := want[title]; stays && w.Same(u) {
			continue
		}
		r.poller.Remove(u)
		r.registry.Remove(u)
		delete(r.current, title)
		n++
	}
	return n
}

func (r *upstreamSet) add(ctx context.Context, want map[string]*fleet.Upstream) (n int) {
	maps.DeleteFunc(r.leftOut, func(title, _ string) bool { return want[title] == nil })
	for title, u := range want {
		if r.current[title] != nil {
			continue
		}
		if err := r.poller.Add(ctx, u, r.scheduled); err != nil {
			if reason := quote(err); r.leftOut[title] != reason {
				r.leftOut[title] = reason
				r.log.Error("Upstream left out", keyUpstream, title, keyErr, reason)
			}
			continue
		}
		delete(r.leftOut, title)
		r.current[title] = u
		n++
	}
	return n
}

// lookup finds an upstream by the name that people know it by, nil if there is
// none.
func (r *upstreamSet) lookup(title string) *fleet.Upstream {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current[title]
}

// all are the upstreams, sorted by title.
func (r *upstreamSet) all() []*fleet.Upstream {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*fleet.Upstream
	for _, title := range slices.Sorted(maps.Keys(r.current)) {
		list = append(list, r.current[title])
	}
	return list
}
