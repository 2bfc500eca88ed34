package app

import (
	"context"
	"fmt"
	"net"
	"reflect"
	"slices"
	"sync"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// discoveryManager runs the configured discovery sources. Its methods must not be
// called concurrently.
type discoveryManager struct {
	upstreams *upstreamSet
	running   map[string]*source // by name
}

// source is a configured discovery source.
type source struct {
	discovery.Source
	name  string              // unique
	spec  any                 // settings; a source with other settings is a new one
	http  *betanet.HTTPConfig // for the discovered upstreams
	close func()              // closes idle connections
	stop  func()              // stops the running source and waits for it
}

// newSources returns the sources of a configuration, without running them.
func newSources(c discovery.Config, dial fleet.Dial) ([]*source, error) {
	var all []*source
	add := func(s discovery.Source, spec any, http *betanet.HTTPConfig, closeIdle func()) {
		name := s.String()
		for n := 2; slices.ContainsFunc(all, func(o *source) bool { return o.name == name }); n++ {
			name = fmt.Sprintf("%s#%d", s, n)
		}
		all = append(all, &source{Source: s, name: name, spec: spec, http: http, close: closeIdle})
	}
	for _, f := range c.Files {
		s, err := discovery.NewFile(f.Paths)
		if err != nil {
			return nil, fmt.Errorf("discovery.files: %w", err)
		}
		add(s, f.Paths, f.HTTP, func() {})
	}
	for _, h := range c.HTTP {
		client, err := betanet.HTTPClient(h.SourceHTTP, userAgent(), dial)
		if err != nil {
			return nil, fmt.Errorf("discovery.http: source_http_client: %w", err)
		}
		spec := h
		spec.HTTP = nil
		add(discovery.NewHTTP(h.URL, h.Refresh, client), spec, h.HTTP, client.CloseIdleConnections)
	}
	for _, d := range c.DNS {
		spec := d
		spec.HTTP = nil
		add(discovery.NewDNS(d.Name, d.Type, d.Port, d.Refresh, net.DefaultResolver), spec, d.HTTP, func() {})
	}
	return all, nil
}

// start runs the given sources until ctx ends, and stops all others. It does not restart
// a source whose settings are unchanged, so that the source keeps its last good
// documents if it cannot read them at the moment.
func (m *discoveryManager) start(ctx context.Context, sources []*source) {
	before := m.running
	m.running = make(map[string]*source, len(sources))
	for _, s := range sources {
		if old, ok := before[s.name]; ok && reflect.DeepEqual(old.spec, s.spec) {
			s.close()
			m.running[s.name] = old
			delete(before, s.name)
		}
	}
	for _, old := range before {
		old.stop()
	}
	for _, s := range sources {
		if m.running[s.name] == nil {
			m.running[s.name] = s
			m.run(ctx, s)
		}
	}
}

func (m *discoveryManager) run(ctx context.Context, s *source) {
	running, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	s.stop = func() { cancel(); wg.Wait() }
	wg.Go(func() {
		defer s.close()
		s.Run(running, func(l discovery.List) {
			if running.Err() == nil {
				m.upstreams.discovered(ctx, s.name, l)
			}
		})
	})
}

// stop stops all sources and waits for them.
func (m *discoveryManager) stop() { m.start(context.Background(), nil) }
