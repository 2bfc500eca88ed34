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

// rateLimitHandler is a log handler that keeps an outage of many upstreams from flooding
// the log: above maxWarnings a second, the rest of that second is one line.
type rateLimitHandler struct {
	slog.Handler
	state *rateLimit // shared with handlers derived from this one
}

type rateLimit struct {
	mu      sync.Mutex
	second  time.Time // start of the current one
	logged  int
	omitted int
	timer   *time.Timer // calls flush at the end of the second; nil before the first time
}

func newRateLimitHandler(h slog.Handler) *rateLimitHandler {
	return &rateLimitHandler{h, new(rateLimit)}
}

// Handle implements slog.Handler.
func (c *rateLimitHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || c.state.admit(c.flush) {
		return c.Handler.Handle(ctx, r)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (c *rateLimitHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return &rateLimitHandler{c.Handler.WithAttrs(a), c.state}
}

// WithGroup implements slog.Handler.
func (c *rateLimitHandler) WithGroup(name string) slog.Handler {
	return &rateLimitHandler{c.Handler.WithGroup(name), c.state}
}

// admit reports whether one more warning may be logged now. For the first that
// may not, it arranges the summary at the end of the second.
func (s *rateLimit) admit(flush func()) bool {
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
func (c *rateLimitHandler) flush() {
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
