package fake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

const (
	// A port that was given up for a while may have been taken by somebody
	// else; these attempts, 5 s in all, outlast an accidental use of it.
	relistenAttempts = 50
	relistenPause    = 100 * time.Millisecond

	acceptPause = 10 * time.Millisecond // after an error of accept, such as too many open files
)

// loopback returns the address to listen on, or an error when others than
// this machine could reach it. The name localhost is not looked up: what it
// means is not left to a resolver.
func loopback(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("listen address %q: want host:port", addr)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return "", fmt.Errorf("listen address %q is not loopback: want 127.0.0.0/8, [::1] or localhost", addr)
	}
	return net.JoinHostPort(host, port), nil
}

func listen(ctx context.Context, addr string) (*net.TCPListener, error) {
	var c net.ListenConfig
	c.SetMultipathTCP(false) // a plain reset must reach the client as one
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// open lets connections in through l.
func (s *Service) open(l *net.TCPListener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Err() != nil {
		l.Close()
		return
	}
	s.listener = l
	s.work.Go(func() { s.accept(l) })
}

// reopen takes the port again after a refusal, unless ctx ends first.
func (s *Service) reopen(ctx context.Context) {
	var err error
	for range relistenAttempts {
		var l *net.TCPListener
		if l, err = listen(ctx, s.addr); err == nil {
			s.open(l)
			break
		}
		if !pause(ctx, relistenPause) {
			return
		}
	}
	if err != nil {
		err = fmt.Errorf("listen again after the fault %s: %w", refuse, err)
	}
	s.mu.Lock()
	s.broken = err
	s.mu.Unlock()
}

func (s *Service) accept(l *net.TCPListener) {
	for {
		c, err := l.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			pause(s.closing, acceptPause)
		default:
			s.admit(l, c)
		}
	}
}

// admit serves a connection in a goroutine of its own. One that l accepted in
// the instant before it was closed is too late and is reset.
func (s *Service) admit(l *net.TCPListener, c *net.TCPConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != l || s.closing.Err() != nil {
		abort(c)
		return
	}
	s.conns[c] = struct{}{}
	s.work.Go(func() {
		s.serveConn(c)
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		c.Close()
	})
}

// abort makes the other side see a reset instead of an orderly end.
func abort(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

// pause waits for d and tells whether ctx let it.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
