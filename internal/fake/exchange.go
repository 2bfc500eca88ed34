package fake

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// A Behaviour answers one request. When it returns, the connection is closed with a FIN unless it called Keep.
type Behaviour func(x *Exchange)

// Exchange is one request and the raw connection on which to answer it, or not.
type Exchange struct {
	Path string

	conn    net.Conn // what the client's bytes arrive on; TLS where the transport says so
	tcp     *net.TCPConn
	closing context.Context
	keep    bool
}

// Write sends b as it is. It reports false once the connection is gone, so that endless answers end.
func (x *Exchange) Write(b []byte) bool {
	_, err := x.conn.Write(b)
	return err == nil
}

// Keep leaves the connection open for the next request.
func (x *Exchange) Keep() { x.keep = true }

// Reset ends the connection with a RST in place of a FIN.
func (x *Exchange) Reset() {
	x.tcp.SetLinger(0)
	x.tcp.Close()
}

// Hold says nothing more until the client hangs up or the server is closed.
func (x *Exchange) Hold() { io.Copy(io.Discard, x.conn) }

// Pause waits for d. It reports false if the server was closed in the meantime.
func (x *Exchange) Pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-x.closing.Done():
		return false
	}
}

func (s *Server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // closed by Refuse or Close
		}
		tcp := conn.(*net.TCPConn)
		transport, ok := s.admit(listener, tcp)
		if !ok {
			return
		}
		s.running.Go(func() {
			defer s.forget(tcp)
			if conn := transport(tcp); conn != nil {
				s.serve(conn, tcp)
				conn.Close()
			}
		})
	}
}

// admit registers a new connection. A connection that was accepted while Refuse was closing the listener is not served,
// because nobody would close it.
func (s *Server) admit(listener net.Listener, tcp *net.TCPConn) (Transport, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != listener {
		tcp.SetLinger(0)
		tcp.Close()
		return nil, false
	}
	s.conns[tcp] = struct{}{}
	s.accepted++
	return s.transport, true
}

func (s *Server) forget(tcp *net.TCPConn) {
	tcp.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, tcp)
}

// serve answers the requests of one connection until a behaviour ends it.
func (s *Server) serve(conn net.Conn, tcp *net.TCPConn) {
	meter := &meter{Reader: conn}
	reader := bufio.NewReader(meter)
	paths := map[string]bool{}
	for {
		meter.n = 0
		request, err := http.ReadRequest(reader)
		if err != nil {
			if strings.HasPrefix(err.Error(), "malformed") {
				s.remember(fmt.Sprintf("not a request: %v", err))
			}
			return
		}
		path := request.URL.Path
		s.check(request, meter.n)
		io.Copy(io.Discard, io.LimitReader(request.Body, 1<<20)) // or it would be taken for the next request
		x := &Exchange{Path: path, conn: conn, tcp: tcp, closing: s.closing}
		s.count(path, !paths[path])(x)
		paths[path] = true
		if !x.keep {
			return
		}
	}
}

// count registers a request and returns the behaviour that is to answer it.
func (s *Server) count(path string, first bool) Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[path] == nil {
		s.seen[path] = &traffic{}
	}
	s.seen[path].requests = append(s.seen[path].requests, time.Now())
	if first {
		s.seen[path].connections++
	}
	if b := s.script[path]; b != nil {
		return b
	}
	return NotFound
}

// check remembers whatever in a request the real upstream could not take.
func (s *Server) check(r *http.Request, size int) {
	switch r.URL.Path {
	case Metrics, Nodes, Network, Mixnodes:
	default:
		s.remember("path " + r.URL.Path)
	}
	if r.URL.RawQuery != "" {
		s.remember("query " + r.URL.RawQuery)
	}
	if r.Method != http.MethodGet {
		s.remember("method " + r.Method)
	}
	if r.ContentLength != 0 {
		s.remember("a request with a body")
	}
	if size >= 4096 {
		s.remember(fmt.Sprintf("a request of %d bytes", size))
	}
}

func (s *Server) remember(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unexpected) < 100 {
		s.unexpected = append(s.unexpected, what)
	}
}

// meter counts the bytes of one request. It may count bytes of the next one too, but nobody pipelines here.
type meter struct {
	io.Reader
	n int
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.Reader.Read(b)
	m.n += n
	return n, err
}
