package app

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// monotonicUsec returns the time of CLOCK_MONOTONIC in microseconds, which systemd
// compares with its own, or "" if it cannot be read.
func monotonicUsec() string {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return ""
	}
	return strconv.FormatInt(t.Nano()/1000, 10)
}
