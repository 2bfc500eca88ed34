package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// maxWarnings is the number of warnings and errors per second that are logged
// individually.
const maxWarnings = 10

// rateLimitHandler keeps an outage of many upstreams from flooding the log: after
// maxWarnings in a second, one line summarizes the other warnings of that second.
// Errors count as warnings.
type rateLimitHandler struct {
	slog.Handler
	state *rateLimit // shared with handlers derived from this one
}

type rateLimit struct {
	mu      sync.Mutex
	second  time.Time // start of the current second
	logged  int
	omitted int
}

func newRateLimitHandler(h slog.Handler) *rateLimitHandler {
	return &rateLimitHandler{h, new(rateLimit)}
}

// Handle implements slog.Handler.
func (h *rateLimitHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn || h.state.admit(h.flush) {
		return h.Handler.Handle(ctx, r)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h *rateLimitHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return &rateLimitHandler{h.Handler.WithAttrs(a), h.state}
}

// WithGroup implements slog.Handler.
func (h *rateLimitHandler) WithGroup(name string) slog.Handler {
	return &rateLimitHandler{h.Handler.WithGroup(name), h.state}
}

// admit reports whether one more warning may be logged now. The first warning that
// is not admitted schedules the summary at the end of the second.
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
		time.AfterFunc(time.Until(s.second.Add(time.Second)), flush)
	}
	s.omitted++
	return false
}

// flush logs the number of warnings omitted since the last summary, if any.
func (h *rateLimitHandler) flush() {
	s := h.state
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.omitted > 0 {
		slog.New(h.Handler).Warn(fmt.Sprintf("%d more warnings in the last second, see betanet_exporter_endpoint_failing", s.omitted))
		s.omitted = 0
	}
}
