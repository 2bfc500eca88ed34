package app

import (
	"context"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/probe"
)

// settings are a configuration and its upstreams.
type settings struct {
	*config.Config
	upstreams []*fleet.Upstream
}

// reloader puts settings into effect, at startup and at each reload. A reload
// reads the configuration file again; flags and variables keep their values.
type reloader struct {
	dial      fleet.Dial
	load      func() (settings, error)
	upstreams *upstreamSet
	discovery *discoveryManager
	probes    *probe.Targets
	notifier  *notifier
	log       *reloadLog

	mu sync.Mutex
}

// reload reads the settings again and applies them. Settings with an error change
// nothing. Everything that it starts ends with ctx.
func (r *reloader) reload(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err // the program is shutting down
	}
	r.notifier.reloading()
	defer r.notifier.ready() // after a failure the service is as ready as before
	s, err := r.load()
	if err == nil {
		err = r.apply(ctx, s)
	}
	if err != nil {
		r.log.failed(err, time.Now())
		return err
	}
	r.log.succeeded(len(s.upstreams), time.Now())
	return nil
}

// stop ends everything that reloads have started, and waits for probes. Call it
// after the context of the reloads has ended, so that no further one can begin.
func (r *reloader) stop() {
	r.mu.Lock()
	r.discovery.stop()
	r.log.flush()
	r.mu.Unlock()
	r.probes.Wait()
}

// apply puts settings into effect. It checks everything that can fail before it
// changes anything.
func (r *reloader) apply(ctx context.Context, s settings) error {
	if err := checkClients(s.upstreams); err != nil {
		return err
	}
	sources, err := newSources(s.Discovery, r.dial)
	if err != nil {
		return err
	}
	bySource := make(map[string]*betanet.HTTPConfig, len(sources))
	for _, source := range sources {
		bySource[source.name] = source.http
	}
	r.upstreams.configure(ctx, s.upstreams, s.Settings, s.API, bySource)
	r.discovery.start(ctx, sources)
	r.probes.SetRules(s.Probe.Allow)
	r.probes.SetSettings(s.Settings, s.API)
	return nil
}
