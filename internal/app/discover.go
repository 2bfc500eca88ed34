package app

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"sync"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// watchers run the sources of discovery of a configuration. A reload that does
// not change them leaves them running.
type watchers struct {
	roster *roster

	running config.Discovery
	set     fleet.Settings
	api     betanet.API
	stop    func() // ends the running ones and waits; nil before the first
}

// source is a place that lists upstreams, under a name of its own, and how those
// are asked.
type source struct {
	discovery.Source
	name  string
	http  *betanet.HTTPConfig
	close func() // its connections
}

// prepare makes the sources of a configuration, without running them.
func prepare(d config.Discovery) ([]source, error) {
	var all []source
	add := func(s discovery.Source, h *betanet.HTTPConfig, closeIdle func()) {
		name := s.String()
		for n := 2; slices.ContainsFunc(all, func(o source) bool { return o.name == name }); n++ {
			name = fmt.Sprintf("%s#%d", s, n)
		}
		all = append(all, source{s, name, h, closeIdle})
	}
	for _, f := range d.Files {
		s, err := discovery.NewFile(f.Paths)
		if err != nil {
			return nil, fmt.Errorf("discovery.files: %w", err)
		}
		add(s, f.HTTP, func() {})
	}
	for _, h := range d.HTTP {
		client, err := betanet.HTTPClient(h.SourceHTTP)
		if err != nil {
			return nil, fmt.Errorf("discovery.http: source_http_client: %w", err)
		}
		add(discovery.NewHTTP(h.URL, h.Refresh, client), h.HTTP, client.CloseIdleConnections)
	}
	for _, n := range d.DNS {
		add(discovery.NewDNS(n.Name, n.Type, n.Port, n.Refresh, net.DefaultResolver), n.HTTP, func() {})
	}
	return all, nil
}

// start runs sources in place of those that run, until ctx ends.
func (w *watchers) start(ctx context.Context, c *config.Config, sources []source) {
	if w.stop != nil && reflect.DeepEqual(w.running, c.Discovery) && w.set == c.DiscoveredSettings && w.api == c.API {
		return
	}
	w.end()
	w.running, w.set, w.api = c.Discovery, c.DiscoveredSettings, c.API
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, s := range sources {
		wg.Go(func() {
			defer s.close()
			s.Run(ctx, func(found []discovery.Target, err error) {
				if ctx.Err() == nil {
					w.roster.discovered(s.name, w.upstreams(found, s.http), err)
				}
			})
		})
	}
	w.stop = func() { cancel(); wg.Wait() }
}

// end ends the running sources.
func (w *watchers) end() {
	if w.stop != nil {
		w.stop()
	}
}

// upstreams gives what was found the settings that hold for all discovered ones;
// credentials are those of the source alone.
func (w *watchers) upstreams(found []discovery.Target, h *betanet.HTTPConfig) []*fleet.Upstream {
	all := make([]*fleet.Upstream, len(found))
	for i, t := range found {
		all[i] = &fleet.Upstream{Name: t.Name, URLs: []*url.URL{t.URL}, API: w.api, Settings: w.set, Labels: t.Labels, HTTP: h}
	}
	return all
}
