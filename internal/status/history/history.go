// Package history remembers, within bounds, what a person who looks at the
// exporter wants to know of the past: the last hour of the fleet as a whole, and
// the last events of its upstreams. It is gone with the process; what has to
// last is in Prometheus.
package history

// History is what is remembered. The zero value is ready for use, and all methods
// of its parts may be called at the same time.
type History struct {
	Series Series
	Events EventLog
}
