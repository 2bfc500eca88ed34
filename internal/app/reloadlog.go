package app

import (
	"log/slog"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/status"
)

// reloadLog turns the results of reloads into metrics, log lines and the state on
// the status page.
//
// An operator who requests a reload looks for its result. Therefore a failure within
// a minute of the last line is logged at the end of that minute, unless a reload
// succeeds first, and a failure that is repeated after that minute is logged again.
type reloadLog struct {
	metrics *exposition.ExporterMetrics
	log     *slog.Logger
	file    string // the configuration file, "" if there is none

	mu          sync.Mutex
	limit       changeLimit
	lastSuccess time.Time
	pending     *time.Timer // logs a failure that was held back; nil if there is none
}

// State returns the state of the configuration. It does not wait for a running reload.
func (r *reloadLog) State() status.Configuration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return status.Configuration{File: r.file, LastReload: r.lastSuccess, Error: r.limit.reason}
}

// failing reports whether the last reload failed.
func (r *reloadLog) failing() bool { return r.State().Error != "" }

// started records that the first configuration is in effect.
func (r *reloadLog) started(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics.Reloaded(true, now)
	r.lastSuccess = now
}

// succeeded records a reload and the number of upstreams that it configured.
func (r *reloadLog) succeeded(upstreams int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics.Reloaded(true, now)
	r.lastSuccess = now
	r.stopTimer()
	attrs := []any{"upstreams", upstreams}
	if changes := r.limit.record("", now); changes > 0 {
		attrs = append(attrs, "changes", changes)
	}
	r.log.Info("Reloaded the configuration", attrs...)
}

// failed records a reload that changed nothing.
func (r *reloadLog) failed(err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics.Reloaded(false, now)
	reason := err.Error()
	repeated := r.limit.reason == reason
	changes := r.limit.record(reason, now)
	wait := changeInterval - now.Sub(r.limit.logged)
	switch {
	case changes > 0:
		r.logFailure(changes)
	case repeated && wait <= 0:
		r.limit.logged = now
		r.logFailure(0)
	case r.pending == nil && r.limit.changes > 0:
		r.pending = time.AfterFunc(wait, r.flush)
		fallthrough
	default:
		r.log.Debug("Reload failed", keyErr, reason)
	}
}

// flush logs a failure that was held back.
func (r *reloadLog) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == nil {
		return // a reload has succeeded since
	}
	r.limit.logged = time.Time{} // the limit does not apply
	r.logFailure(r.limit.record(r.limit.reason, time.Now()))
}

// logFailure logs the current failure. The caller holds r.mu.
func (r *reloadLog) logFailure(changes int) {
	r.stopTimer()
	r.log.Error("Reload failed, the old configuration goes on", keyErr, r.limit.reason, "changes", changes)
}

// stopTimer discards a failure that was held back. The caller holds r.mu.
func (r *reloadLog) stopTimer() {
	if r.pending != nil {
		r.pending.Stop()
		r.pending = nil
	}
}
