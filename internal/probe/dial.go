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

// checkedDial returns a function that connects to a target during its lifetime. For each
// connection it resolves the name, checks all addresses and dials only checked ones, so
// that a later DNS answer has no effect. It reports an address that the rules do not
// allow as EPERM.
func (t *Targets) checkedDial(lifetime context.Context, a target, k *knownTarget) fleet.Dial {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		// net/http may dial for longer than the attempt takes.
		ctx, cancel := context.WithTimeout(ctx, k.upstream.Settings.RequestTimeout)
		defer cancel()
		stop := context.AfterFunc(lifetime, cancel)
		defer stop()
		addresses, err := t.resolveAllowed(ctx, a, k)
		if err != nil {
			return nil, err
		}
		return t.dialAny(ctx, network, addresses, a.port)
	}
}

// resolveAllowed returns the current addresses of a target if all are allowed.
func (t *Targets) resolveAllowed(ctx context.Context, a target, k *knownTarget) ([]netip.Addr, error) {
	addresses := []netip.Addr{a.ip}
	if a.name != "" {
		var err error
		switch addresses, err = t.resolve(ctx, a.name); {
		case ctx.Err() != nil:
			return nil, ctx.Err() // resolvers report it in different ways
		case err != nil:
			return nil, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.rules.check(a, addresses); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("%w: %w", err, syscall.EPERM)}
	}
	k.resolved = addresses
	return addresses, nil
}

// dialAny tries the addresses in order, each for its share of the remaining time,
// as net.Dialer does.
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

// maxAddresses is the maximum number of addresses of one name.
const maxAddresses = 64

// resolve returns at least one address of a name. IPv4 addresses are unmapped.
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
