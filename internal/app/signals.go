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

// catchSignals keeps SIGHUP from ending the process, from now until its exit.
// Signals that arrive before onHangup is called count as one.
func catchSignals() *signals {
	s := &signals{make(chan os.Signal, 1)}
	signal.Notify(s.hangup, syscall.SIGHUP)
	return s
}

// release gives SIGHUP its usual effect again, for a command that has nothing to
// reload and ends with its terminal. A signal that came since catchSignals takes
// effect now.
func (s *signals) release() {
	signal.Reset(syscall.SIGHUP)
	select {
	case <-s.hangup:
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Signal(syscall.SIGHUP) // the process ends, unless it was started with nohup
		}
	default:
	}
}

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
