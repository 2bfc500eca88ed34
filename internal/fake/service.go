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
	// MixnodesAPI is the one array of the published server, with its dead-lock.
	MixnodesAPI API = "mixnodes"
)

// Options say what to simulate. Only Addr is required.
type Options struct {
	Addr   string  // host:port to listen on; the host must be loopback, port 0 takes a free one
	API    API     // V1 when empty
	Seed   uint64  // the same seed gives the same values at the same age of the service
	Faults []Fault // what goes wrong while the schedule says so

	// Every and For are the schedule: the faults act during For at the end of
	// each period of Every, each acting period taking the next fault in turn.
	// Both zero means that the faults act always; see SetFaults.
	Every, For time.Duration

	Latency time.Duration // extra time that every healthy answer takes
	Nodes   int           // number of nodes, defaultNodes when zero

	Conditions Conditions // from the first second on; see SetConditions
}

const (
	defaultNodes = 7
	maxNodes     = 10_000 // including those that /deploy creates
)

// Service is a running service. Its methods may be called from any goroutine.
type Service struct {
	options Options
	now     func() time.Time
	server  *Server
	close   func() error

	setting      sync.Mutex // held by the one caller that changes the faults
	stopSchedule func()     // returns when the schedule no longer changes the mode; guarded by setting

	mu      sync.Mutex // guards all below, and is never held while waiting
	acting  mode
	ended   chan struct{} // closed when the acting mode ends
	broken  error         // why the port could not be taken again
	born    time.Time     // start of the present life of the service
	network *network
	locked  bool          // the lock of the mixnodes server is taken until the end of its life
	freed   chan struct{} // closed when the present life ends
}

// Simulate runs a service that listens when Simulate returns. The caller must Close it.
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
		ended:        make(chan struct{}),
		freed:        make(chan struct{}),
		born:         now(),
		network:      newNetwork(o.Seed, o.Nodes, 0, o.Conditions),
	}
	s.close = sync.OnceValue(s.shut)
	s.server.others = s.answer
	if o.API == MixnodesAPI {
		s.server.read = readPacket
	}
	if err := s.server.Listen(); err != nil {
		s.server.close()
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	s.begin(plan{faults: o.Faults, every: o.Every, lasts: o.For})
	return s, nil
}

// complete fills in the defaults and refuses what cannot be simulated.
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

// URL is the base URL of the service.
func (s *Service) URL() string { return s.server.URL() }

// Restart begins a new life, as a restart of the service's process does: the
// counters start again at 0 with as many nodes as at first, whose ids are new,
// all connections end, and a dead-locked mixnodes server answers again. Faults,
// conditions and the counts of Requests stay, because they are not the service's.
func (s *Service) Restart() {
	if s.server.closing.Err() != nil {
		return
	}
	s.mu.Lock()
	s.born = s.now()
	s.network = newNetwork(s.options.Seed, s.options.Nodes, s.network.life+1, s.network.conditions)
	s.locked = false
	close(s.freed)
	s.freed = make(chan struct{})
	s.mu.Unlock()
	s.server.hangUp()
}

// Requests is the number of requests seen per path since its start, healthy or
// not; a refused connection brings none. The caller owns the map.
func (s *Service) Requests() map[string]int {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	all := make(map[string]int, len(s.server.seen))
	for path, t := range s.server.seen {
		all[path] = t.requests
	}
	return all
}

// Close ends the service with all its connections and waits for all its
// goroutines. Its error tells that the service could not take its port again
// after a fault. Closing twice is closing once.
func (s *Service) Close() error { return s.close() }

func (s *Service) shut() error {
	s.server.close() // before the lock, which a SetFaults that waits for the port may hold
	s.setting.Lock()
	defer s.setting.Unlock()
	s.stopSchedule()
	s.server.Close()
	return s.broken
}
