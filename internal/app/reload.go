package app

import (
	"context"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/probe"
)

// settings are a configuration and the upstreams that it names.
type settings struct {
	*config.Config
	upstreams []*fleet.Upstream
}

// reloader puts settings into force: at the start and at each reload. Flags and
// variables stay; the file is read again.
type reloader struct {
	dial     fleet.Dial
	load     func() (settings, error)
	roster   *upstreamSet
	sources  *discoveryManager
	targets  *probe.Targets
	metrics  *exposition.ExporterMetrics
	notifier *notifier
	reports  *reloadLog

	mu sync.Mutex
}

// reload reads the settings again. What is wrong in them changes nothing, and is
// told to the log, to the metrics, to the service manager and to the caller. What it
// starts ends with ctx.
func (r *reloader) reload(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err // the program is ending
	}
	r.notifier.reloading()
	s, err := r.load()
	if err == nil {
		err = r.apply(ctx, s)
	}
	now := time.Now()
	r.metrics.Reloaded(err == nil, now)
	r.notifier.reloaded(err == nil)
	if err != nil {
		r.reports.failed(err, now)
		return err
	}
	r.reports.succeeded(len(s.upstreams), now)
	return nil
}

// end ends what reloads start. Call it when ctx has ended: no reload begins then.
func (r *reloader) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sources.end()
	r.reports.flush()
}

// apply checks everything that can fail first, and then changes over.
func (r *reloader) apply(ctx context.Context, s settings) error {
	if err := usable(s.upstreams); err != nil {
		return err
	}
	sources, err := prepare(s.Discovery, r.dial)
	if err != nil {
		return err
	}
	bySource := make(map[string]*betanet.HTTPConfig, len(sources))
	for _, source := range sources {
		bySource[source.name] = source.http
	}
	r.roster.configure(ctx, s.upstreams, s.Settings, s.API, bySource)
	r.sources.start(ctx, sources)
	r.targets.SetRules(s.Probe.Allow)
	r.targets.SetSettings(s.Settings, s.API)
	return nil
}
