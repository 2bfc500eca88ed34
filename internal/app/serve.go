package app

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/common/version"
	"golang.org/x/sync/errgroup"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/probe"
	"github.com/betanet/betanet_exporter/internal/status"
	"github.com/betanet/betanet_exporter/internal/web"
)

// serve collects upstreams and serves what is known of them until ctx ends. Once
// it listens it calls listening with the URL to look at, "" if there is none. At
// each SIGHUP load reads the settings again.
func serve(ctx context.Context, n Network, s settings, load func() (settings, error), signals *signals, log *slog.Logger, listening func(url string)) error {
	started := time.Now()
	saveMemory(s.Web.EnablePprof)
	listeners, err := openListeners(&s.Web, n)
	if err != nil {
		return err
	}
	defer listeners.close() // the servers have done so, except after an error before them
	listening(listeners.url())
	notifier, err := notifySystemd()
	if err != nil {
		return err
	}
	defer notifier.close()
	log.Info("Starting betanet_exporter", "version", version.Version, "upstreams", len(s.upstreams))
	group, ctx := errgroup.WithContext(ctx)
	registry := exposition.NewRegistry()
	past := new(recorder)
	files := divideOpenFiles(openFilesLimit())
	poller := newPoller(registry, past, log, files.upstreams, n.Dial)
	r := newReloader(ctx, n.Dial, s, load, registry, poller, &past.probes, log)
	r.notifier = notifier
	health := &web.Health{Registry: registry, ProbeMode: s.ProbeMode}
	pusher, err := newPusher(s.Config, registry, started, listeners.listeners[0].Addr(), log)
	if err != nil {
		return err
	}
	reload := func() error { return r.reload(ctx) }
	o := handlerOptions(s.Config, registry, health, past, r, reload, log)
	if pusher != nil {
		o.Status.Push = pusher.State
	}
	handler, err := web.Handler(o)
	if err != nil {
		return err
	}
	if err := r.apply(ctx, s); err != nil {
		return err
	}
	registry.Exporter.Reloaded(true, time.Now())
	r.reports.started(time.Now())
	notifier.ready()
	untilTheEnd := func(do func(context.Context)) { group.Go(func() error { do(ctx); return nil }) }
	untilTheEnd(func(ctx context.Context) {
		poller.Run(ctx)
		r.end()
		r.targets.Wait()
		past.warnings.flush()
	})
	group.Go(func() error {
		server := web.Server{Handler: handler, MaxConns: files.inbound, ConfigFile: s.Web.ConfigFile, Exporter: registry.Exporter, Log: log}
		return server.Serve(ctx, listeners.listeners)
	})
	group.Go(func() error {
		server := web.Server{Handler: web.HealthHandler(health), MaxConns: maxProbes, Exporter: registry.Exporter, Log: log}
		return server.Serve(ctx, listeners.health)
	})
	untilTheEnd(func(ctx context.Context) { past.run(ctx, registry, log) })
	untilTheEnd(func(ctx context.Context) { signals.onHangup(ctx, reload) })
	untilTheEnd(func(ctx context.Context) { notifier.watch(ctx, registry, s.ProbeMode) })
	if pusher != nil {
		untilTheEnd(pusher.Run)
	}
	listeners.announce(s.Web.TelemetryPath, log)
	err = group.Wait()
	log.Info("Stopped")
	return err
}

func newReloader(ctx context.Context, dial fleet.Dial, s settings, load func() (settings, error), r *exposition.Registry, p *poll.Poller, logs *probe.Logs, log *slog.Logger) *reloader {
	upstreams := newUpstreamSet(p, r, log, !s.ProbeMode)
	return &reloader{
		load: load, dial: dial, roster: upstreams, sources: &discoveryManager{roster: upstreams}, metrics: r.Exporter, reports: &reloadLog{log: log, file: s.File},
		targets: probe.New(ctx, probe.Options{Poller: p, Logs: logs, Lookup: upstreams.lookup, Settings: s.Settings, API: s.API}),
	}
}

func handlerOptions(c *config.Config, r *exposition.Registry, h *web.Health, p *recorder, re *reloader, reload func() error, log *slog.Logger) web.Options {
	o := web.Options{
		Registry: r, Health: h, TelemetryPath: c.Web.TelemetryPath, MaxRequests: c.Web.MaxRequests, Pprof: c.Web.EnablePprof,
		Probe: re.targets, Names: re.roster.all, Log: log,
		Status: &status.Model{
			Registry: r, History: &p.History, Version: version.Version, TelemetryPath: c.Web.TelemetryPath, ProbeMode: c.ProbeMode,
			Names: re.roster.all, Configuration: re.reports.State, OpenFiles: openFilesNow,
		},
	}
	if c.Web.EnableLifecycle {
		o.Reload = reload
	}
	return o
}

// userAgent is that of every request.
func userAgent() string { return "betanet_exporter/" + version.Version }

// newPoller makes a poller whose views and events go to the registry and the
// log, and that has so many connections at most, 0 for no limit. Upstreams that
// are collected on demand alone have no series on /metrics.
func newPoller(r *exposition.Registry, p *recorder, log *slog.Logger, connections int, dial fleet.Dial) *poll.Poller {
	o := newObserver(r.Exporter, p, log)
	publish := func(v *fleet.View) {
		if v.Polled {
			r.Publish(v)
		}
	}
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "" // then all such exporters prefer the same replicas
	}
	return poll.New(poll.Options{
		UserAgent: userAgent(), Hostname: hostname,
		Publish: publish, Report: o.report, Connections: connections, Dial: dial,
	})
}
