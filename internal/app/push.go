package app

import (
	"log/slog"
	"net"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/otlp"
	"github.com/betanet/betanet_exporter/internal/status"
)

// upstreamsPerPart is the number of upstreams in one part of a push: about 16 000
// data points, 1.3 MB before compression. Receivers refuse large bodies, and the
// conversion takes several times as much memory.
const upstreamsPerPart = 500

// pusher pushes the series of the registry, and turns the results into counters,
// log lines and the state on the status page.
type pusher struct {
	*otlp.Pusher
	metrics  *exposition.ExporterMetrics
	log      *slog.Logger
	endpoint string // without credentials

	mu           sync.Mutex
	limit        changeLimit
	lastSuccess  time.Time
	failingSince time.Time
	outage       time.Duration // how long pushes failed before the last recovery
}

// newPusher returns a pusher, or nil if pushing is not configured. address is the
// address that the exporter listens on; it identifies the exporter at the receiver.
func newPusher(c *config.Config, r *exposition.Registry, started time.Time, address net.Addr, log *slog.Logger) (p *pusher, err error) {
	if c.OTLP.Endpoint == nil {
		return nil, nil
	}
	p = &pusher{metrics: r.Exporter, log: log, endpoint: withoutSecrets(c.OTLP.Endpoint)}
	o := pushOptions(c, instance(address))
	o.Parts = func() []prometheus.Gatherer { return r.Parts(upstreamsPerPart) }
	o.OfProcess, o.Started, o.Report = exposition.OfProcess, started, p.report
	if p.Pusher, err = otlp.New(o); err != nil {
		return nil, err
	}
	r.Exporter.Pushing()
	log.Info("Pushing metrics over OTLP", "endpoint", p.endpoint, "interval", c.OTLP.Interval)
	return p, nil
}

// pushOptions returns the configured options of a push.
func pushOptions(c *config.Config, instance string) otlp.Options {
	return otlp.Options{
		Endpoint: c.OTLP.Endpoint, Interval: c.OTLP.Interval, Timeout: c.OTLP.Timeout, Gzip: c.OTLP.Gzip,
		TLS: c.OTLP.TLS, Headers: c.OTLP.Headers,
		Version: version.Version, Instance: instance,
	}
}

// checkPush returns the error that would prevent the pusher from starting, if any.
func checkPush(c *config.Config) error {
	if c.OTLP.Endpoint == nil {
		return nil
	}
	_, err := otlp.New(pushOptions(c, ""))
	return err
}

// withoutSecrets returns a receiver's URL without its user and query.
func withoutSecrets(u *url.URL) string {
	shown := *u
	shown.User, shown.RawQuery, shown.ForceQuery = nil, "", false
	return shown.String()
}

// instance returns the host and port of this exporter, like the label instance of a
// scraper. It is the same after a restart, so that the series continue.
func instance(address net.Addr) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	if _, port, err := net.SplitHostPort(address.String()); err == nil {
		return net.JoinHostPort(host, port)
	}
	return host + address.String()
}

// State returns the state of pushing. It is safe for concurrent use.
func (p *pusher) State() status.Push {
	p.mu.Lock()
	defer p.mu.Unlock()
	return status.Push{Endpoint: p.endpoint, LastSuccess: p.lastSuccess, Error: p.limit.reason}
}

func (p *pusher) report(push otlp.Push) {
	now := time.Now()
	p.metrics.Pushed(string(push.Result), now)
	p.mu.Lock()
	defer p.mu.Unlock()
	reason := ""
	if push.Err != nil {
		reason = escape(push.Err.Error())
	}
	switch {
	case reason != "" && p.limit.reason == "":
		p.failingSince = now
	case reason == "" && p.limit.reason != "":
		p.outage = now.Sub(p.failingSince)
	}
	if push.Result == otlp.Success {
		p.lastSuccess = now
	}
	changes := p.limit.record(reason, now)
	attrs := []any{"result", push.Result, keyErr, reason}
	if push.RetryAfter > 0 {
		attrs = append(attrs, "retry_after", push.RetryAfter.Round(time.Second))
	}
	switch {
	case reason != "" && changes > 0:
		p.log.Warn("OTLP push failed", append(attrs, "changes", changes)...)
	case reason != "":
		p.log.Debug("OTLP push failed again", attrs...)
	case changes > 0:
		p.log.Info("OTLP push recovered", "after", p.outage.Round(time.Second), "changes", changes)
	default:
		p.log.Debug("OTLP push succeeded", "took", push.Took.Round(time.Millisecond))
	}
}
