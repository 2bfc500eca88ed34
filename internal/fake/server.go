// Package fake is a Betanet upstream that is at hand: to develop and test
// against, to measure with, and to practise on.
//
// A [Server] is the upstream at its worst: it hangs, resets, lies about its length or speaks something other than HTTP. It
// is written on raw TCP, because net/http refuses to misbehave. What happens on a connection is decided in two layers,
// and both may be changed at any time. A [Transport] acts when the connection is accepted, before any request is read. A
// [Behaviour] answers one request and is chosen by its path. A new server is a healthy v1 upstream.
//
// A [Service] has values that move like those of a network, in either of the two HTTP APIs that exist in the wild, and
// goes wrong on request: by a schedule when a person watches it, by a call when a test does. It listens on loopback
// only, because it obeys anybody who can reach it. A drill is a table of what services suffer, and plays it.
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

// The paths that an exporter may request; there are no others.
const (
	Metrics  = "/api/v1/metrics"
	Nodes    = "/api/v1/nodes/status"
	Network  = "/api/v1/network/stats"
	Mixnodes = "/mixnodes"
)

// Server is one upstream on a loopback port. Close it, or its goroutines stay.
type Server struct {
	addr    string
	closing context.Context
	close   context.CancelFunc
	running sync.WaitGroup
	read    func(*bufio.Reader) (*http.Request, error)

	mu         sync.Mutex
	listener   net.Listener // nil while connections are refused
	held       *Blackhole   // in place of it while SYNs get no answer
	conns      map[*net.TCPConn]struct{}
	accepted   int
	transport  Transport
	script     map[string]Behaviour
	others     Behaviour // of the paths that are not in the script
	seen       map[string]*traffic
	unexpected []string
}

// traffic is what one path has received.
type traffic struct {
	requests    int
	times       []time.Time // of the first maxTimes requests
	connections int
}

// What is remembered does not grow without bound.
const (
	maxPaths   = 1000 // paths that are counted each by itself
	otherPaths = "(others)"
	maxTimes   = 1000 // requests of a path
)

// Start listens on a free loopback port and serves the healthy v1 documents over plain TCP.
func Start() (*Server, error) { return StartOn("127.0.0.1:0") }

// StartOn is Start on an address of one's choice.
func StartOn(address string) (*Server, error) {
	s := newServer(address)
	for path, document := range Healthy() {
		s.script[path] = JSON(document)
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
		addr: address, closing: closing, close: cancel, read: http.ReadRequest,
		conns: map[*net.TCPConn]struct{}{}, transport: Plain,
		script: map[string]Behaviour{}, others: NotFound, seen: map[string]*traffic{},
	}
}

// Addr is the server's host:port. It stays the same when connections are refused for a while.
func (s *Server) Addr() string { return s.addr }

// URL is the base URL for an exporter that is to use plain HTTP.
func (s *Server) URL() string { return "http://" + s.addr }

// TLSURL is the base URL for an exporter that is to use TLS, whatever the server's transport really is.
func (s *Server) TLSURL() string { return "https://" + s.addr }

// Set makes b the answer to every following request for path.
func (s *Server) Set(path string, b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script[path] = b
}

// SetTransport makes t the fate of every following connection and drops those that exist, kept ones above all.
func (s *Server) SetTransport(t Transport) {
	s.mu.Lock()
	s.transport = t
	s.mu.Unlock()
	s.drop()
}

// Refuse closes the listening socket and every connection, so that the next one is refused. The port is kept from
// others where that is possible.
func (s *Server) Refuse() {
	s.stopListening()
	s.mu.Lock()
	if s.closing.Err() == nil {
		s.held = reservePort(s.addr)
	}
	s.mu.Unlock()
	s.drop()
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

// FillBacklog listens with a queue that is full, so that a SYN gets no answer of any kind. Listen ends it.
func (s *Server) FillBacklog() error {
	s.stopListening()
	s.drop()
	s.mu.Lock()
	defer s.mu.Unlock()
	address, err := netip.ParseAddrPort(s.addr)
	if err != nil {
		return fmt.Errorf("fill the backlog: %w", err)
	}
	if s.held, err = fillBacklog(address); err != nil {
		return fmt.Errorf("fill the backlog of %s: %w", address, err)
	}
	return nil
}

// Listen accepts connections, on the same port again after Refuse.
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
	c.SetMultipathTCP(false) // a RST must reach the client as one
	listener, err := c.Listen(s.closing, "tcp", s.addr)
	if err != nil {
		return err
	}
	s.listener = listener
	if addr := listener.Addr().String(); addr != s.addr { // the first time: others may read it afterwards
		s.addr = addr
	}
	s.running.Go(func() { s.accept(listener) })
	return nil
}

// releasePort is called with the mutex held.
func (s *Server) releasePort() {
	if s.held != nil {
		s.held.Close()
		s.held = nil
	}
}

// Close ends every connection and returns when no goroutine of the server is left.
func (s *Server) Close() {
	s.close()
	s.stopListening()
	s.drop()
	s.running.Wait()
}

// Requests is the number of requests for path so far.
func (s *Server) Requests(path string) int { return s.traffic(path).requests }

// RequestTimes reports when each of the first thousand requests for path arrived.
func (s *Server) RequestTimes(path string) []time.Time { return slices.Clone(s.traffic(path).times) }

func (s *Server) traffic(path string) traffic {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.seen[path]; t != nil {
		return *t
	}
	return traffic{}
}

// Connections is the number of connections that carried at least one request for path.
func (s *Server) Connections(path string) int { return s.traffic(path).connections }

// Accepted is the number of connections so far, whether or not a request was read from them.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Open is the number of connections that exist now.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Unexpected lists what no exporter may send: a request for another path, with a query, another method, a body, or
// too large for the one 4096-byte read of the real server. The list must be empty at the end of a test.
func (s *Server) Unexpected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unexpected)
}

// drop resets every connection, so that none stays behind in a state that would delay the next bind of the port.
func (s *Server) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		abort(conn)
	}
}

// hangUp ends every connection with a FIN.
func (s *Server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}
