package history

import (
	"math"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Minutes is how many minutes of each upstream are kept, the running one included.
const Minutes = 60

// condition is the state of an upstream, the worst last. Pending is unknown.
type condition uint8

const (
	unknown condition = iota
	up
	stale
	down
)

var conditions = [...]string{"unknown", "up", "stale", "down"}

func conditionOf(s fleet.State) condition {
	switch s {
	case fleet.Up:
		return up
	case fleet.Stale:
		return stale
	case fleet.Down:
		return down
	default:
		return unknown
	}
}

// hour is the last hour of one upstream, in minutes that are counted from the start
// of the history. It is kept of each of ten thousand upstreams, so it is small.
type hour struct {
	tracker rateTracker
	ring    [Minutes]minute    // by number of the minute, as states
	states  [Minutes]condition // apart, because there is room between them otherwise
	running int32              // number of the running minute
	sum     minuteSum          // of the running minute

	seen    uint32        // when the upstream was last listed
	resets  uint32        // of the last view
	state   condition     // since the moment since
	since   time.Duration // from the start of the history
	traffic time.Duration // when the last document came that counted packets
	counted bool          // there was one
}

// minute is what is kept of a minute.
type minute struct {
	messages, dropped, forwarded compact // per second
	latency                      compact // seconds
}

// minuteSum adds up the rates of a minute, weighted by the time that they are of.
type minuteSum struct {
	messages, messagesSeconds float32
	dropped, forwarded        float32
	bothSeconds               float32
	latency, latencyWeight    float32
}

// advance begins the minute of a number.
func (h *hour) advance(number int32) {
	if number <= h.running {
		return
	}
	h.store()
	for n := max(h.running+1, number-Minutes+1); n <= number; n++ {
		h.ring[n%Minutes], h.states[n%Minutes] = minute{}, unknown
	}
	h.running, h.sum = number, minuteSum{}
}

// store keeps what the running minute has come to so far.
func (h *hour) store() {
	m := &h.ring[h.running%Minutes]
	if w := h.sum.messagesSeconds; w > 0 {
		m.messages = compacted(float64(h.sum.messages / w))
	}
	if w := h.sum.bothSeconds; w > 0 {
		m.dropped, m.forwarded = compacted(float64(h.sum.dropped/w)), compacted(float64(h.sum.forwarded/w))
	}
	if w := h.sum.latencyWeight; w > 0 {
		m.latency = compacted(float64(h.sum.latency / w))
	}
}

// observe records the state at a moment.
func (h *hour) observe(s condition, at time.Duration) {
	if h.state != s {
		h.state, h.since = s, at
	}
	running := &h.states[h.running%Minutes]
	*running = max(*running, s)
}

// longestWeight bounds how much a rate counts in its minute: the first after an
// outage is over the whole of it.
const longestWeight = float32(60)

// measure adds the rates that the last documents gave.
func (h *hour) measure(at time.Duration, first bool) {
	t := &h.tracker
	if messages := &t.messages; messages.fresh {
		weight := min(messages.took, longestWeight)
		h.sum.messages += float32(messages.perSecond) * weight
		h.sum.messagesSeconds += weight
		if messages.perSecond > 0 {
			h.traffic, h.counted = at, true
		}
	} else if first && messages.total > 0 {
		h.traffic, h.counted = at, true
	}
	if _, _, ok := t.both(); ok && t.dropped.fresh && t.forwarded.fresh {
		weight := min(t.dropped.took, longestWeight)
		h.sum.dropped += float32(t.dropped.perSecond) * weight
		h.sum.forwarded += float32(t.forwarded.perSecond) * weight
		h.sum.bothSeconds += weight
	}
	if t.hasLatency {
		h.sum.latency += float32(t.latency)
		h.sum.latencyWeight++
	}
	if t.messages.fresh && t.messages.took > longestWeight {
		h.fill(t.messages.took)
	}
}

// fill gives the minutes between two documents that are more than a minute apart
// the rates that the second one gave, unless there was an outage.
func (h *hour) fill(took float32) {
	h.store()
	now := h.ring[h.running%Minutes]
	for n := h.running - 1; n > h.running-Minutes && n >= 0 && float32(h.running-n)*60 < took; n-- {
		m := &h.ring[n%Minutes]
		if h.states[n%Minutes] != up || m.messages != 0 {
			return
		}
		m.messages, m.dropped, m.forwarded = now.messages, now.dropped, now.forwarded
		if m.latency == 0 {
			m.latency = now.latency
		}
	}
}

// at returns the minute of a number and the state in it, nothing of one that is not
// kept.
func (h *hour) at(number int32) (m minute, s condition) {
	if number < 0 || number > h.running || number <= h.running-Minutes {
		return minute{}, unknown
	}
	return h.ring[number%Minutes], h.states[number%Minutes]
}

// loss returns the part of a minute's packets that was dropped, NaN without
// packets.
func (m minute) loss() float64 {
	dropped, forwarded := m.dropped.value(), m.forwarded.value()
	if all := dropped + forwarded; all > 0 {
		return dropped / all
	}
	return math.NaN()
}
