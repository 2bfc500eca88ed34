package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/probe"
	"github.com/betanet/betanet_exporter/internal/web"
)

// serve collects upstreams and serves what is known of them until ctx ends. Once
// it listens it calls listening with the URL to look at, "" if there is none;
// load reads the settings anew.
func serve(ctx context.Context, s settings, load func() (settings, error), log *slog.Logger, listening func(url string)) error {
	started := time.Now()
	saveMemory(s.Web.EnablePprof)
	// Who reads the log may die. Go would end the process with it.
	signal.Ignore(syscall.SIGPIPE)
	if err := toolkit.Validate(s.Web.ConfigFile); err != nil {
		return fmt.Errorf("--web.config.file: %s: %w", s.Web.ConfigFile, err)
	}
	listeners, err := web.Listen(s.Web.ListenAddresses, s.Web.SystemdSocket)
	if err != nil {
		return err
	}
	forProbes, err := listenForProbes(s.Web.HealthAddress)
	if err != nil {
		return err
	}
	access, err := web.ReadAccess(s.Web.ConfigFile)
	if err != nil {
		return fmt.Errorf("--web.config.file: %s: %w", s.Web.ConfigFile, err)
	}
	listening(lookAt(access.Scheme, listeners[0].Addr()))
	notifier, err := notifySystemd()
	if err != nil {
		return err
	}
	defer notifier.close()
	log.Info("Starting betanet_exporter", "version", version.Version, "upstreams", len(s.upstreams))
	group, ctx := errgroup.WithContext(ctx)
	registry := exposition.NewRegistry()
	past := new(past)
	files := divideOpenFiles(openFilesLimit())
	poller := newPoller(registry, past, log, s.Names, files.upstreams)
	r := newReloader(ctx, s, load, registry, poller, log)
	r.notifier = notifier
	handler, err := web.Handler(handlerOptions(s.Config, registry, past, r, log))
	if err != nil {
		return err
	}
	pusher, err := newPusher(s.Config, registry, started, listeners[0].Addr(), log)
	if err != nil {
		return err
	}
	if err := r.apply(s); err != nil {
		return err
	}
	registry.Self.Reloaded(true, time.Now())
	notifier.ready()
	group.Go(func() error {
		poller.Run(ctx)
		r.watchers.end()
		r.targets.Wait()
		return nil
	})
	group.Go(func() error {
		server := web.Server{Handler: handler, MaxConns: files.inbound, ConfigFile: s.Web.ConfigFile, Self: registry.Self, Log: log}
		return server.Serve(ctx, listeners)
	})
	group.Go(func() error {
		server := web.Server{Handler: web.HealthHandler(registry), MaxConns: maxProbes, Self: registry.Self, Log: log}
		return server.Serve(ctx, forProbes)
	})
	group.Go(func() error { past.record(ctx, registry); return nil })
	if pusher != nil {
		group.Go(func() error { pusher.Run(ctx); return nil })
	}
	group.Go(func() error { onHangup(ctx, r.reload); return nil })
	group.Go(func() error { notifier.watch(ctx, registry, s.ProbeMode); return nil })
	for _, l := range forProbes {
		log.Info("Serving probes", "health", lookAt("http", l.Addr())+"/health")
	}
	for _, l := range listeners {
		where := []any{"socket", l.Addr(), "metrics", s.Web.TelemetryPath, "status", "/"}
		if url := lookAt(access.Scheme, l.Addr()); url != "" {
			where = []any{"metrics", url + s.Web.TelemetryPath, "status", url + "/"}
		}
		log.Info("Serving", where...)
		if access.Open(l.Addr()) {
			log.Warn("Anybody who reaches this address may read everything, see --web.config.file for passwords and TLS", "address", l.Addr())
		}
	}
	err = group.Wait()
	log.Info("Stopped")
	return err
}

// maxProbes is how many connections the listener for probes has, out of the
// process's own files.
const maxProbes = 16

// listenForProbes opens the listener for probes of an orchestrator, if there is
// to be one.
func listenForProbes(address string) ([]net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := web.Listen([]string{address}, false)
	if err != nil {
		return nil, fmt.Errorf("--web.health-address: %w", err)
	}
	return l, nil
}

func newReloader(ctx context.Context, s settings, load func() (settings, error), r *exposition.Registry, p *poll.Poller, log *slog.Logger) *reloader {
	upstreams := newRoster(ctx, p, r, log, !s.ProbeMode)
	return &reloader{
		load: load, ctx: ctx, roster: upstreams, watchers: &watchers{roster: upstreams}, self: r.Self, log: log,
		targets: probe.New(ctx, probe.Options{Poller: p, Lookup: upstreams.lookup, Settings: s.DiscoveredSettings, API: s.API}),
	}
}

func handlerOptions(c *config.Config, r *exposition.Registry, p *past, re *reloader, log *slog.Logger) web.Options {
	o := web.Options{
		Registry: r, Trend: &p.trend, Journal: &p.journal, Version: version.Version, TelemetryPath: c.Web.TelemetryPath,
		MaxRequests: c.Web.MaxRequests, Pprof: c.Web.EnablePprof, ProbeMode: c.ProbeMode, Log: log,
		Probe: re.targets, Names: re.roster.all,
	}
	if c.Web.EnableLifecycle {
		o.Reload = re.reload
	}
	return o
}

// newPoller makes a poller whose views and events go to the registry and the
// log, and that has so many connections at most, 0 for no limit. Upstreams that
// are collected on demand alone have no series on /metrics.
func newPoller(r *exposition.Registry, p *past, log *slog.Logger, many bool, connections int) *poll.Poller {
	o := newObserver(r.Self, p, log, many)
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
		UserAgent: "betanet_exporter/" + version.Version, Hostname: hostname,
		Publish: publish, Report: o.report, Connections: connections,
	})
}

// lookAt is the address of a listener as a browser on this machine takes it, ""
// if that is none for browsers, such as a Unix socket of systemd's.
func lookAt(scheme string, a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return ""
	}
	at := url.URL{Scheme: scheme, Host: tcp.String()}
	if tcp.IP.IsUnspecified() {
		at.Host = net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return at.String()
}
