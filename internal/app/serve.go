package app

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/common/version"
	"golang.org/x/sync/errgroup"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/probe"
	"github.com/betanet/betanet_exporter/internal/status"
	"github.com/betanet/betanet_exporter/internal/web"
)

// serve polls upstreams and serves the results until ctx ends. Once it listens, it
// calls listening with the URL for a browser, or "". On each SIGHUP it calls load to
// read the settings again.
func serve(ctx context.Context, n Network, s settings, load func() (settings, error), hangups hangups, log *slog.Logger, listening func(url string)) error {
	started := time.Now()
	listeners, err := openListeners(&s.Web, n)
	if err != nil {
		return err
	}
	defer listeners.close() // for errors before the servers take over
	listening(listeners.url())
	notifier, err := newSystemdNotifier()
	if err != nil {
		return err
	}
	defer notifier.close()
	log.Info("Starting betanet_exporter", "version", version.Version, "upstreams", len(s.upstreams))
	group, ctx := errgroup.WithContext(ctx)
	registry := exposition.NewRegistry()
	observer := newObserver(registry.Exporter, log)
	outbound, inbound := divideOpenFiles(openFilesLimit())
	poller := newPoller(registry, observer, outbound, n.Dial)
	upstreams := newUpstreamSet(poller, registry, log, !s.ProbeMode)
	reloader := &reloader{
		load: load, dial: n.Dial, upstreams: upstreams, discovery: &discoveryManager{upstreams: upstreams}, notifier: notifier,
		log:    &reloadLog{metrics: registry.Exporter, log: log, file: s.File},
		probes: probe.New(ctx, probe.Options{Poller: poller, Logs: &observer.probes, Lookup: upstreams.lookup, Settings: s.Settings, API: s.API}),
	}
	pusher, err := newPusher(s.Config, registry, started, listeners.main[0].Addr(), log)
	if err != nil {
		return err
	}
	health := &web.Health{Registry: registry, ProbeMode: s.ProbeMode}
	handler, err := web.Handler(handlerOptions(ctx, s, registry, health, observer, reloader, pusher, log))
	if err != nil {
		return err
	}
	if err := reloader.apply(ctx, s); err != nil {
		return err
	}
	reloader.log.started(time.Now())
	notifier.ready()
	run := func(do func(context.Context)) { group.Go(func() error { do(ctx); return nil }) }
	run(func(ctx context.Context) { poller.Run(ctx); reloader.stop() })
	run(func(ctx context.Context) { observer.run(ctx, registry) })
	run(func(ctx context.Context) { hangups.reload(ctx, reloader.reload) })
	run(func(ctx context.Context) { notifier.watch(ctx, registry, s.ProbeMode, reloader.log.failing) })
	if pusher != nil {
		run(pusher.Run)
	}
	serveOn := func(listeners []net.Listener, h http.Handler, maxConns int, configFile string) {
		server := web.Server{Handler: h, MaxConns: maxConns, ConfigFile: configFile, Exporter: registry.Exporter, Log: log}
		group.Go(func() error { return server.Serve(ctx, listeners) })
	}
	serveOn(listeners.main, handler, inbound, s.Web.ConfigFile)
	serveOn(listeners.health, web.HealthHandler(health), maxHealthConns, "")
	listeners.announce(s.Web.TelemetryPath, log)
	defer log.Info("Stopped")
	defer observer.limiter.flush()
	return group.Wait()
}

func handlerOptions(ctx context.Context, s settings, registry *exposition.Registry, health *web.Health, o *observer, r *reloader, p *pusher, log *slog.Logger) web.Options {
	options := web.Options{
		Registry: registry, Health: health, TelemetryPath: s.Web.TelemetryPath, MaxRequests: s.Web.MaxRequests, Pprof: s.Web.EnablePprof,
		Probe: r.probes, Names: r.upstreams.all, Log: log,
		Status: &status.Model{
			Registry: registry, History: &o.history, Version: version.Version, TelemetryPath: s.Web.TelemetryPath, ProbeMode: s.ProbeMode,
			Upstreams: r.upstreams.all, Configuration: r.log.State, OpenFiles: openFilesNow,
		},
	}
	if s.Web.EnableLifecycle {
		options.Reload = func() error { return r.reload(ctx) }
	}
	if p != nil {
		options.Status.Push = p.State
	}
	return options
}

func userAgent() string { return "betanet_exporter/" + version.Version }

// newPoller returns a poller that publishes views to the registry and reports
// events to the observer. Upstreams that are only collected on demand have no series
// on /metrics. The poller opens at most the given number of connections; 0 means no
// limit.
func newPoller(r *exposition.Registry, o *observer, connections int, dial fleet.Dial) *poll.Poller {
	publish := func(v *fleet.View) {
		if v.Polled {
			r.Publish(v)
		}
	}
	hostname, _ := os.Hostname() // exporters without a hostname all prefer the same replicas
	return poll.New(poll.Options{
		UserAgent: userAgent(), Hostname: hostname,
		Publish: publish, Report: o.report, MaxConnections: connections, Dial: dial,
	})
}
