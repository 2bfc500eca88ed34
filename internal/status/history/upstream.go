package history

import (
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Minutes is the number of minutes kept for each upstream, including the running one.
const Minutes = 60

// condition is the state of an upstream in one byte. Worse states are greater. A pending
// upstream is unknown.
type condition uint8

const (
	unknown condition = iota
	up
	stale
	down
)

var conditions = []string{"unknown", "up", "stale", "down"}

func conditionOf(s fleet.State) condition {
	return condition(max(0, slices.Index(conditions, string(s))))
}

// upstream is the last hour of one upstream, in minutes numbered from the start of the
// history. It must be small, because there may be ten thousand of them.
type upstream struct {
	tracker rateTracker
	ring    [Minutes]minute    // indexed by the number of the minute modulo Minutes, like states
	states  [Minutes]condition // not in ring, to save the padding
	running int32              // number of the running minute
	sum     minuteSum          // of the running minute

	seen       uint32        // History.steps when it was last listed
	resets     uint32        // of the last view
	state      condition     // as last observed
	hadTraffic bool          // traffic has been seen
	since      time.Duration // when state began, since the start of the history
	traffic    time.Duration // when traffic was last seen, since the start of the history
}

// minute has the means of one minute.
type minute struct {
	messages, dropped, forwarded compact // per second
	latency                      compact // seconds
}

// minuteSum averages the rates and the latencies in a minute. A rate is weighted by the
// seconds that it covers.
type minuteSum struct{ messages, dropped, forwarded, latency mean }

// advance makes the minute with the given number the running one.
func (u *upstream) advance(number int32) {
	if number <= u.running {
		return
	}
	u.store()
	for n := max(u.running+1, number-Minutes+1); n <= number; n++ {
		u.ring[n%Minutes], u.states[n%Minutes] = minute{}, unknown
	}
	u.running, u.sum = number, minuteSum{}
}

// store writes the means of the running minute so far into the ring.
func (u *upstream) store() {
	s := &u.sum
	u.ring[u.running%Minutes] = minute{compacted(s.messages.mean()), compacted(s.dropped.mean()), compacted(s.forwarded.mean()), compacted(s.latency.mean())}
}

// observe records the state at a time, which is relative to the start of the history.
func (u *upstream) observe(s condition, at time.Duration) {
	if u.state != s {
		u.state, u.since = s, at
	}
	running := &u.states[u.running%Minutes]
	*running = max(*running, s)
}

// maxWeight bounds the weight of a rate in its minute, because the first rate after an
// outage covers the whole outage.
const maxWeight = 60

// measure reads the documents of a view and adds the rates of new documents to the running
// minute. at is now, relative to the start of the history.
func (u *upstream) measure(v *fleet.View, at time.Duration, now time.Time) {
	t := &u.tracker
	messages := &t.counters[betanet.PacketsProcessed]
	first := messages.at == 0
	t.read(v, now)
	// The total of the first document shows that there was traffic before.
	if messages.fresh && messages.perSecond > 0 || first && messages.total > 0 {
		u.traffic, u.hadTraffic = at, true
	}
	if messages.fresh {
		u.sum.messages.add(messages.perSecond, float64(min(messages.took, maxWeight)))
	}
	dropped, forwarded := &t.counters[betanet.PacketsDropped], &t.counters[betanet.PacketsForwarded]
	if dropped.fresh && forwarded.fresh {
		weight := float64(min(dropped.took, maxWeight))
		u.sum.dropped.add(dropped.perSecond, weight)
		u.sum.forwarded.add(forwarded.perSecond, weight)
	}
	u.sum.latency.add(t.latency, 1)
	if messages.fresh && messages.took > maxWeight {
		u.fill(messages.took)
	}
}

// fill copies the running minute to the minutes between the last two documents, which are
// took seconds apart. It goes back at most to the last outage.
func (u *upstream) fill(took float32) {
	u.store()
	now := u.ring[u.running%Minutes]
	for n := u.running - 1; n > u.running-Minutes && n >= 0 && float32(u.running-n)*60 < took; n-- {
		m := &u.ring[n%Minutes]
		if u.states[n%Minutes] != up || m.messages != 0 {
			return
		}
		m.messages, m.dropped, m.forwarded = now.messages, now.dropped, now.forwarded
		if m.latency == 0 {
			m.latency = now.latency
		}
	}
}

// at returns the minute with the given number and its state. Both are unknown for a
// minute that is not kept.
func (u *upstream) at(number int32) (m minute, s condition) {
	if number < 0 || number > u.running || number <= u.running-Minutes {
		return minute{}, unknown
	}
	return u.ring[number%Minutes], u.states[number%Minutes]
}

// loss returns the share of packets that were dropped, or NaN if there were none.
func (m minute) loss() float64 {
	dropped := m.dropped.value()
	return dropped / (dropped + m.forwarded.value())
}
