package history

import (
	"math"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Past is the last hour of one upstream. Minutes that are not known are NaN.
type Past struct {
	Since   time.Time       // when its state began, zero if that is not known
	States  [Minutes]string // up, stale, down or unknown, the oldest first
	Ends    time.Time       // of the last minute
	Recent  Recent
	Traffic time.Time // the last document that counted packets, zero if none did

	Messages, Loss, Latency [Minutes]float64
}

// Recent is an upstream's traffic in the last five minutes; nil is not known.
type Recent struct {
	MessagesPerSecond *float64 `json:"messages_per_second,omitempty"`
	Loss              *float64 `json:"loss_ratio,omitempty"` // absent without packets
	LatencySeconds    *float64 `json:"latency_seconds,omitempty"`
}

// recentMinutes is how much of an hour Recent is about.
const recentMinutes = 5

// Past returns the last hour of an upstream.
func (h *History) Past(v *fleet.View, now time.Time) Past {
	h.mu.Lock()
	defer h.mu.Unlock()
	number := h.minute(now)
	past := Past{Ends: h.start.Add(time.Duration(number+1) * time.Minute)}
	u := h.hours[v.Upstream]
	var none hour
	if u == nil {
		u = &none
	}
	u.store()
	past.Since = h.since(u, v, now)
	if u.counted {
		past.Traffic = h.start.Add(u.traffic)
	}
	for i := range Minutes {
		m, state := u.at(number - Minutes + 1 + int32(i))
		if i == Minutes-1 && !v.Overdue(now) {
			state = max(state, conditionOf(v.State(now)))
		}
		past.States[i] = conditions[state]
		past.Messages[i], past.Loss[i], past.Latency[i] = m.messages.value(), m.loss(), m.latency.value()
	}
	past.Recent = u.recent(number)
	return past
}

// recent is the mean of the last minutes that are known. The running minute counts
// as much as what it has to say.
func (h *hour) recent(number int32) Recent {
	var messages, dropped, all, latency mean
	for n := number - recentMinutes + 1; n <= number; n++ {
		m, _ := h.at(n)
		weight := 1.0
		if n == h.running {
			weight = min(1, max(float64(h.sum.messagesSeconds), 1)/60)
		}
		messages.add(m.messages.value(), weight)
		dropped.add(m.dropped.value(), weight)
		all.add(m.dropped.value()+m.forwarded.value(), weight)
		latency.add(m.latency.value(), weight)
	}
	r := Recent{MessagesPerSecond: messages.value(), LatencySeconds: latency.value()}
	if all.sum > 0 {
		r.Loss = rounded(dropped.sum / all.sum)
	}
	return r
}

// mean adds up what is known, by weight.
type mean struct{ sum, weight float64 }

func (m *mean) add(x, weight float64) {
	if !math.IsNaN(x) {
		m.sum += x * weight
		m.weight += weight
	}
}

// value returns nil if nothing is known.
func (m *mean) value() *float64 {
	if m.weight == 0 {
		return nil
	}
	return rounded(m.sum / m.weight)
}

// rounded rounds to four digits: a compact is not more exact.
func rounded(x float64) *float64 {
	if x == 0 {
		return &x
	}
	unit := math.Pow(10, 3-math.Floor(math.Log10(x)))
	x = math.Round(x*unit) / unit
	return &x
}

// Since returns when the state of an upstream began, the zero time if that is not
// known.
func (h *History) Since(v *fleet.View, now time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if u := h.hours[v.Upstream]; u != nil {
		return h.since(u, v, now)
	}
	return h.since(new(hour), v, now)
}

// since does the work of Since. The caller holds h.mu.
func (h *History) since(u *hour, v *fleet.View, now time.Time) time.Time {
	switch s := v.State(now); {
	case s == fleet.Pending:
		return time.Time{}
	case u.state == conditionOf(s):
		return h.start.Add(u.since)
	default: // since the last look at it
		return changed(v, s, now)
	}
}

// changed returns when a view entered a state that is new: for one whose values
// have expired that moment, else when its first endpoint began to fail, or now.
func changed(v *fleet.View, s fleet.State, now time.Time) time.Time {
	var failing time.Time
	for i := range v.Endpoints {
		if e := &v.Endpoints[i]; e.Failure != nil && (failing.IsZero() || e.Since.Before(failing)) {
			failing = e.Since
		}
	}
	at := now
	if s == fleet.Stale && !failing.IsZero() {
		at = failing
	}
	if s == fleet.Down {
		if expired := lastShown(v); !expired.IsZero() {
			at = expired
		} else if !failing.IsZero() {
			at = failing
		}
	}
	if at.After(now) {
		return now
	}
	return at
}

// lastShown returns until when the last good values of a view are shown, the zero
// time if there are none or if they never expire.
func lastShown(v *fleet.View) (at time.Time) {
	for i := range v.Endpoints {
		if e := v.Endpoints[i].Expires(v.Upstream.Settings.MaxStale); e.After(at) {
			at = e
		}
	}
	return at
}
