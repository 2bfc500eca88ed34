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

// upstreamsAPart is how many upstreams a part of a push has: about 16 000 data
// points, 1.3 MB before compression. Receivers refuse bodies above some size, and
// what is being converted takes several times as much memory.
const upstreamsAPart = 500

// pusher pushes the series of the registry, and knows how that went.
type pusher struct {
	*otlp.Pusher
	*pushLog
}

// newPusher makes what pushes the series of the registry, nil if that is not
// wanted. The exporter serves at address.
func newPusher(c *config.Config, r *exposition.Registry, started time.Time, address net.Addr, log *slog.Logger) (*pusher, error) {
	if c.OTLP.Endpoint == nil {
		return nil, nil
	}
	reports := &pushLog{metrics: r.Exporter, log: log, endpoint: withoutQuery(c.OTLP.Endpoint)}
	o := pushOptions(c, instance(address))
	o.Parts = func() []prometheus.Gatherer { return r.Parts(upstreamsAPart) }
	o.OfProcess, o.Started, o.Report = exposition.OfProcess, started, reports.report
	p, err := otlp.New(o)
	if err != nil {
		return nil, err
	}
	r.Exporter.Pushing()
	log.Info("Pushing by OTLP", "endpoint", reports.endpoint, "interval", c.OTLP.Interval)
	return &pusher{p, reports}, nil
}

// pushOptions returns what the configuration says about pushing.
func pushOptions(c *config.Config, instance string) otlp.Options {
	return otlp.Options{
		Endpoint: c.OTLP.Endpoint, Interval: c.OTLP.Interval, Timeout: c.OTLP.Timeout, Gzip: c.OTLP.Gzip,
		TLS:     c.OTLP.TLS,
		Headers: c.OTLP.Headers,
		Version: version.Version, Instance: instance,
	}
}

// checkPush reports what would keep the pusher from starting.
func checkPush(c *config.Config) error {
	if c.OTLP.Endpoint == nil {
		return nil
	}
	_, err := otlp.New(pushOptions(c, ""))
	return err
}

// withoutQuery returns the URL of a receiver without what may be a secret in it.
func withoutQuery(u *url.URL) string {
	shown := *u
	shown.User, shown.RawQuery, shown.ForceQuery = nil, "", false
	return shown.String()
}

// instance names this exporter by host and port, as a scraper would: the same
// after a restart, so that its series go on.
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

// pushLog turns the ends of pushLog into counters, log lines and the present state.
type pushLog struct {
	metrics  *exposition.ExporterMetrics
	log      *slog.Logger
	endpoint string // without credentials

	mu     sync.Mutex
	limit  changeLimit
	state  status.Push
	broken time.Time     // when pushes began to fail
	outage time.Duration // how long they failed, until they were good again
}

// State returns how pushes are at the moment. It may be called at any time.
func (p *pushLog) State() status.Push {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state
	s.Endpoint = p.endpoint
	return s
}

func (p *pushLog) report(push otlp.Push) {
	now := time.Now()
	p.metrics.Pushed(string(push.Result), now)
	p.mu.Lock()
	defer p.mu.Unlock()
	reason := ""
	if push.Err != nil {
		reason = quote(push.Err)
	}
	switch {
	case reason != "" && p.state.Error == "":
		p.broken = now
	case reason == "" && p.state.Error != "":
		p.outage = now.Sub(p.broken)
	}
	p.state.Error = reason
	if push.Result == otlp.Success {
		p.state.LastSuccess = now
	}
	changes := p.limit.note(reason, now)
	attributes := []any{"result", push.Result, keyErr, reason}
	if push.RetryAfter > 0 {
		attributes = append(attributes, "retry_after", push.RetryAfter.Round(time.Second))
	}
	switch {
	case reason != "" && changes > 0:
		p.log.Warn("Push by OTLP failed", append(attributes, "changes", changes)...)
	case reason != "":
		p.log.Debug("Push by OTLP failed again", attributes...)
	case changes > 0:
		p.log.Info("Push by OTLP recovered", "after", p.outage.Round(time.Second), "changes", changes)
	default:
		p.log.Debug("Pushed by OTLP", "took", push.Took.Round(time.Millisecond))
	}
}
