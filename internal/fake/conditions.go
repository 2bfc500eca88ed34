package fake

import (
	"fmt"
	"time"
)

// Conditions describe the network behind a service. Unlike faults, they affect only the values in correct responses. The
// zero value is normal operation.
type Conditions struct {
	Loss    float64       // minimum ratio of dropped packets
	Idle    bool          // no traffic
	Nodes   int           // number of nodes that remain; 0 for all
	Active  int           // number of nodes that may be active; 0 for all
	Latency time.Duration // added to the average latency
}

// SetConditions replaces the conditions. They apply to packets from the next simulated second on, and to everything else
// immediately. It panics on invalid conditions.
func (s *Service) SetConditions(c Conditions) {
	if err := c.check(); err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.network.advance(s.now().Sub(s.started)) // the past must not change
	s.network.conditions = c
}

func (c Conditions) check() error {
	if c.Loss < 0 || c.Loss > 1 || c.Nodes < 0 || c.Active < 0 || c.Latency < 0 {
		return fmt.Errorf("conditions %+v: want a loss from 0 to 1 and no negative values", c)
	}
	return nil
}

// nodeCount returns the number of nodes that remain.
func (n *network) nodeCount() int { return atMost(n.conditions.Nodes, len(n.nodes)) }

// isActive reports whether both the state of a node and the conditions let it be active.
func (n *network) isActive(i int) bool {
	return n.nodes[i].active && i < atMost(n.conditions.Active, n.nodeCount())
}

// averageLatency returns the current average latency in ms.
func (n *network) averageLatency() float64 {
	return n.latency + n.spike + float64(n.conditions.Latency)/float64(time.Millisecond)
}

// atMost returns n or limit, whichever is less; a limit of 0 means no limit.
func atMost(limit, n int) int {
	if limit == 0 {
		return n
	}
	return min(n, limit)
}
