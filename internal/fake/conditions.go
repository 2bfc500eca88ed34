package fake

import (
	"fmt"
	"time"
)

// Conditions are how the network behind the service fares, which the service
// then tells truly: unlike faults they are in the values and not in the
// answers. The zero value is as usual.
type Conditions struct {
	Loss    float64       // part of all packets that is dropped, at least
	Idle    bool          // no packets come
	Nodes   int           // nodes that are left, all when zero
	Active  int           // nodes that may be active, all when zero
	Latency time.Duration // that the average is above the usual
}

// SetConditions replaces the conditions, from the next second of the network
// on for packets and at once for all else. It panics on conditions that cannot
// be, because only a mistake in the calling code can ask for them.
func (s *Service) SetConditions(c Conditions) {
	if err := c.check(); err != nil {
		panic(err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.network.advance(s.now().Sub(s.born)) // what was until now stays as it was
	s.network.conditions = c
}

func (c Conditions) check() error {
	if c.Loss < 0 || c.Loss > 1 || c.Nodes < 0 || c.Active < 0 || c.Latency < 0 {
		return fmt.Errorf("conditions %+v: want a loss from 0 to 1, and nothing below 0", c)
	}
	return nil
}

// left is the number of nodes that the service knows of.
func (n *network) left() int { return limited(len(n.nodes), n.conditions.Nodes) }

// runs reports whether a node is active, by its own state and the conditions.
func (n *network) runs(i int) bool {
	return n.nodes[i].active && i < limited(n.left(), n.conditions.Active)
}

// averageLatency is in ms.
func (n *network) averageLatency() float64 {
	return n.latency + n.spike + float64(n.conditions.Latency)/float64(time.Millisecond)
}

// limited is a number with a limit, which is none when zero.
func limited(n, limit int) int {
	if limit == 0 {
		return n
	}
	return min(n, limit)
}
