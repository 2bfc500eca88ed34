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

// Limits of inbound connections.
const (
	headerTimeout  = 10 * time.Second
	readTimeout    = 30 * time.Second
	idleTimeout    = 3 * time.Minute
	stallTimeout   = 10 * time.Second
	maxHeaderBytes = 32 << 10
	// drainTimeout is the time that requests in flight have to finish at shutdown.
	drainTimeout = 800 * time.Millisecond
)

// Listen opens a socket for each address with listen, or returns the sockets that
// systemd passes. Its errors name the address.
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
			return nil, fmt.Errorf("listen on %s: %w", a, withoutAddress(err))
		}
		all = append(all, l)
	}
	return all, nil
}

// withoutAddress strips the address from an error, because the caller adds it.
func withoutAddress(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// Server serves connections within limits.
type Server struct {
	Handler    http.Handler
	MaxConns   int    // inbound connections; above it, the longest idle ones are closed
	ConfigFile string // of exporter-toolkit, "" for none
	Exporter   *exposition.ExporterMetrics
	Log        *slog.Logger
}

// Serve serves on all listeners until ctx ends or one of them fails. It then gives
// requests in flight drainTimeout to finish.
func (s *Server) Serve(ctx context.Context, listeners []net.Listener) error {
	conns := newConns(s.MaxConns, func() { s.Exporter.Rejected(exposition.RejectedConnections) })
	systemd := false // Listen handles the sockets of systemd
	flags := &toolkit.FlagConfig{WebConfigFile: &s.ConfigFile, WebSystemdSocket: &systemd}
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range listeners {
		// Each listener has its own server, because the toolkit modifies the server.
		server := &http.Server{
			Handler: s.Handler, ConnState: conns.state, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
			ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		}
		group.Go(func() error {
			limited := &stallTimeoutListener{l, func() { s.Exporter.Rejected(exposition.RejectedSlowClient) }}
			if err := toolkit.Serve(limited, server, flags, s.Log); !errors.Is(err, http.ErrServerClosed) {
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

// stallTimeoutListener accepts connections whose writes must make progress.
type stallTimeoutListener struct {
	net.Listener
	stalled func() // called when a write makes no progress
}

func (l *stallTimeoutListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &stallTimeoutConn{c, l.stalled}, nil
}

// stallTimeoutConn fails a write that makes no progress for stallTimeout.
type stallTimeoutConn struct {
	net.Conn
	stalled func()
}

// chunkSize is the size of a part of a write that has stallTimeout to finish.
const chunkSize = 64 << 10

// Write implements net.Conn. It writes large buffers in parts, so that a slow client that
// makes progress is not cut off.
func (c *stallTimeoutConn) Write(b []byte) (n int, err error) {
	for {
		if err := c.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(b[n:min(len(b), n+chunkSize)])
		n += m
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.stalled()
		}
		if err != nil || n == len(b) {
			return n, err
		}
	}
}
