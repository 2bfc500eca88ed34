package app

import (
	"os"
	"runtime/debug"
)

// Up to smallFleet upstreams, most of the memory is Go's own overhead. Above
// largeFleet, most of it is the state of the upstreams.
const (
	smallFleet = 16
	largeFleet = 2000
)

// tuneGC sets the target percentage of the garbage collector. It trades CPU time for
// memory where memory matters most: with few upstreams and with many. The variable GOGC
// takes precedence.
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
