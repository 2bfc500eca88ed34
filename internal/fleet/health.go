package fleet

import "time"

// Health is the state of collecting as a whole, as /health reports it.
type Health string

// Degraded means that an upstream is failing or has not been collected yet, which
// restarting the exporter would not fix. Unhealthy means that the exporter itself has
// stopped collecting.
const (
	Healthy   Health = "healthy"
	Degraded  Health = "degraded"
	Unhealthy Health = "unhealthy"
)

// missedIntervals is the number of intervals without a collection after which
// collecting counts as stopped.
const missedIntervals = 3

// HealthOf returns the overall health at the given time.
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

// Overdue reports whether the exporter has stopped collecting the upstream. The upstream
// itself cannot cause this.
func (v *View) Overdue(now time.Time) bool { return now.After(v.OverdueAt()) }

// OverdueAt returns the time by which the next collection must begin.
func (v *View) OverdueAt() time.Time {
	return v.Ticked.Add(missedIntervals * v.Upstream.Settings.Interval)
}

// Alive reports whether collecting continues for every upstream.
func Alive(views []*View, now time.Time) bool { return HealthOf(views, now) != Unhealthy }
