package app

import (
	"os"
	"runtime"
	"runtime/debug"
)

// few is how many upstreams a small exporter has.
const few = 16

// saveMemory keeps a small exporter small: with few upstreams the heap is less
// than what Go lets it grow to before it collects, and the records for heap
// profiles are a megabyte that nobody reads without pprof. The operator's GOGC
// stands.
func saveMemory(upstreams int, pprof bool) {
	if !pprof {
		runtime.MemProfileRate = 0
	}
	if upstreams <= few && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
