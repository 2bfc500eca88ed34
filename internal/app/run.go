// Package app runs the program: it builds everything from a configuration, and
// starts and stops every goroutine.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/common/version"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Run runs the program with its arguments until it is done or ctx ends. It returns the
// exit code: 0 on success; 1 on failure, after it has written a line to stderr for each
// error.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return RunOn(ctx, Network{Listen: net.Listen}, args, stdout, stderr)
}

// Network provides the listeners and connections of the command serve.
type Network struct {
	Listen func(network, address string) (net.Listener, error)
	Dial   fleet.Dial // to upstreams and HTTP discovery; nil for the machine's network
}

// RunOn is like Run, but with another network, such as a simulated one.
func RunOn(ctx context.Context, n Network, args []string, stdout, stderr io.Writer) int {
	if version.Version == "" { // not built by make
		version.Version = "dev"
	}
	err := run(ctx, n, args, stdout, stderr)
	if err == nil || errors.Is(err, config.ErrDone) {
		return 0
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		fmt.Fprintf(stderr, "betanet_exporter: %s\n", line)
	}
	return 1
}

func run(ctx context.Context, n Network, args []string, stdout, stderr io.Writer) error {
	hangups := catchHangups()
	load := func(stdout io.Writer) (settings, error) {
		c, err := config.Load(args, os.Environ(), stdout)
		if err != nil {
			return settings{}, err
		}
		return settings{c, c.Upstreams()}, nil
	}
	s, err := load(stdout)
	switch {
	case err != nil:
		return err
	case s.Print:
		return s.Write(stdout)
	case s.Check:
		return check(s, stdout, stderr)
	}
	if s.Command == config.ServeCmd || s.Command == config.DemoCmd {
		signal.Ignore(syscall.SIGPIPE) // a dead log reader must not kill the process
	} else {
		hangups.release()
	}
	log, flush, err := newLogger(s.Log, stderr)
	if err != nil {
		return err
	}
	defer flush()
	for _, w := range s.Warnings() {
		log.Warn(w)
	}
	if !s.Web.EnablePprof {
		runtime.MemProfileRate = 0 // saves a megabyte of records that only pprof can read
	}
	switch s.Command {
	case config.DemoCmd:
		return demo(ctx, s.Config, hangups, log, stdout)
	case config.SimulateCmd:
		return simulate(ctx, s.Simulate, log)
	case config.CollectCmd:
		return collect(ctx, s, log, stdout)
	default:
		reload := func() (settings, error) { return load(io.Discard) }
		return serve(ctx, n, s, reload, hangups, log, func(string) {})
	}
}

// newLogger returns a logger that never blocks. flush writes the queued lines.
func newLogger(c config.Log, w io.Writer) (log *slog.Logger, flush func(), err error) {
	level, format := promslog.NewLevel(), promslog.NewFormat()
	if err := errors.Join(level.Set(c.Level), format.Set(c.Format)); err != nil {
		return nil, nil, err
	}
	queue := newLogQueue(w)
	log = promslog.New(&promslog.Config{Level: level, Format: format, Writer: queue})
	queue.report = func(dropped int64) {
		log.Warn("Log lines dropped because standard error was blocked", "lines", dropped)
	}
	// net/http logs unsolicited responses of upstreams to the standard logger.
	stdlog.SetFlags(0)
	stdlog.SetOutput(slog.NewLogLogger(log.Handler(), slog.LevelDebug).Writer())
	return log, func() { queue.close(flushTimeout) }, nil
}
