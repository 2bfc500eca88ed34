package app

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// monotonicUsec is the present on the clock that systemd has in common with the
// processes it starts, "" if it cannot be read.
func monotonicUsec() string {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return ""
	}
	return strconv.FormatInt(t.Nano()/1000, 10)
}
