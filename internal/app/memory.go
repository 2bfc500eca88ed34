package app

import (
	"os"
	"runtime"
	"runtime/debug"
)

// Up to smallFleet upstreams Go's own overhead is most of the memory, and from
// largeFleet on the upstreams' state is.
const (
	smallFleet = 16
	largeFleet = 2000
)

// saveMemory turns off heap profiling, whose records take a megabyte, if pprof
// cannot read them.
func saveMemory(pprof bool) {
	if !pprof {
		runtime.MemProfileRate = 0
	}
}

// tuneGC sets by how many percent the heap may grow before a collection. GOGC takes
// precedence.
func tuneGC(upstreams int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent(upstreams))
	}
}

// gcPercent trades processor time for memory where memory matters most: with few
// upstreams and with many.
func gcPercent(upstreams int) int {
	switch {
	case upstreams <= smallFleet:
		return 50
	case upstreams <= largeFleet:
		return 100
	default:
		return 75
	}
}
