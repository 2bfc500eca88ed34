package history

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// The fleet has a point each Step, and KeptPoints of them are kept: an hour.
const (
	Step       = 10 * time.Second
	KeptPoints = int(time.Hour / Step)
)

// Point is the fleet at one moment. Rates and latency are those of the upstreams
// whose documents are not stale; nil where there is none. So an outage is a gap,
// not a fall to 0, and what an upstream did meanwhile is no peak afterwards: it
// is spread over the time between its two documents.
type Point struct {
	At                       time.Time
	Up, Stale, Down, Pending int      // upstreams
	NotClosed                int      // circuit breakers that are open or half-open
	Messages, Dropped        *float64 // packets per second
	BytesSent, BytesReceived *float64 // per second
	// Loss is the ratio dropped / (dropped + forwarded), where those forwarded are
	// the packets processed of API v1. It is of the upstreams that give both, nil
	// without traffic.
	Loss           *float64
	LatencySeconds *float64 // mean of the upstreams' averages, of API mixnodes between two documents
}

// Upstreams is how many there were.
func (p *Point) Upstreams() int { return p.Up + p.Stale + p.Down + p.Pending }

// series is the last hour of the fleet, in points.
type series struct {
	points []Point // a ring once it is full
	next   int
}

func (s *series) add(p Point) {
	if len(s.points) < KeptPoints {
		s.points = append(s.points, p)
		return
	}
	s.points[s.next] = p
	s.next = (s.next + 1) % KeptPoints
}

// Points returns the points of the fleet's last hour, the oldest first.
func (h *History) Points() []Point {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &h.series
	return append(append(make([]Point, 0, len(s.points)), s.points[s.next:]...), s.points[:s.next]...)
}

// Count counts an upstream by its state and its breakers that are not closed.
func (p *Point) Count(s fleet.State, notClosed int) {
	switch s {
	case fleet.Up:
		p.Up++
	case fleet.Stale:
		p.Stale++
	case fleet.Down:
		p.Down++
	default:
		p.Pending++
	}
	p.NotClosed += notClosed
}

// sums are what the upstreams of one point add up to.
type sums struct {
	messages, dropped, sent, received, latency sum
	lost, both                                 sum // dropped packets, and all, of upstreams that give both numbers
}

func (s *sums) add(t *rateTracker) {
	s.messages.add(t.messages.now())
	s.dropped.add(t.dropped.now())
	s.sent.add(t.sent.now())
	s.received.add(t.received.now())
	s.latency.add(t.latency, t.hasLatency)
	if dropped, all, ok := t.both(); ok {
		s.lost.add(dropped, true)
		s.both.add(all, true)
	}
}

func (s *sums) write(p *Point) {
	p.Messages, p.Dropped, p.BytesSent, p.BytesReceived = s.messages.total(1), s.dropped.total(1), s.sent.total(1), s.received.total(1)
	p.LatencySeconds = s.latency.total(float64(s.latency.n))
	if s.both.of > 0 {
		p.Loss = s.lost.total(s.both.of)
	}
}

// sum adds up what is known.
type sum struct {
	n  int
	of float64
}

func (s *sum) add(x float64, known bool) {
	if known {
		s.n++
		s.of += x
	}
}

// total is the sum as a multiple of a unit, nil if nothing is known.
func (s *sum) total(unit float64) *float64 {
	if s.n == 0 {
		return nil
	}
	x := s.of / unit
	return &x
}
