//go:build !unix

package fake

import (
	"errors"
	"net/netip"
)

// Blackhole is an address at which a SYN gets no answer.
type Blackhole struct{}

// ListenBlackhole returns an error: here it is not known how.
func ListenBlackhole(address netip.AddrPort) (*Blackhole, error) { return fillBacklog(address) }

// Close releases the address.
func (*Blackhole) Close() {}

func reservePort(string) *Blackhole { return nil }

func fillBacklog(netip.AddrPort) (*Blackhole, error) { return nil, errors.ErrUnsupported }
