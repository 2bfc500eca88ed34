//go:build !linux

package app

// monotonicUsec is of no use without systemd.
func monotonicUsec() string { return "" }
