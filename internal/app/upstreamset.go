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

// upstreamSet combines the upstreams of the configuration with the last result of
// each discovery source. It adds new upstreams to the poller, removes those that are
// gone, replaces those that have changed, and does not touch the others.
type upstreamSet struct {
	poller    *poll.Poller
	registry  *exposition.Registry
	log       *slog.Logger
	scheduled bool // poll on a timer, not only on demand

	mu       sync.Mutex
	static   []*fleet.Upstream
	settings fleet.Settings // for discovered upstreams
	api      betanet.API
	sources  map[string]*sourceState
	current  map[string]*fleet.Upstream // by display name
	// Last logged values.
	connections poll.Connections
	leftOut     map[string]string // reasons by display name
}

func newUpstreamSet(p *poll.Poller, r *exposition.Registry, log *slog.Logger, scheduled bool) *upstreamSet {
	return &upstreamSet{
		poller: p, registry: r, log: log, scheduled: scheduled,
		sources: make(map[string]*sourceState), current: make(map[string]*fleet.Upstream), leftOut: make(map[string]string),
	}
}

// configure replaces the configured upstreams, the settings of discovered upstreams,
// and the HTTP settings of each source. It forgets the results of sources that are no
// longer configured. Collections end with ctx.
func (s *upstreamSet) configure(ctx context.Context, static []*fleet.Upstream, settings fleet.Settings, api betanet.API, sources map[string]*betanet.HTTPConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.static, s.settings, s.api = static, settings, api
	for name := range s.sources {
		if _, stays := sources[name]; !stays {
			delete(s.sources, name)
			s.registry.Exporter.RemoveSource(name)
		}
	}
	for name, http := range sources {
		if s.sources[name] == nil {
			s.sources[name] = new(sourceState)
		}
		s.sources[name].http = http
	}
	s.apply(ctx)
}

// checkClients returns an error for the first upstream whose certificates cannot be
// read.
func checkClients(all []*fleet.Upstream) error {
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

// discovered applies the result of a source. Collections end with ctx.
func (s *upstreamSet) discovered(ctx context.Context, source string, l discovery.List) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.sources[source]
	if state == nil || ctx.Err() != nil {
		return // a reload has removed the source, or the program is shutting down
	}
	state.update(source, l, s.log)
	s.apply(ctx)
}

// apply updates the poller's upstreams to match the set. A name belongs to the first
// upstream that has it: static upstreams come first, then the sources in order of
// their names. The caller holds s.mu.
func (s *upstreamSet) apply(ctx context.Context) {
	want := make(map[string]*fleet.Upstream, len(s.current))
	for _, u := range s.static {
		want[u.DisplayName()] = u
	}
	for _, name := range slices.Sorted(maps.Keys(s.sources)) {
		state, duplicates := s.sources[name], 0
		for _, u := range state.upstreams(s.settings, s.api) {
			if _, taken := want[u.DisplayName()]; taken {
				duplicates++
			} else {
				want[u.DisplayName()] = u
			}
		}
		s.registry.Exporter.Discovered(name, state.metrics(duplicates))
	}
	before := maps.Clone(s.current)
	s.remove(want)
	s.add(ctx, want)
	s.registry.Exporter.Upstreams(len(s.current))
	if maps.Equal(before, s.current) {
		return
	}
	tuneGC(len(s.current))
	s.logConnections()
	added, newNames := difference(s.current, before)
	removed, goneNames := difference(before, s.current)
	attrs := []any{"added", added, "removed", removed, "upstreams", len(s.current)}
	if len(newNames) > 0 {
		attrs = append(attrs, "new", joinFirst(newNames))
	}
	if len(goneNames) > 0 {
		attrs = append(attrs, "gone", joinFirst(goneNames))
	}
	s.log.Info("Upstreams changed", attrs...)
}

// difference returns the number of upstreams of a that are not in b, and the sorted
// names that only a has. An upstream that has changed is counted, but not named.
func difference(a, b map[string]*fleet.Upstream) (n int, names []string) {
	for name, u := range a {
		if b[name] != u {
			n++
		}
		if b[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return n, names
}

// logConnections logs a change in how collections use connections, which depends on
// the limit of open files. The caller holds s.mu.
func (s *upstreamSet) logConnections() {
	now := s.poller.Connections()
	if now == s.connections {
		return
	}
	s.connections = now
	attrs := []any{"upstreams", len(s.current), "open_files", openFilesLimit()}
	switch now {
	case poll.Parallel:
		s.log.Info("Open file limit allows parallel requests to every upstream", attrs...)
	case poll.OneKept:
		s.log.Info("Open file limit is low, using one connection per upstream", attrs...)
	default:
		s.log.Warn("Open file limit is too low, closing connections after each collection", attrs...)
	}
}

// remove removes the upstreams that are gone or have changed. The caller holds s.mu.
func (s *upstreamSet) remove(want map[string]*fleet.Upstream) {
	for name, u := range s.current {
		if w := want[name]; w == nil || !w.Same(u) {
			s.poller.Remove(u)
			s.registry.Remove(u)
			delete(s.current, name)
		}
	}
}

// add adds the upstreams that are new or have changed. The caller holds s.mu.
func (s *upstreamSet) add(ctx context.Context, want map[string]*fleet.Upstream) {
	maps.DeleteFunc(s.leftOut, func(name, _ string) bool { return want[name] == nil })
	for name, u := range want {
		if s.current[name] != nil {
			continue
		}
		if err := s.poller.Add(ctx, u, s.scheduled); err != nil {
			if reason := escape(err.Error()); s.leftOut[name] != reason {
				s.leftOut[name] = reason
				s.log.Error("Upstream left out", keyUpstream, name, keyErr, reason)
			}
			continue
		}
		delete(s.leftOut, name)
		s.current[name] = u
	}
}

// lookup returns the upstream with a display name, or nil.
func (s *upstreamSet) lookup(name string) *fleet.Upstream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current[name]
}

// all returns the upstreams, sorted by display name.
func (s *upstreamSet) all() []*fleet.Upstream {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*fleet.Upstream
	for _, name := range slices.Sorted(maps.Keys(s.current)) {
		list = append(list, s.current[name])
	}
	return list
}
