package app

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/probe"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// Keys of the log's attributes.
const (
	keyUpstream  = "upstream"
	keyEndpoints = "endpoints"
	keyReplica   = "replica"
	keyReason    = "reason"
	keyErr       = "err"
)

// observer turns poll events into counters, log lines and the history on the
// status page. The log reports changes; the counters cover everything.
type observer struct {
	metrics *exposition.ExporterMetrics
	history history.History
	probes  probe.Logs
	outages *outageLog
	limiter *rateLimitHandler
	log     *slog.Logger // writes through limiter
}

func newObserver(metrics *exposition.ExporterMetrics, log *slog.Logger) *observer {
	limiter := newRateLimitHandler(log.Handler())
	log = slog.New(limiter)
	return &observer{metrics: metrics, outages: newOutageLog(log), limiter: limiter, log: log}
}

// report handles an event. It is safe for concurrent use.
func (o *observer) report(e poll.Event) {
	o.record(e)
	o.probes.Report(e)
	o.outages.report(e)
	switch e := e.(type) {
	case poll.Began:
		o.metrics.Collection()
		if !e.Due.IsZero() {
			o.metrics.Delay(e.Delay)
		}
		o.logHealthy("Collecting Betanet metrics", func() []any { return []any{keyUpstream, e.Upstream.DisplayName()} })
	case poll.Skipped:
		o.metrics.Skipped(e.Count)
		o.log.Debug("Skipped collections", keyUpstream, e.Upstream.DisplayName(), "count", e.Count)
	case poll.Attempt:
		o.countAttempt(e)
	case poll.Transition:
		o.metrics.Transition(e.Endpoint, e.To)
	case poll.Cache:
		o.metrics.Cache(string(e.Result))
		if e.Result == poll.CacheHit {
			o.log.Debug("Cache hit", attributes(e.Upstream, e.Replica, []betanet.Endpoint{e.Endpoint})...)
		}
	case poll.Switched:
		o.log.Info("Switched to another replica", keyUpstream, e.Upstream.DisplayName(), "from", e.From, "to", e.To)
	case poll.Ended:
		if e.View.Up() {
			o.logHealthy("Updated metrics", func() []any { return updatedAttributes(e) })
		}
	}
}

// logHealthy logs a step of a healthy collection. With more than one upstream the
// level is debug, because logFleet then summarizes each minute in one line.
func (o *observer) logHealthy(message string, attrs func() []any) {
	level := slog.LevelInfo
	if o.metrics.UpstreamCount() > 1 {
		level = slog.LevelDebug
	}
	if ctx := context.Background(); o.log.Enabled(ctx, level) {
		o.log.Log(ctx, level, message, attrs()...)
	}
}

func updatedAttributes(e poll.Ended) []any {
	all := []any{keyUpstream, e.View.Upstream.DisplayName()}
	v := e.View.Values(time.Now())
	for _, a := range []struct {
		key   string
		value *uint64
		unit  string
	}{{"nodes", v.Uint(betanet.ActiveNodes), ""}, {"connections", v.Uint(betanet.TotalNodes), ""}, {"throughput", v.Uint(betanet.BytesTransmitted), " bytes total"}} {
		if a.value != nil {
			all = append(all, a.key, strconv.FormatUint(*a.value, 10)+a.unit)
		}
	}
	if seconds := v.LatencySeconds(); seconds != nil {
		all = append(all, "latency", milliseconds(*seconds))
	}
	return append(all, "took", e.Duration.Round(time.Microsecond))
}

// milliseconds formats a latency with at most two decimals.
func milliseconds(seconds float64) string {
	return strconv.FormatFloat(math.Round(seconds*1e5)/100, 'f', -1, 64) + "ms"
}

// logFleet logs one line that summarizes the last minute of two or more upstreams.
// It omits unknown values.
func logFleet(log *slog.Logger, p *history.Point) {
	if p.Upstreams < 2 {
		return
	}
	attrs := []any{"upstreams", p.Upstreams, "up", p.Up, "stale", p.Stale, "down", p.Down}
	if p.Messages != nil {
		attrs = append(attrs, "messages_per_second", strconv.FormatFloat(*p.Messages, 'f', 1, 64))
	}
	if p.BytesSent != nil && p.BytesReceived != nil {
		attrs = append(attrs, "bytes_per_second", strconv.FormatFloat(*p.BytesSent+*p.BytesReceived, 'f', 0, 64))
	}
	if p.LatencySeconds != nil {
		attrs = append(attrs, "latency", milliseconds(*p.LatencySeconds))
	}
	log.Info("Updated metrics", attrs...)
}

func (o *observer) countAttempt(e poll.Attempt) {
	if e.Failure == nil {
		o.metrics.Attempt(e.Endpoint, "", e.Duration)
		return
	}
	o.metrics.Attempt(e.Endpoint, e.Failure.Reason, e.Duration)
	switch {
	case e.Retry:
		o.metrics.Retry(e.Endpoint)
	case e.NoBudget:
		o.metrics.BudgetExhausted()
	}
}
