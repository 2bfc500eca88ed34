package app

import (
	"os"
	"runtime"
	"runtime/debug"
)

// Numbers of upstreams at which something else costs most.
const (
	few  = 16
	many = 2000
)

// saveMemory spares what is read by nobody without pprof: the records for heap
// profiles are a megabyte.
func saveMemory(pprof bool) {
	if !pprof {
		runtime.MemProfileRate = 0
	}
}

// fitGC says how much the heap may grow before Go collects it, in percent. With
// few upstreams it is small beside what Go grants it; with many it is what the
// process needs most of, and processor time is spent elsewhere. The operator's
// GOGC stands.
func fitGC(upstreams int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent(upstreams))
	}
}

func gcPercent(upstreams int) int {
	switch {
	case upstreams <= few:
		return 50
	case upstreams <= many:
		return 100
	default:
		return 75
	}
}
