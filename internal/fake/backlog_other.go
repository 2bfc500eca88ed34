//go:build !unix

package fake

import (
	"errors"
	"net/netip"
)

// Blackhole is an address that never responds to a SYN.
type Blackhole struct{}

// ListenBlackhole returns errors.ErrUnsupported.
func ListenBlackhole(netip.AddrPort) (*Blackhole, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*Blackhole) Close() {}

func reservePort(string) *Blackhole { return nil }
