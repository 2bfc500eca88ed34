package fake

import (
	"errors"
	"net"
	"time"
)

// acceptPause is the pause after a failed Accept, for example because too many files are open.
const acceptPause = 10 * time.Millisecond

func (s *Server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			sleep(s.closing, acceptPause)
		default:
			s.admit(listener, conn.(*net.TCPConn))
		}
	}
}

// admit serves a new connection in its own goroutine. It resets a connection that was accepted while the listener was
// being closed, because nothing else would close it.
func (s *Server) admit(listener net.Listener, tcp *net.TCPConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != listener {
		abort(tcp)
		return
	}
	s.conns[tcp] = struct{}{}
	s.accepted++
	handler := s.handler
	s.running.Go(func() {
		defer s.forget(tcp)
		if conn := handler(tcp); conn != nil {
			s.serveConn(conn, tcp)
			conn.Close()
		}
	})
}

func (s *Server) forget(tcp *net.TCPConn) {
	tcp.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, tcp)
}

// count counts a request and returns the behaviour for its path. first reports whether it is the first request for the
// path on its connection.
func (s *Server) count(path string, first bool) Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.behaviours[path]
	if b == nil {
		b = s.fallback
	}
	if s.seen[path] == nil && len(s.seen) >= maxPaths {
		path = otherPaths
	}
	r := s.seen[path]
	if r == nil {
		r = &requestStats{}
		s.seen[path] = r
	}
	r.requests++
	if len(r.times) < maxTimes {
		r.times = append(r.times, time.Now())
	}
	if first {
		r.connections++
	}
	return b
}
