package app

import (
	"log/slog"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/status"
)

// reloadLog turns the ends of reloadLog into log lines and the present state.
//
// Somebody asks for each reload and looks for its result. A failure within a minute
// of the last line is therefore logged at the end of that minute, unless a reload
// has succeeded meanwhile; the same failure again, after that minute, is a line.
type reloadLog struct {
	log  *slog.Logger
	file string // that is read, "" for none

	mu    sync.Mutex
	limit changeLimit
	state status.Configuration
	later *time.Timer // logs what the limit held back; nil for nothing
}

// State returns the state of the configuration. It may be called at any time and
// does not wait for a reload.
func (r *reloadLog) State() status.Configuration {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state
	s.File = r.file
	return s
}

// started records that the first configuration is in force.
func (r *reloadLog) started(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.LastReload = now
}

// succeeded reports a reload that gave so many upstreams.
func (r *reloadLog) succeeded(upstreams int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	r.state = status.Configuration{LastReload: now}
	attributes := []any{"upstreams", upstreams}
	if changes := r.limit.note("", now); changes > 0 {
		attributes = append(attributes, "changes", changes)
	}
	r.log.Info("Reloaded the configuration", attributes...)
}

// failed reports a reload that changed nothing.
func (r *reloadLog) failed(err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	again := r.state.Error == err.Error()
	r.state.Error = err.Error()
	changes := r.limit.note(r.state.Error, now)
	wait := changeEvery - now.Sub(r.limit.logged)
	switch {
	case changes > 0:
		r.line(changes)
	case again && wait <= 0:
		r.limit.logged = now
		r.line(0)
	case r.later == nil && r.limit.changes > 0:
		r.later = time.AfterFunc(wait, r.flush)
		fallthrough
	default:
		r.log.Debug("Reload failed", keyErr, r.state.Error)
	}
}

// flush logs what the limit has held back.
func (r *reloadLog) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.later == nil {
		return // a reload has succeeded meanwhile
	}
	r.forget()
	r.limit.logged = time.Now()
	changes := r.limit.changes
	r.limit.changes, r.limit.failing = 0, true
	r.line(changes)
}

// line logs the present failure. The caller holds r.mu.
func (r *reloadLog) line(changes int) {
	r.forget()
	r.log.Error("Reload failed, the old configuration goes on", keyErr, r.state.Error, "changes", changes)
}

// forget drops the line that waits. The caller holds r.mu.
func (r *reloadLog) forget() {
	if r.later != nil {
		r.later.Stop()
		r.later = nil
	}
}
