package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/poll"
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

// observer turns the events of collecting into counters, log lines and the history
// of the status page. The log is about changes; the counters carry the rest.
type observer struct {
	metrics *exposition.ExporterMetrics
	past    *recorder
	log     *slog.Logger
	*outageLog
}

func newObserver(metrics *exposition.ExporterMetrics, p *recorder, log *slog.Logger) *observer {
	p.warnings = newCalm(log.Handler())
	log = slog.New(p.warnings)
	p.outages = newOutageLog(log)
	return &observer{metrics: metrics, past: p, log: log, outageLog: p.outages}
}

func (o *observer) report(e poll.Event) {
	o.past.record(e)
	o.past.probes.Report(e)
	switch e := e.(type) {
	case poll.Began:
		o.metrics.Collection()
		if !e.Due.IsZero() {
			o.metrics.Delay(e.Delay)
		}
		o.began(e)
		if level := o.ofHealthy(); o.log.Enabled(context.Background(), level) {
			o.log.Log(context.Background(), level, "Collecting Betanet metrics", keyUpstream, e.Upstream.DisplayName())
		}
	case poll.Skipped:
		o.metrics.Skipped(e.Count)
		o.log.Debug("Skipped collections", keyUpstream, e.Upstream.DisplayName(), "count", e.Count)
	case poll.Attempt:
		o.count(e)
		o.attempt(e)
	case poll.Transition:
		o.metrics.Transition(e.Endpoint, e.To)
		o.transition(e)
	case poll.Cache:
		o.metrics.Cache(string(e.Result))
		if e.Result == poll.Hit {
			o.log.Debug("Cache hit", where(e.Upstream, e.Replica, []betanet.Endpoint{e.Endpoint})...)
		}
	case poll.Failing:
		o.isFailing(e)
	case poll.Recovered:
		o.hasRecovered(e)
	case poll.Switched:
		o.switched(e)
		o.log.Info("Switched to another replica", keyUpstream, e.Upstream.DisplayName(), "from", e.From, "to", e.To)
	case poll.Ended:
		o.ended(e.View.Upstream)
		if level := o.ofHealthy(); e.View.Up() && o.log.Enabled(context.Background(), level) {
			o.log.Log(context.Background(), level, "Updated metrics", updated(e)...)
		}
	}
}

// ofHealthy is the level of the lines about a healthy collection. With more than
// one upstream a line a minute sums them up instead.
func (o *observer) ofHealthy() slog.Level {
	if o.metrics.UpstreamCount() > 1 {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

func updated(e poll.Ended) []any {
	attrs := []any{keyUpstream, e.View.Upstream.DisplayName()}
	v := e.View.Values(time.Now())
	for _, a := range []struct {
		key   string
		value *uint64
		unit  string
	}{{"nodes", v.Uint(betanet.ActiveNodes), ""}, {"connections", v.Uint(betanet.TotalNodes), ""}, {"throughput", v.Uint(betanet.BytesTransmitted), " bytes total"}} {
		if a.value != nil {
			attrs = append(attrs, a.key, strconv.FormatUint(*a.value, 10)+a.unit)
		}
	}
	if seconds := v.LatencySeconds(); seconds != nil {
		attrs = append(attrs, "latency", milliseconds(*seconds))
	}
	return append(attrs, "took", e.Duration.Round(time.Microsecond))
}

func milliseconds(seconds float64) string {
	return strconv.FormatFloat(seconds*1000, 'f', -1, 32) + "ms"
}

// logFleet sums up the last minute of more than one upstream in a line. What is
// not known is left out.
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

func (o *observer) count(e poll.Attempt) {
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

// refused reports whether an answer came and its content was not accepted.
func refused(r betanet.Reason) bool {
	switch r {
	case betanet.ReasonSyntax, betanet.ReasonSchema, betanet.ReasonValue,
		betanet.ReasonTooLarge, betanet.ReasonEncoding, betanet.ReasonContentType:
		return true
	}
	return false
}

// maxErrorText bounds what is logged of an error, in bytes.
const maxErrorText = 200

// plainText is the text of a failure without its endpoint, which is an attribute
// of the line, and without addresses and times that differ from attempt to
// attempt.
func plainText(f *betanet.Failure, e betanet.Endpoint) string {
	text := strings.TrimPrefix(f.Error(), "fetch "+e.String()+": ")
	var op *net.OpError
	if errors.As(f.Err, &op) && op.Err != nil {
		text = strings.Replace(text, op.Error(), op.Err.Error(), 1)
	}
	return quoteText(presentTime.ReplaceAllString(text, ""))
}

// presentTime is what crypto/x509 says of a certificate that has expired.
var presentTime = regexp.MustCompile(`: current time \S+ is (after|before) \S+`)

// quote makes an error's text safe for a line of a log: what does not print is
// escaped, what is long is cut.
func quote(err error) string { return quoteText(err.Error()) }

func quoteText(text string) string {
	cut := len(text) > maxErrorText
	if cut {
		text = text[:maxErrorText]
	}
	var b strings.Builder
	for i, r := range text {
		switch _, size := utf8.DecodeRuneInString(text[i:]); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	if cut {
		b.WriteString("...")
	}
	return b.String()
}
