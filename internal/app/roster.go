package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

// roster is which upstreams there are: those of the configuration and those
// that each source of discovery found last. It adds to the poller what is new,
// removes what has left, and leaves alone what did not change.
type roster struct {
	ctx      context.Context // of the collections
	poller   *poll.Poller
	registry *exposition.Registry
	log      *slog.Logger
	grid     bool // collect on a timer, not only on demand

	mu      sync.Mutex
	static  []*fleet.Upstream
	sources map[string]*sourceState
	current map[string]*fleet.Upstream // by title
	// What was last logged.
	connections poll.Connections
}

// sourceState is what a source of discovery gave last.
type sourceState struct {
	list      []*fleet.Upstream
	ok, tried bool
}

func newRoster(ctx context.Context, p *poll.Poller, r *exposition.Registry, log *slog.Logger, grid bool) *roster {
	return &roster{
		ctx: ctx, poller: p, registry: r, log: log, grid: grid,
		sources: make(map[string]*sourceState), current: make(map[string]*fleet.Upstream),
	}
}

// configure makes these the upstreams of the configuration, and forgets what
// sources that are no longer configured have found.
func (r *roster) configure(static []*fleet.Upstream, sources []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.static = static
	for s := range r.sources {
		if !slices.Contains(sources, s) {
			delete(r.sources, s)
			r.registry.Self.Undiscovered(s)
		}
	}
	for _, s := range sources {
		if r.sources[s] == nil {
			r.sources[s] = new(sourceState)
		}
	}
	r.apply()
}

// usable reports the first upstream whose certificates cannot be read.
func usable(all []*fleet.Upstream) error {
	for _, u := range all {
		if u.HTTP == nil {
			continue
		}
		c, err := betanet.NewClient(u.URLs[0], u.HTTP, betanet.Options{})
		if err != nil {
			return fmt.Errorf("upstream %s: http_client: %w", u.Title(), err)
		}
		c.Close()
	}
	return nil
}

// discovered takes in what a source found, or that it could not be read: then
// its last list stands.
func (r *roster) discovered(source string, list []*fleet.Upstream, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sources[source]
	if s == nil || r.ctx.Err() != nil {
		return // a reload took it away meanwhile
	}
	switch {
	case err != nil && (s.ok || !s.tried):
		r.log.Warn("Discovery failed, its last list stands", "source", source, keyErr, quote(err))
	case err == nil && s.tried && !s.ok:
		r.log.Info("Discovery recovered", "source", source)
	}
	s.ok, s.tried = err == nil, true
	if err == nil {
		s.list = list
	}
	r.apply()
}

// apply makes the poller's set that of the roster. A name stands for the first
// upstream that has it: static ones first, then by source. The caller holds
// r.mu.
func (r *roster) apply() {
	want := make(map[string]*fleet.Upstream, len(r.current))
	for _, u := range r.static {
		want[u.Title()] = u
	}
	for _, name := range slices.Sorted(maps.Keys(r.sources)) {
		s, duplicates := r.sources[name], 0
		for _, u := range s.list {
			if _, taken := want[u.Title()]; taken {
				duplicates++
			} else {
				want[u.Title()] = u
			}
		}
		r.registry.Self.Discovered(name, s.ok, duplicates)
	}
	removed := r.drop(want)
	added := r.add(want)
	r.registry.Self.Upstreams(len(r.current))
	if added+removed > 0 {
		fitGC(len(r.current))
		r.tellConnections()
		r.log.Info("Upstreams changed", "added", added, "removed", removed, "upstreams", len(r.current))
	}
}

// tellConnections logs that the connections for the upstreams have become too
// few, or enough again. The caller holds r.mu.
func (r *roster) tellConnections() {
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
func (r *roster) drop(want map[string]*fleet.Upstream) (n int) {
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

func (r *roster) add(want map[string]*fleet.Upstream) (n int) {
	for title, u := range want {
		if r.current[title] != nil {
			continue
		}
		if err := r.poller.Add(r.ctx, u, r.grid); err != nil {
			r.log.Error("Upstream left out", keyUpstream, title, keyErr, quote(err))
			continue
		}
		r.current[title] = u
		n++
	}
	return n
}

// lookup finds an upstream by the name that people know it by, nil if there is
// none.
func (r *roster) lookup(title string) *fleet.Upstream {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current[title]
}

// all are the upstreams, sorted by title.
func (r *roster) all() []*fleet.Upstream {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*fleet.Upstream
	for _, title := range slices.Sorted(maps.Keys(r.current)) {
		list = append(list, r.current[title])
	}
	return list
}
