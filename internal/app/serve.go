package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"github.com/prometheus/common/version"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/web"
)

// serve collects upstreams and serves what is known of them until ctx ends. It
// calls listening once it does.
func serve(ctx context.Context, c *config.Config, upstreams []*fleet.Upstream, log *slog.Logger, listening func()) error {
	saveMemory(len(upstreams), c.Web.EnablePprof)
	if err := toolkit.Validate(c.Web.ConfigFile); err != nil {
		return fmt.Errorf("--web.config.file: %s: %w", c.Web.ConfigFile, err)
	}
	listeners, err := web.Listen(c.Web.ListenAddresses, c.Web.SystemdSocket)
	if err != nil {
		return err
	}
	listening()
	registry := exposition.NewRegistry()
	reload := func() error {
		// Flags and variables stay, and there is nothing else to read.
		registry.Self.Reloaded(true, time.Now())
		log.Info("Reloaded the configuration")
		return nil
	}
	registry.Self.Reloaded(true, time.Now())
	handler, err := web.Handler(handlerOptions(c, registry, reload, log))
	if err != nil {
		return err
	}
	log.Info("Starting betanet_exporter", "version", version.Version, "upstreams", len(upstreams))
	poller := newPoller(registry, log, len(upstreams))
	group, ctx := errgroup.WithContext(ctx)
	for _, u := range upstreams {
		poller.Add(ctx, u)
	}
	group.Go(func() error { poller.Run(ctx); return nil })
	group.Go(func() error {
		server := web.Server{Handler: handler, ConfigFile: c.Web.ConfigFile, Self: registry.Self, Log: log}
		return server.Serve(ctx, listeners)
	})
	group.Go(func() error { onHangup(ctx, reload); return nil })
	for _, l := range listeners {
		log.Info("Serving", "metrics", lookAt(l.Addr())+c.Web.TelemetryPath, "status", lookAt(l.Addr())+"/")
	}
	err = group.Wait()
	log.Info("Stopped")
	return err
}

func handlerOptions(c *config.Config, r *exposition.Registry, reload func() error, log *slog.Logger) web.Options {
	o := web.Options{
		Registry: r, Version: version.Version, TelemetryPath: c.Web.TelemetryPath,
		MaxRequests: c.Web.MaxRequests, Pprof: c.Web.EnablePprof, Log: log,
	}
	if c.Web.EnableLifecycle {
		o.Reload = reload
	}
	return o
}

// newPoller makes a poller whose views and events go to the registry and the
// log.
func newPoller(r *exposition.Registry, log *slog.Logger, upstreams int) *poll.Poller {
	o := newObserver(r.Self, log, upstreams > 1)
	return poll.New(poll.Options{UserAgent: "betanet_exporter/" + version.Version, Publish: r.Publish, Report: o.report})
}

// onHangup reloads at each SIGHUP until ctx ends.
func onHangup(ctx context.Context, reload func() error) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			_ = reload() // it has told the log and the metrics
		}
	}
}

// lookAt is the address of a listener as a browser on this machine takes it.
func lookAt(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
