package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// hangups receives SIGHUP. Signals that arrive while one is pending count as one.
// SIGINT and SIGTERM are handled by main, which ends the context.
type hangups chan os.Signal

// catchHangups keeps SIGHUP from ending the process. Call it before anything else: a
// SIGHUP may arrive as soon as a socket is open or the service manager is notified.
func catchHangups() hangups {
	h := make(hangups, 1)
	signal.Notify(h, syscall.SIGHUP)
	return h
}

// release restores the default effect of SIGHUP, for a command that cannot reload
// and ends with its terminal. A signal that has already arrived takes effect now.
func (h hangups) release() {
	signal.Reset(syscall.SIGHUP)
	select {
	case <-h:
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Signal(syscall.SIGHUP) // ends the process, unless it was started with nohup
		}
	default:
	}
}

// reload calls do on each SIGHUP until ctx ends.
func (h hangups) reload(ctx context.Context, do func(context.Context) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h:
			_ = do(ctx) // do logs its errors
		}
	}
}
