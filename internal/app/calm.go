package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// maxWarnings is how many warnings a second are logged one by one.
const maxWarnings = 10

// calm is a log handler that keeps an outage of many upstreams from flooding
// the log: above maxWarnings a second, the rest of that second is one line.
type calm struct {
	slog.Handler
	state *calmState // shared with handlers derived from this one
}

type calmState struct {
	mu      sync.Mutex
	second  time.Time // start of the current one
	logged  int
	omitted int
	timer   *time.Timer // calls flush at the end of the second; nil before the first time
}

func newCalm(h slog.Handler) *calm { return &calm{h, new(calmState)} }

// Handle implements slog.Handler.
func (c *calm) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || c.state.admit(c.flush) {
		return c.Handler.Handle(ctx, r)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (c *calm) WithAttrs(a []slog.Attr) slog.Handler { return &calm{c.Handler.WithAttrs(a), c.state} }

// WithGroup implements slog.Handler.
func (c *calm) WithGroup(name string) slog.Handler { return &calm{c.Handler.WithGroup(name), c.state} }

// admit reports whether one more warning may be logged now. For the first that
// may not, it arranges the summary at the end of the second.
func (s *calmState) admit(flush func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.second) >= time.Second {
		s.second, s.logged = now, 0
	}
	if s.logged < maxWarnings {
		s.logged++
		return true
	}
	if s.omitted == 0 {
		s.timer = time.AfterFunc(time.Until(s.second.Add(time.Second)), flush)
	}
	s.omitted++
	return false
}

// flush logs how many warnings were left out since the last summary, if any. After
// it no timer runs.
func (c *calm) flush() {
	s := c.state
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.omitted == 0 {
		return
	}
	s.timer.Stop()
	slog.New(c.Handler).Warn(fmt.Sprintf("%d more warnings in the last second, see betanet_exporter_endpoint_failing", s.omitted))
	s.omitted = 0
}
