package fake

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// API selects which of the two HTTP APIs the service speaks.
type API string

const (
	// V1 is three documents under /api/v1.
	V1 API = "v1"
	// MixnodesAPI is the one array of the published server, with its deadlock.
	MixnodesAPI API = "mixnodes"
)

// Options configure a service. Only Addr is required.
type Options struct {
	Addr   string  // host:port to listen on; the host must be loopback, port 0 chooses a free one
	API    API     // V1 if empty
	Seed   uint64  // equal seeds produce equal values at the same age of the service
	Faults []Fault // active as Every and For specify

	// Every and For set the schedule: each period lasts Every, and for the last part of it, For, one fault is active. The
	// next period has the next fault. If both are zero, the faults are always active; see SetFaults.
	Every, For time.Duration

	Latency time.Duration // added to every healthy response
	Nodes   int           // number of nodes, defaultNodes if zero

	Conditions Conditions // from the first second on; see SetConditions
}

const (
	defaultNodes = 7
	maxNodes     = 10_000 // including nodes created by /deploy
)

// Service is a running service. Its methods may be called from any goroutine.
type Service struct {
	options Options
	now     func() time.Time
	server  *Server
	close   func() error

	setting      sync.Mutex // serializes changes of the faults
	stopSchedule func()     // returns when the schedule no longer changes the mode; guarded by setting

	mu         sync.Mutex // guards all fields below; never held while waiting
	mode       mode
	modeEnded  chan struct{} // closed when the mode changes
	listenErr  error         // why the service could not listen again
	started    time.Time     // when the service was last started
	network    *network
	deadlocked bool          // until the next restart
	restarted  chan struct{} // closed at the next restart
}

// Simulate starts a service. When Simulate returns, the service is listening, unless a fault refuses connections. The
// caller must Close the service.
func Simulate(o Options) (*Service, error) {
	return simulateAt(o, time.Now)
}

func simulateAt(o Options, now func() time.Time) (*Service, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	s := &Service{
		options:      o,
		now:          now,
		server:       newServer(o.Addr),
		stopSchedule: func() {},
		modeEnded:    make(chan struct{}),
		restarted:    make(chan struct{}),
		started:      now(),
		network:      newNetwork(o.Seed, o.Nodes, 0, o.Conditions),
	}
	s.close = sync.OnceValue(s.shutdown)
	s.server.fallback = s.respond
	if o.API == MixnodesAPI {
		s.server.readRequest = readPacket
	}
	if err := s.server.Listen(); err != nil {
		s.server.close()
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	s.startSchedule(schedule{faults: o.Faults, every: o.Every, duration: o.For})
	return s, nil
}

// complete fills in the defaults and checks the options.
func (o *Options) complete() error {
	switch o.API {
	case "":
		o.API = V1
	case V1, MixnodesAPI:
	default:
		return fmt.Errorf("API %q: want %s or %s", o.API, V1, MixnodesAPI)
	}
	if o.Nodes == 0 {
		o.Nodes = defaultNodes
	}
	if o.Nodes < 1 || o.Nodes > maxNodes {
		return fmt.Errorf("%d nodes: want 1 to %d", o.Nodes, maxNodes)
	}
	if err := o.Conditions.check(); err != nil {
		return err
	}
	if o.Latency < 0 {
		return fmt.Errorf("latency %v: want 0 or more", o.Latency)
	}
	if always := o.Every == 0 && o.For == 0; !always && (o.For <= 0 || o.For > o.Every) {
		return fmt.Errorf("faults for %v in every %v: want 0 < for <= every, or both 0 for always", o.For, o.Every)
	}
	for _, f := range o.Faults {
		if err := f.check(); err != nil {
			return err
		}
	}
	addr, err := loopback(o.Addr)
	o.Addr = addr
	return err
}

// loopback returns the address to listen on, or an error if it is not on loopback. It does not look up the name
// localhost, so that the result does not depend on a resolver.
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

// URL returns the base URL of the service.
func (s *Service) URL() string { return s.server.URL() }

// Restart simulates a restart of the service's process: the counters start at 0 again, the initial number of nodes is
// back with new ids, and all connections and any deadlock end. Faults, conditions and the counts of Requests remain,
// because they are not part of the service. After Close, Restart does nothing.
func (s *Service) Restart() {
	if s.server.closing.Err() != nil {
		return
	}
	s.mu.Lock()
	s.started = s.now()
	s.network = newNetwork(s.options.Seed, s.options.Nodes, s.network.restarts+1, s.network.conditions)
	s.deadlocked = false
	close(s.restarted)
	s.restarted = make(chan struct{})
	s.mu.Unlock()
	s.server.closeConns(func(c *net.TCPConn) { c.Close() })
}

// Requests returns the number of requests per path so far, whatever the response. Paths after the first 1000 are counted
// together under "(others)". The caller owns the map.
func (s *Service) Requests() map[string]int {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	all := make(map[string]int, len(s.server.seen))
	for path, r := range s.server.seen {
		all[path] = r.requests
	}
	return all
}

// Close ends the service with all its connections and waits for its goroutines. It returns an error if the service could
// not take its port again after a fault. It may be called more than once.
func (s *Service) Close() error { return s.close() }

func (s *Service) shutdown() error {
	s.server.close() // before locking: a SetFaults that waits for the port may hold the lock
	s.setting.Lock()
	defer s.setting.Unlock()
	s.stopSchedule()
	s.server.Close()
	return s.listenErr
}
