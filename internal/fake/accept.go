package fake

import (
	"errors"
	"net"
	"time"
)

// acceptPause follows an error of accept, such as too many open files.
const acceptPause = 10 * time.Millisecond

func (s *Server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			pause(s.closing, acceptPause)
		default:
			s.admit(listener, conn.(*net.TCPConn))
		}
	}
}

// admit serves a new connection in a goroutine of its own. One that was accepted while the listener was being closed is
// reset, because nobody would close it.
func (s *Server) admit(listener net.Listener, tcp *net.TCPConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != listener {
		abort(tcp)
		return
	}
	s.conns[tcp] = struct{}{}
	s.accepted++
	transport := s.transport
	s.running.Go(func() {
		defer s.forget(tcp)
		if conn := transport(tcp); conn != nil {
			s.serve(conn, tcp)
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

// count registers a request and returns the behaviour that is to answer it.
func (s *Server) count(path string, first bool) Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.script[path]
	if b == nil {
		b = s.others
	}
	if s.seen[path] == nil {
		if len(s.seen) >= maxPaths {
			path = otherPaths
		}
		if s.seen[path] == nil {
			s.seen[path] = &traffic{}
		}
	}
	t := s.seen[path]
	t.requests++
	if len(t.times) < maxTimes {
		t.times = append(t.times, time.Now())
	}
	if first {
		t.connections++
	}
	return b
}
