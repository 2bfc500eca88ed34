// Package fake provides fake Betanet upstreams for development, tests, benchmarks and demonstrations of outages.
//
// A [Server] misbehaves on request: it hangs, resets connections, sends a wrong length or something other than HTTP. It
// is built on raw TCP because net/http does not allow any of this. Two layers decide what happens on a connection, and
// both may be changed at any time. A [ConnHandler] acts when the connection is accepted, before any request is read. A
// [Behaviour] responds to one request and is chosen by its path. A new server is a healthy v1 upstream.
//
// A [Service] simulates a network whose values change over time, in either of the two HTTP APIs. It fails on a schedule,
// for demonstrations, or on demand, for tests. It listens only on loopback, because it has no access control.
//
// [Play] runs a drill: a scripted outage of simulated services that shows how the status page, dashboards and alerts
// react, and lets operators practise.
package fake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// The paths that an exporter may request.
const (
	Metrics  = "/api/v1/metrics"
	Nodes    = "/api/v1/nodes/status"
	Network  = "/api/v1/network/stats"
	Mixnodes = "/mixnodes"
)

// Server is one upstream on a loopback port. The caller must Close it.
type Server struct {
	addr        string
	closing     context.Context
	close       context.CancelFunc
	running     sync.WaitGroup
	readRequest func(*bufio.Reader) (*http.Request, error)

	mu         sync.Mutex
	listener   net.Listener // nil while connections are refused
	held       *Blackhole   // occupies the port while there is no listener
	conns      map[*net.TCPConn]struct{}
	accepted   int
	handler    ConnHandler
	behaviours map[string]Behaviour // by path
	fallback   Behaviour            // for all other paths
	seen       map[string]*requestStats
	unexpected []string
}

// requestStats counts the requests for one path.
type requestStats struct {
	requests    int
	times       []time.Time // of the first maxTimes requests
	connections int
}

// Limits on the memory of a server.
const (
	maxPaths   = 1000       // paths that are counted separately
	otherPaths = "(others)" // counts the requests for all further paths
	maxTimes   = 1000       // request times per path
)

// Start listens on a loopback address and serves the healthy v1 documents over plain TCP.
func Start(address string) (*Server, error) {
	s := newServer(address)
	for _, path := range []string{Metrics, Nodes, Network} {
		s.behaviours[path] = JSON(Document(path, 0))
	}
	if err := s.Listen(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func newServer(address string) *Server {
	closing, cancel := context.WithCancel(context.Background())
	return &Server{
		addr: address, closing: closing, close: cancel, readRequest: http.ReadRequest,
		conns: map[*net.TCPConn]struct{}{}, handler: Plain,
		behaviours: map[string]Behaviour{}, fallback: NotFound, seen: map[string]*requestStats{},
	}
}

// Addr returns host:port. It stays the same while connections are refused.
func (s *Server) Addr() string { return s.addr }

// URL returns the base URL for plain HTTP.
func (s *Server) URL() string { return "http://" + s.addr }

// TLSURL returns the base URL for TLS, whichever ConnHandler is set.
func (s *Server) TLSURL() string { return "https://" + s.addr }

// Set makes b respond to all later requests for path.
func (s *Server) Set(path string, b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviours[path] = b
}

// SetConnHandler applies h to all later connections and resets the open ones.
func (s *Server) SetConnHandler(h ConnHandler) {
	s.mu.Lock()
	s.handler = h
	s.mu.Unlock()
	s.closeConns(abort)
}

// Refuse closes the listener and resets every connection, so that later ones are refused. Where possible, it keeps the
// port bound, so that the kernel does not assign it to another socket.
func (s *Server) Refuse() {
	s.stopListening()
	s.mu.Lock()
	if s.closing.Err() == nil {
		s.held = reservePort(s.addr)
	}
	s.mu.Unlock()
	s.closeConns(abort)
}

func (s *Server) stopListening() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		s.listener.Close()
		s.listener = nil
	}
	s.releasePort()
}

// FillBacklog listens with a full accept queue, so that a SYN gets no response, until Listen is called.
func (s *Server) FillBacklog() error {
	s.stopListening()
	s.closeConns(abort)
	s.mu.Lock()
	defer s.mu.Unlock()
	address, err := netip.ParseAddrPort(s.addr)
	if err != nil {
		return fmt.Errorf("fill the backlog: %w", err)
	}
	if s.held, err = ListenBlackhole(address); err != nil {
		return fmt.Errorf("fill the backlog of %s: %w", address, err)
	}
	return nil
}

// Listen accepts connections, after Refuse or FillBacklog on the same port as before. If the server is already listening,
// it does nothing.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Err() != nil {
		return errors.New("listen: server is closed")
	}
	if s.listener != nil {
		return nil
	}
	s.releasePort()
	var c net.ListenConfig
	c.SetMultipathTCP(false) // with MPTCP, the client may not see a RST
	listener, err := c.Listen(s.closing, "tcp", s.addr)
	if err != nil {
		return err
	}
	s.listener = listener
	if addr := listener.Addr().String(); addr != s.addr { // only the first time: later, other goroutines may read it
		s.addr = addr
	}
	s.running.Go(func() { s.accept(listener) })
	return nil
}

// releasePort must be called with s.mu locked.
func (s *Server) releasePort() {
	if s.held != nil {
		s.held.Close()
		s.held = nil
	}
}

// Close resets every connection and waits for all goroutines of the server.
func (s *Server) Close() {
	s.close()
	s.stopListening()
	s.closeConns(abort)
	s.running.Wait()
}

func (s *Server) stats(path string) requestStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.seen[path]; r != nil {
		return *r
	}
	return requestStats{}
}

// Requests returns the number of requests for path so far.
func (s *Server) Requests(path string) int { return s.stats(path).requests }

// RequestTimes returns the arrival times of the first 1000 requests for path.
func (s *Server) RequestTimes(path string) []time.Time { return slices.Clone(s.stats(path).times) }

// Connections returns the number of connections that carried at least one request for path.
func (s *Server) Connections(path string) int { return s.stats(path).connections }

// Accepted returns the number of connections accepted so far, with or without a request.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// OpenConnections returns the number of open connections.
func (s *Server) OpenConnections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Unexpected lists requests that no exporter may send: for another path, with a query, another method or a body, or too
// large for the single 4096-byte read of the real server. Tests require that there are none. At most 100 are listed.
func (s *Server) Unexpected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unexpected)
}

// closeConns applies end to every open connection.
func (s *Server) closeConns(end func(*net.TCPConn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		end(conn)
	}
}
