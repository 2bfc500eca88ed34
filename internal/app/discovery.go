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

// discoveryManager runs the sources of discovery of a configuration. A reload
// leaves a source running that it does not change, and with it what the source
// remembers of documents that cannot be read now.
type discoveryManager struct {
	roster *upstreamSet

	mu      sync.Mutex               // a reload may come at the end
	running map[string]runningSource // by name
}

// runningSource is a source at work.
type runningSource struct {
	spec any
	stop func() // ends it and waits
}

// source is a place that lists upstreams, under a name of its own, and how those
// are asked.
type source struct {
	discovery.Source
	name  string
	spec  any // what decides about the list, of the configuration
	http  *betanet.HTTPConfig
	close func() // its connections
}

// prepare makes the sources of a configuration, without running them.
func prepare(d discovery.Config, dial fleet.Dial) ([]source, error) {
	var all []source
	add := func(s discovery.Source, spec any, h *betanet.HTTPConfig, closeIdle func()) {
		name := s.String()
		for n := 2; slices.ContainsFunc(all, func(o source) bool { return o.name == name }); n++ {
			name = fmt.Sprintf("%s#%d", s, n)
		}
		all = append(all, source{s, name, spec, h, closeIdle})
	}
	for _, f := range d.Files {
		s, err := discovery.NewFile(f.Paths)
		if err != nil {
			return nil, fmt.Errorf("discovery.files: %w", err)
		}
		add(s, f.Paths, f.HTTP, func() {})
	}
	for _, h := range d.HTTP {
		client, err := betanet.HTTPClient(h.SourceHTTP, userAgent(), dial)
		if err != nil {
			return nil, fmt.Errorf("discovery.http: source_http_client: %w", err)
		}
		add(discovery.NewHTTP(h.URL, h.Refresh, client), discovery.HTTPConfig{URL: h.URL, Refresh: h.Refresh, SourceHTTP: h.SourceHTTP}, h.HTTP, client.CloseIdleConnections)
	}
	for _, n := range d.DNS {
		add(discovery.NewDNS(n.Name, n.Type, n.Port, n.Refresh, net.DefaultResolver), discovery.DNSConfig{Name: n.Name, Type: n.Type, Port: n.Port, Refresh: n.Refresh}, n.HTTP, func() {})
	}
	return all, nil
}

// start runs these sources until ctx ends, and ends the others.
func (m *discoveryManager) start(ctx context.Context, sources []source) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.running
	m.running = make(map[string]runningSource, len(sources))
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
		if _, runs := m.running[s.name]; !runs {
			m.running[s.name] = m.run(ctx, s)
		}
	}
}

func (m *discoveryManager) run(ctx context.Context, s source) runningSource {
	running, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer s.close()
		s.Run(running, func(l discovery.List) {
			if running.Err() == nil {
				m.roster.discovered(ctx, s.name, l)
			}
		})
	})
	return runningSource{s.spec, func() { cancel(); wg.Wait() }}
}

// end ends all sources.
func (m *discoveryManager) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.running {
		s.stop()
	}
	m.running = nil
}
