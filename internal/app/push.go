package app

import (
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/otlp"
)

// upstreamsAPart is how many upstreams a part of a push has: about 16 000 data
// points, 1.3 MB before compression. Receivers refuse bodies above some size, and
// what is being converted takes several times as much memory.
const upstreamsAPart = 500

// newPusher makes what pushes the series of the registry, nil if that is not
// wanted. The exporter serves at address.
func newPusher(c *config.Config, r *exposition.Registry, started time.Time, address net.Addr, log *slog.Logger) (*otlp.Pusher, error) {
	if c.OTLP.Endpoint == nil {
		return nil, nil
	}
	p, err := otlp.New(otlp.Options{
		Parts:     func() []prometheus.Gatherer { return r.Parts(upstreamsAPart) },
		OfProcess: exposition.OfProcess,
		Started:   started,
		Endpoint:  c.OTLP.Endpoint, Interval: c.OTLP.Interval, Timeout: c.OTLP.Timeout, Gzip: c.OTLP.Gzip,
		TLS:     otlp.TLS{CAFile: c.OTLP.CAFile, CertFile: c.OTLP.CertFile, KeyFile: c.OTLP.KeyFile},
		Headers: c.OTLP.Headers,
		Version: version.Version, Instance: instance(address),
		Report: (&pushes{self: r.Self, log: log}).report,
	})
	if err != nil {
		return nil, err
	}
	r.Self.Pushing()
	log.Info("Pushing by OTLP", "endpoint", c.OTLP.Endpoint, "interval", c.OTLP.Interval)
	return p, nil
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

// pushes turns the ends of pushes into counters, and into a log line at each
// change.
type pushes struct {
	self *exposition.Self
	log  *slog.Logger

	last  otlp.Result // empty before the first
	since time.Time   // of the last change
}

func (p *pushes) report(push otlp.Push) {
	now := time.Now()
	p.self.Pushed(string(push.Result), now)
	changed, was, since := push.Result != p.last, p.last, p.since
	if changed {
		p.last, p.since = push.Result, now
	}
	switch {
	case push.Err != nil && changed:
		p.log.Warn("Push by OTLP failed", "result", push.Result, keyErr, quote(push.Err))
	case push.Err != nil:
		p.log.Debug("Push by OTLP failed again", "result", push.Result, keyErr, quote(push.Err))
	case changed && was != "":
		p.log.Info("Push by OTLP recovered", "after", now.Sub(since).Round(time.Millisecond))
	default:
		p.log.Debug("Pushed by OTLP", "took", push.Took.Round(time.Millisecond))
	}
}
