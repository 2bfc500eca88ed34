package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"github.com/betanet/betanet_exporter/internal/exposition"
)

// Limits of inbound connections (design: interface.md, HTTP).
const (
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	idleTimeout    = 3 * time.Minute
	stallTimeout   = 10 * time.Second
	maxHeaderBytes = 32 << 10
	// drainTimeout is what a stop grants to requests in flight.
	drainTimeout = 800 * time.Millisecond
)

// Listen opens the sockets with listen, or takes those that systemd passes. Errors name the
// address.
func Listen(listen func(network, address string) (net.Listener, error), addresses []string, systemd bool) ([]net.Listener, error) {
	if systemd {
		all, err := activation.Listeners()
		if err == nil && len(all) == 0 {
			err = errors.New("systemd passed no socket")
		}
		return all, err
	}
	var all []net.Listener
	for _, a := range addresses {
		if strings.HasPrefix(a, "vsock://") {
			return nil, fmt.Errorf("listen on %s: vsock is not supported", a)
		}
		l, err := listen("tcp", a)
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, fmt.Errorf("listen on %s: %w", a, reasonOf(err))
		}
		all = append(all, l)
	}
	return all, nil
}

// reasonOf leaves out what the caller says already.
func reasonOf(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// Server is the serving side with its limits.
type Server struct {
	Handler    http.Handler
	MaxConns   int    // inbound connections; above it the longest idle ones go
	ConfigFile string // of exporter-toolkit, "" for none
	Exporter   *exposition.ExporterMetrics
	Log        *slog.Logger
}

// Serve serves on all listeners until ctx ends, then lets requests in flight
// finish for a moment, and closes everything.
func (s *Server) Serve(ctx context.Context, listeners []net.Listener) error {
	conns := newConns(s.MaxConns, func() { s.Exporter.Rejected(exposition.RejectedConnections) })
	none := false
	flags := &toolkit.FlagConfig{WebConfigFile: &s.ConfigFile, WebSystemdSocket: &none}
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range listeners {
		// One server each, because the toolkit changes the one it is given.
		server := &http.Server{
			Handler: s.Handler, ConnState: conns.state, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
			ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		}
		group.Go(func() error {
			steady := &steadyListener{l, func() { s.Exporter.Rejected(exposition.RejectedSlowClient) }}
			if err := toolkit.Serve(steady, server, flags, s.Log); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve on %s: %w", l.Addr(), err)
			}
			return nil
		})
		group.Go(func() error {
			<-ctx.Done()
			drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
			defer cancel()
			if server.Shutdown(drain) != nil {
				return server.Close()
			}
			return nil
		})
	}
	return group.Wait()
}

// steadyListener gives connections whose writes must make progress.
type steadyListener struct {
	net.Listener
	cut func() // called when a connection is cut
}

func (l *steadyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &steadyConn{c, l.cut}, nil
}

// steadyConn fails a write that makes no progress for stallTimeout.
type steadyConn struct {
	net.Conn
	cut func()
}

// piece is how much of a write is given its own time.
const piece = 64 << 10

func (c *steadyConn) Write(b []byte) (n int, err error) {
	for {
		if err := c.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(b[n:min(len(b), n+piece)])
		n += m
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.cut()
		}
		if err != nil || n == len(b) {
			return n, err
		}
	}
}
