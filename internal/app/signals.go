package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signals are those that the program handles beside SIGINT and SIGTERM, which
// main turns into the end of the context. They are caught before anything else
// happens: once a socket is open or the service manager has been told that the
// program is ready, somebody may send one.
type signals struct {
	hangup chan os.Signal
}

// catchSignals starts to keep SIGHUP for onHangup. Any number that arrives before
// it is called counts as one.
func catchSignals() *signals {
	s := &signals{make(chan os.Signal, 1)}
	signal.Notify(s.hangup, syscall.SIGHUP)
	return s
}

// release restores what SIGHUP does to other programs.
func (s *signals) release() { signal.Stop(s.hangup) }

// surviveLogReader keeps the process alive when the reader of its log is gone.
// Without it, the next line would raise SIGPIPE.
func (s *signals) surviveLogReader() { signal.Ignore(syscall.SIGPIPE) }

// onHangup reloads at each SIGHUP until ctx ends. Those that come during a reload
// count as one.
func (s *signals) onHangup(ctx context.Context, reload func() error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.hangup:
			_ = reload() // it has told the log and the metrics
		}
	}
}
