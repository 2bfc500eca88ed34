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
	// Loss is the share of packets that were dropped, of those processed and
	// those dropped, since whether the one count holds the other no upstream
	// says. It is of the upstreams that give both, nil without traffic.
	Loss           *float64
	LatencySeconds *float64 // mean of the upstreams' averages
}

// Upstreams is how many there were.
func (p *Point) Upstreams() int { return p.Up + p.Stale + p.Down + p.Pending }

// Trend is the last hour of the fleet, in points. The zero value is ready for
// use, and all methods may be called at the same time.
type Trend struct {
	mu     sync.Mutex
	points []Point // a ring once it is full
	next   int
	meters map[*fleet.Upstream]*meter
}

// Take adds the point of this moment. It is to be called each Step.
func (t *Trend) Take(views []*fleet.View, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	meters := make(map[*fleet.Upstream]*meter, len(views))
	p := Point{At: now}
	var sums sums
	for _, v := range views {
		m := t.meters[v.Upstream]
		if m == nil {
			m = new(meter)
		}
		meters[v.Upstream] = m
		m.read(v, now)
		sums.add(m)
		p.Count(v.State(now), v.NotClosed())
	}
	sums.write(&p)
	t.meters = meters
	if len(t.points) < KeptPoints {
		t.points = append(t.points, p)
		return
	}
	t.points[t.next] = p
	t.next = (t.next + 1) % KeptPoints
}

// Points are those of the last hour, the oldest first.
func (t *Trend) Points() []Point {
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
	both                                       sum // packets of upstreams that count dropped ones too
}

func (s *sums) add(m *meter) {
	messages, dropped := m.messages.now(), m.dropped.now()
	s.messages.add(messages)
	s.dropped.add(dropped)
	s.sent.add(m.sent.now())
	s.received.add(m.received.now())
	s.latency.add(m.latency)
	if messages != nil && dropped != nil {
		both := *messages + *dropped
		s.both.add(&both)
	}
}

func (s *sums) write(p *Point) {
	p.Messages, p.Dropped, p.BytesSent, p.BytesReceived = s.messages.total(1), s.dropped.total(1), s.sent.total(1), s.received.total(1)
	p.LatencySeconds = s.latency.total(float64(s.latency.n))
	if s.both.of > 0 {
		p.Loss = s.dropped.total(s.both.of)
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
