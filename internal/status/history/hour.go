package history

import (
	"math"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Hour is the last hour of one upstream by minute, oldest first. An unknown number is
// NaN.
type Hour struct {
	Since   time.Time       // when the current state began; zero if unknown
	States  [Minutes]string // up, stale, down or unknown
	End     time.Time       // of the last minute
	Recent  Recent
	Traffic time.Time // when traffic was last seen; zero if never

	Messages, Loss, Latency [Minutes]float64
}

// Recent is the traffic of an upstream in the last five minutes; nil is unknown.
type Recent struct {
	MessagesPerSecond *float64 `json:"messages_per_second,omitempty"`
	Loss              *float64 `json:"loss_ratio,omitempty"` // absent without packets
	LatencySeconds    *float64 `json:"latency_seconds,omitempty"`
}

// recentMinutes is the number of minutes that Recent covers.
const recentMinutes = 5

// Hour returns the last hour of an upstream.
func (h *History) Hour(v *fleet.View, now time.Time) Hour {
	h.mu.Lock()
	defer h.mu.Unlock()
	number := h.minute(now)
	hour := Hour{End: h.start.Add(time.Duration(number+1) * time.Minute)}
	u := h.upstreams[v.Upstream]
	if u == nil {
		u = new(upstream)
	}
	u.store()
	hour.Since = h.since(u, v, now)
	if u.hadTraffic {
		hour.Traffic = h.start.Add(u.traffic)
	}
	for i := range Minutes {
		m, state := u.at(number - Minutes + 1 + int32(i))
		if i == Minutes-1 && !v.Overdue(now) {
			state = max(state, conditionOf(v.State(now)))
		}
		hour.States[i] = conditions[state]
		hour.Messages[i], hour.Loss[i], hour.Latency[i] = m.messages.value(), m.loss(), m.latency.value()
	}
	hour.Recent = u.recent(number)
	return hour
}

// recent returns the means over the known minutes of the last recentMinutes. The running
// minute is weighted by the part of it that was measured.
func (u *upstream) recent(number int32) Recent {
	var messages, dropped, all, latency mean
	for n := number - recentMinutes + 1; n <= number; n++ {
		m, _ := u.at(n)
		weight := 1.0
		if n == u.running {
			weight = min(1, max(u.sum.messages.weight, 1)/60)
		}
		messages.add(m.messages.value(), weight)
		dropped.add(m.dropped.value(), weight)
		all.add(m.dropped.value()+m.forwarded.value(), weight)
		latency.add(m.latency.value(), weight)
	}
	return Recent{rounded(messages.mean()), rounded(dropped.sum / all.sum), rounded(latency.mean())}
}

// rounded rounds to four significant digits, because a compact is not more precise. It
// returns nil for NaN.
func rounded(x float64) *float64 {
	if x != 0 {
		unit := math.Pow(10, 3-math.Floor(math.Log10(x)))
		x = math.Round(x*unit) / unit
	}
	return known(x)
}

// Since returns when the state of an upstream began, or the zero time if that is unknown.
func (h *History) Since(v *fleet.View, now time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.since(h.upstreams[v.Upstream], v, now)
}

func (h *History) since(u *upstream, v *fleet.View, now time.Time) time.Time {
	switch s := v.State(now); {
	case s == fleet.Pending:
		return time.Time{}
	case u != nil && u.state == conditionOf(s):
		return h.start.Add(u.since)
	default: // the state changed after it was last observed
		return changed(v, s, now)
	}
}

// changed returns when a view entered a state that has not been observed yet: when its last
// value expired, when its first endpoint began to fail, or now. The result is never after
// now.
func changed(v *fleet.View, s fleet.State, now time.Time) time.Time {
	var failing time.Time
	for i := range v.Endpoints {
		if e := &v.Endpoints[i]; e.Failure != nil && (failing.IsZero() || e.Since.Before(failing)) {
			failing = e.Since
		}
	}
	at := now
	switch expired := lastExpiry(v); {
	case s == fleet.Down && !expired.IsZero():
		at = expired
	case s != fleet.Up && !failing.IsZero():
		at = failing
	}
	if at.After(now) {
		return now
	}
	return at
}

// lastExpiry returns when the last of a view's good values expires. It returns the zero
// time if there is none or if values never expire.
func lastExpiry(v *fleet.View) (at time.Time) {
	for i := range v.Endpoints {
		if e := v.Endpoints[i].Expires(v.Upstream.Settings.MaxStale); e.After(at) {
			at = e
		}
	}
	return at
}
