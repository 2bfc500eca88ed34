package history

import (
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// A trend has a point each Step and goes back KeptPoints of them: an hour.
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

// Series is the last hour of the fleet, in points. The zero value is ready for
// use, and all methods may be called at the same time.
type Series struct {
	mu       sync.Mutex
	points   []Point // a ring once it is full
	next     int
	trackers map[*fleet.Upstream]*rateTracker
}

// Take adds the point of this moment. It is to be called each Step.
func (t *Series) Take(views []*fleet.View, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	trackers := make(map[*fleet.Upstream]*rateTracker, len(views))
	p := Point{At: now}
	var sums sums
	for _, v := range views {
		m := t.trackers[v.Upstream]
		if m == nil {
			m = new(rateTracker)
		}
		trackers[v.Upstream] = m
		m.read(v, now)
		sums.add(m)
		p.Count(v.State(now), v.NotClosed())
	}
	sums.write(&p)
	t.trackers = trackers
	if len(t.points) < KeptPoints {
		t.points = append(t.points, p)
		return
	}
	t.points[t.next] = p
	t.next = (t.next + 1) % KeptPoints
}

// Rates returns what an upstream did between its last two documents, as of the
// last point.
func (t *Series) Rates(u *fleet.Upstream) Rates {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.trackers[u]; m != nil {
		return m.rates()
	}
	return Rates{}
}

// Points are those of the last hour, the oldest first.
func (t *Series) Points() []Point {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(append(make([]Point, 0, len(t.points)), t.points[t.next:]...), t.points[:t.next]...)
}

// Count takes in an upstream by its state and its breakers that are not closed.
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

func (s *sums) add(m *rateTracker) {
	dropped := m.dropped.now()
	s.messages.add(m.messages.now())
	s.dropped.add(dropped)
	s.sent.add(m.sent.now())
	s.received.add(m.received.now())
	s.latency.add(m.latency)
	if all := m.all(); all != nil {
		s.lost.add(dropped)
		s.both.add(all)
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

func (s *sum) add(x *float64) {
	if x != nil {
		s.n++
		s.of += *x
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
