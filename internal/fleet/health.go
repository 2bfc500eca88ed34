package fleet

import "time"

// Health is how collecting goes as a whole, as /health reports it.
type Health string

// Degraded is about upstreams, Unhealthy only about the exporter itself:
// restarting the exporter would not help an upstream.
const (
	Healthy   Health = "healthy"
	Degraded  Health = "degraded"
	Unhealthy Health = "unhealthy"
)

// missedIntervals is after how many intervals without a collection collecting
// itself counts as stopped.
const missedIntervals = 3

// HealthOf judges all upstreams together.
func HealthOf(views []*View, now time.Time) Health {
	h := Healthy
	for _, v := range views {
		if v.Overdue(now) {
			return Unhealthy
		}
		if !v.Up() || v.NotClosed() > 0 {
			h = Degraded
		}
	}
	return h
}

// Overdue reports whether collecting the upstream has stopped, whatever the
// upstream does.
func (v *View) Overdue(now time.Time) bool { return now.After(v.OverdueAt()) }

// OverdueAt is until when the next collection has to begin.
func (v *View) OverdueAt() time.Time {
	return v.Ticked.Add(missedIntervals * v.Upstream.Settings.Interval)
}

// Alive reports whether collecting continues for every upstream.
func Alive(views []*View, now time.Time) bool { return HealthOf(views, now) != Unhealthy }
