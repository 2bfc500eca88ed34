//go:build !linux

package app

// monotonicUsec is only needed by systemd.
func monotonicUsec() string { return "" }
