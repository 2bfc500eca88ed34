package app

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/history"
	"github.com/betanet/betanet_exporter/internal/poll"
)

// Keys of the log's attributes.
const (
	keyUpstream = "upstream"
	keyEndpoint = "endpoint"
	keyReplica  = "replica"
	keyReason   = "reason"
	keyErr      = "err"
)

// observer turns the events of collecting into counters, log lines and the past
// of the status page. The log is about changes; the counters carry the rest (design: interface.md, log
// lines).
type observer struct {
	self *exposition.Self
	past *past
	log  *slog.Logger
}

func newObserver(self *exposition.Self, p *past, log *slog.Logger) *observer {
	return &observer{self: self, past: p, log: slog.New(newCalm(log.Handler()))}
}

func (o *observer) report(e poll.Event) {
	o.past.note(e)
	switch e := e.(type) {
	case poll.Began:
		o.self.Collection()
		if !e.Due.IsZero() {
			o.self.Delay(e.Delay)
		}
		if level := o.ofHealthy(); o.log.Enabled(context.Background(), level) {
			o.log.Log(context.Background(), level, "Collecting Betanet metrics", keyUpstream, e.Upstream.Title())
		}
	case poll.Skipped:
		o.self.Skipped(e.Count)
		o.log.Debug("Skipped collections", keyUpstream, e.Upstream.Title(), "count", e.Count)
	case poll.Attempt:
		o.attempt(e)
	case poll.Transition:
		o.transition(e)
	case poll.Cache:
		o.self.Cache(string(e.Result))
		if e.Result == poll.Hit {
			o.log.Debug("Cache hit", at(e.Source)...)
		}
	case poll.Failing:
		o.failing(e)
	case poll.Recovered:
		if !e.Probe { // its closing circuit is logged
			o.log.Info("Endpoint recovered", at(e.Source, "after", e.After.Round(time.Millisecond))...)
		}
	case poll.Switched:
		o.log.Info("Switched to another replica", keyUpstream, e.Upstream.Title(), "from", e.From, "to", e.To)
	case poll.Ended:
		if level := o.ofHealthy(); e.View.Up() && o.log.Enabled(context.Background(), level) {
			o.log.Log(context.Background(), level, "Updated metrics", updated(e)...)
		}
	}
}

// ofHealthy is the level of the lines about a healthy collection. With more than
// one upstream a line a minute sums them up instead.
func (o *observer) ofHealthy() slog.Level {
	if o.self.UpstreamCount() > 1 {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

func updated(e poll.Ended) []any {
	attrs := []any{keyUpstream, e.View.Upstream.Title()}
	v := e.View.Values(time.Now())
	for _, a := range []struct {
		key   string
		value *uint64
		unit  string
	}{{"nodes", v.Active, ""}, {"connections", v.Peers, ""}, {"throughput", v.BytesTransmitted, " bytes total"}} {
		if a.value != nil {
			attrs = append(attrs, a.key, strconv.FormatUint(*a.value, 10)+a.unit)
		}
	}
	if v.LatencySeconds != nil {
		attrs = append(attrs, "latency", milliseconds(*v.LatencySeconds))
	}
	return append(attrs, "took", e.Duration.Round(time.Microsecond))
}

func milliseconds(seconds float64) string {
	return strconv.FormatFloat(seconds*1000, 'f', -1, 32) + "ms"
}

// logFleet sums up the last minute of more than one upstream in a line. What is
// not known is left out.
func logFleet(log *slog.Logger, p *history.Point) {
	if p.Upstreams() < 2 {
		return
	}
	attrs := []any{"upstreams", p.Upstreams(), "up", p.Up, "stale", p.Stale, "down", p.Down}
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

func (o *observer) attempt(e poll.Attempt) {
	if e.Failure == nil {
		o.self.Attempt(e.Endpoint, "", e.Duration)
		return
	}
	o.self.Attempt(e.Endpoint, e.Failure.Reason, e.Duration)
	switch {
	case e.Retry:
		o.self.Retry(e.Endpoint)
	case e.NoBudget:
		o.self.BudgetExhausted()
	}
	level := slog.LevelWarn
	if e.Recurring || e.Failure.Reason == betanet.ReasonCanceled {
		level = slog.LevelDebug
	}
	if !o.log.Enabled(context.Background(), level) {
		return // thousands a second, in an outage of many
	}
	text := fmt.Sprintf("Attempt %d failed: %s", e.Number, quote(e.Failure))
	switch {
	case e.Retry:
		text += ", retrying in " + e.Wait.Round(time.Millisecond).String()
	case e.NoBudget:
		text += ", not retrying: the retry budget is empty"
	}
	o.log.Log(context.Background(), level, text, at(e.Source, keyReason, e.Failure.Reason)...)
}

func (o *observer) transition(e poll.Transition) {
	o.self.Transition(e.Endpoint, e.To)
	switch {
	case e.To == breaker.Closed:
		o.log.Info("Service recovered, closing circuit", at(e.Source)...)
	case e.To == breaker.HalfOpen:
		o.log.Debug("Circuit breaker is half-open, sending one probe", at(e.Source)...)
	case e.Again:
		o.log.Debug("Circuit breaker stays open, the probe failed", at(e.Source, "until", e.Until)...)
	default:
		o.log.Warn("Circuit breaker is OPEN - service may be degraded", at(e.Source, "until", e.Until)...)
	}
}

func (o *observer) failing(e poll.Failing) {
	if refused(e.Failure.Reason) {
		o.log.Error("Document refused", at(e.Source, keyReason, e.Failure.Reason, keyErr, quote(e.Failure))...)
	}
	if e.First && e.Cached {
		o.log.Warn("Using stale cached data due to fetch failure", at(e.Source, keyReason, e.Failure.Reason, "age", e.Age.Round(time.Millisecond))...)
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

func at(s poll.Source, attrs ...any) []any {
	where := []any{keyUpstream, s.Upstream.Title(), keyEndpoint, s.Endpoint.String()}
	if s.Replica != "" {
		where = append(where, keyReplica, s.Replica)
	}
	return append(where, attrs...)
}

// maxErrorText bounds what is logged of an error, in bytes.
const maxErrorText = 200

// quote makes an error's text safe for a line of a log: what does not print is
// escaped, what is long is cut.
func quote(err error) string {
	text := err.Error()
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
