package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// checkedDial makes connections to a target until gone ends. It looks the name up
// once more, checks all of its addresses and dials these by number, so that no
// later answer counts. What the rules do not allow is an error like that of a
// connection which the system does not permit.
func (t *Targets) checkedDial(gone context.Context, a target, e *entry) fleet.Dial {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		// The attempt that wants the connection may end before this does.
		ctx, cancel := context.WithTimeout(ctx, e.upstream.Settings.RequestTimeout)
		defer cancel()
		stop := context.AfterFunc(gone, cancel)
		defer stop()
		addresses, err := t.checked(ctx, a, e)
		if err != nil {
			return nil, err
		}
		return t.dialAny(ctx, network, addresses, a.port)
	}
}

// checked are the addresses of a target as of now, if all are allowed.
func (t *Targets) checked(ctx context.Context, a target, e *entry) ([]netip.Addr, error) {
	addresses := []netip.Addr{a.ip}
	if a.name != "" {
		var err error
		switch addresses, err = t.resolve(ctx, a.name); {
		case ctx.Err() != nil:
			return nil, ctx.Err() // out of time, whatever the resolver makes of it
		case err != nil:
			return nil, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.rules.check(a, addresses); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("%w: %w", err, syscall.EPERM)}
	}
	e.resolved = addresses
	return addresses, nil
}

// dialAny tries one address after the other, each within its share of the time
// that is left, as net.Dialer does.
func (t *Targets) dialAny(ctx context.Context, network string, addresses []netip.Addr, port uint16) (net.Conn, error) {
	deadline, _ := ctx.Deadline()
	var first error
	for i, ip := range addresses {
		share, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(len(addresses)-i))
		conn, err := t.dial(share, network, netip.AddrPortFrom(ip, port).String())
		cancel()
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

// maxAddresses bounds the addresses of one name.
const maxAddresses = 64

// resolve gives the addresses of a name, at least one, IPv4 never in the form of
// IPv6.
func (t *Targets) resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	found, err := t.o.Resolver.LookupNetIP(ctx, "ip", name)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, &net.DNSError{Err: "no addresses", Name: name, IsNotFound: true}
	case len(found) > maxAddresses:
		return nil, &net.DNSError{Err: fmt.Sprintf("%d addresses, at most %d are accepted", len(found), maxAddresses), Name: name}
	}
	addresses := make([]netip.Addr, len(found))
	for i, ip := range found {
		addresses[i] = ip.Unmap()
	}
	return addresses, nil
}
