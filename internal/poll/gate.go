package poll

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// gate bounds the connections to upstreams that are open at a time, so that the
// descriptors left over suffice for scrapers. What the resolver opens to look up
// a name counts too.
type gate struct {
	limit    int // 0 for none
	open     atomic.Int64
	resolver *net.Resolver // nil for the network's
}

func newGate(limit int) *gate {
	g := &gate{limit: limit}
	if limit > 0 {
		g.resolver = &net.Resolver{Dial: g.guard(new(net.Dialer).DialContext)}
	}
	return g
}

// dial is the network's, through the gate. The timeout bounds a dial whose
// attempt has gone away.
func (g *gate) dial(timeout time.Duration) fleet.Dial {
	// No probes of the kernel on connections that rest: a request that finds one
	// dead has its own limit, and setting them up is half the work of a dial.
	return g.guard((&net.Dialer{Timeout: timeout, KeepAlive: -1, Resolver: g.resolver}).DialContext)
}

// Connections is how collections use connections.
type Connections uint8

// The ways, the better first.
const (
	Parallel  Connections = iota // one for each endpoint, where that is quicker
	OneKept                      // one for all, kept from one collection to the next
	OneUnkept                    // one for all, closed at the end of a collection
)

// Connections is the best that there are descriptors for.
func (p *Poller) Connections() Connections {
	limit, upstreams := int64(p.o.Connections), p.count.Load()
	switch {
	case limit == 0 || upstreams*int64(len(betanet.V1.Endpoints())) <= limit:
		return Parallel
	case upstreams <= limit:
		return OneKept
	default:
		return OneUnkept
	}
}

// fullError is a connection that was not made. It is an EMFILE to those who ask,
// because that is what it spares the process.
type fullError struct{ limit int }

func (e fullError) Error() string {
	return fmt.Sprintf("%d connections to upstreams are open and the limit of open files leaves room for no more: %s", e.limit, syscall.EMFILE)
}

func (e fullError) Unwrap() error { return syscall.EMFILE }

// guard is d through the gate.
func (g *gate) guard(d fleet.Dial) fleet.Dial {
	if g.limit == 0 {
		return d
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if g.open.Add(1) > int64(g.limit) {
			g.open.Add(-1)
			return nil, fullError{g.limit}
		}
		c, err := d(ctx, network, address)
		if err != nil {
			g.open.Add(-1)
			return nil, err
		}
		counted := &countedConn{Conn: c, gate: g}
		if p, ok := c.(net.PacketConn); ok {
			return countedPackets{counted, p}, nil
		}
		return counted, nil
	}
}

// countedConn counts until it is closed.
type countedConn struct {
	net.Conn
	gate *gate
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.gate.open.Add(-1) })
	return c.Conn.Close()
}

// countedPackets shows the resolver that it speaks over UDP: it asks for the
// type.
type countedPackets struct {
	*countedConn
	packets net.PacketConn
}

func (c countedPackets) ReadFrom(b []byte) (int, net.Addr, error)   { return c.packets.ReadFrom(b) }
func (c countedPackets) WriteTo(b []byte, to net.Addr) (int, error) { return c.packets.WriteTo(b, to) }
