// Package app is the program: it builds everything from a configuration, and
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
	"strings"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/common/version"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Run runs the program with its arguments until it is done or ctx ends. It
// returns the exit code: 0, or 1 after a line on stderr for each error.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return RunOn(ctx, Network{Listen: net.Listen}, args, stdout, stderr)
}

// Network is what serve needs of one.
type Network struct {
	Listen func(network, address string) (net.Listener, error)
	Dial   fleet.Dial // to upstreams and lists of them, nil for the machine's
}

// RunOn is Run on another network than the machine's, such as a simulated one.
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
	signals := catchSignals()
	c, err := config.Load(args, os.Environ(), stdout)
	if err != nil {
		return err
	}
	switch {
	case c.Print:
		return c.Write(stdout)
	case c.Check:
		return check(c, stdout, stderr)
	}
	if c.Command == config.Serve || c.Command == config.Demo {
		signals.surviveLogReader()
	} else {
		signals.release()
	}
	log, flush, err := newLogger(c.Log, stderr)
	if err != nil {
		return err
	}
	defer flush()
	for _, w := range c.Warnings() {
		log.Warn(w)
	}
	load := func() (settings, error) {
		c, err := config.Load(args, os.Environ(), io.Discard)
		if err != nil {
			return settings{}, err
		}
		return settings{c, c.Upstreams()}, nil
	}
	switch c.Command {
	case config.Demo:
		return demo(ctx, c, signals, log, stdout)
	case config.SimulateCmd:
		return simulate(ctx, c.Simulate, log)
	case config.CollectCmd:
		return collect(ctx, c, log, stdout)
	default:
		return serve(ctx, n, settings{c, c.Upstreams()}, load, signals, log, func(string) {})
	}
}

// newLogger makes the log, and the function that writes out what waits in it.
func newLogger(c config.Log, w io.Writer) (log *slog.Logger, flush func(), err error) {
	level, format := promslog.NewLevel(), promslog.NewFormat()
	if err := errors.Join(level.Set(c.Level), format.Set(c.Format)); err != nil {
		return nil, nil, err
	}
	queue := newLogQueue(w)
	log = promslog.New(&promslog.Config{Level: level, Format: format, Writer: queue})
	queue.tell = func(dropped int64) {
		log.Warn("Log lines dropped, standard error did not take them", "lines", dropped)
	}
	// net/http tells the standard logger about upstreams that speak unasked.
	stdlog.SetFlags(0)
	stdlog.SetOutput(slog.NewLogLogger(log.Handler(), slog.LevelDebug).Writer())
	return log, func() { queue.close(flushTimeout) }, nil
}
