package app

import (
	"os"
	"runtime/debug"
)

// Up to smallFleet upstreams Go's own overhead is most of the memory, and above
// largeFleet the state of the upstreams is.
const (
	smallFleet = 16
	largeFleet = 2000
)

// tuneGC sets by how many percent the heap may grow before a collection. It trades
// processor time for memory where memory matters most: with few upstreams and with
// many. GOGC takes precedence.
func tuneGC(upstreams int) {
	percent := 100
	switch {
	case os.Getenv("GOGC") != "":
		return
	case upstreams <= smallFleet:
		percent = 50
	case upstreams > largeFleet:
		percent = 75
	}
	debug.SetGCPercent(percent)
}
