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

// connLimiter limits the number of open connections to upstreams, so that enough file
// descriptors remain for scrapers. Connections of the resolver count as well.
type connLimiter struct {
	limit    int // 0 means no limit
	open     atomic.Int64
	resolver *net.Resolver // nil means net.DefaultResolver
}

func newConnLimiter(limit int) *connLimiter {
	l := &connLimiter{limit: limit}
	if limit > 0 {
		l.resolver = &net.Resolver{Dial: l.guard(new(net.Dialer).DialContext)}
	}
	return l
}

// dialFunc returns a dial function for the machine's network, subject to the limit. The
// timeout is needed because net/http may continue a dial after its attempt has ended.
func (l *connLimiter) dialFunc(timeout time.Duration) fleet.Dial {
	// Without TCP keep-alive, because a request on a dead connection has its own timeout
	// and enabling keep-alive is half the work of a dial.
	return l.guard((&net.Dialer{Timeout: timeout, KeepAlive: -1, Resolver: l.resolver}).DialContext)
}

// Connections is how many connections a collection uses, and whether it keeps them.
type Connections uint8

// The values, from best to worst.
const (
	Parallel  Connections = iota // up to one per endpoint
	OneKept                      // one for all endpoints, kept between collections
	OneUnkept                    // one for all endpoints, closed after each collection
)

// Connections returns the best value that the connection limit allows for all upstreams.
func (p *Poller) Connections() Connections {
	limit, upstreams := int64(p.o.MaxConnections), p.count.Load()
	switch {
	case limit == 0 || upstreams*int64(len(betanet.V1.Endpoints())) <= limit:
		return Parallel
	case upstreams <= limit:
		return OneKept
	default:
		return OneUnkept
	}
}

// connLimitError reports that the connection limit is reached. It unwraps to EMFILE so
// that it is classified as a local failure.
type connLimitError struct{ limit int }

func (e connLimitError) Error() string {
	return fmt.Sprintf("%d connections to upstreams are open, the most that the limit on open files allows: %s", e.limit, syscall.EMFILE)
}

func (e connLimitError) Unwrap() error { return syscall.EMFILE }

// guard returns a dial function that applies the limit to d.
func (l *connLimiter) guard(d fleet.Dial) fleet.Dial {
	if l.limit == 0 {
		return d
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if l.open.Add(1) > int64(l.limit) {
			l.open.Add(-1)
			return nil, connLimitError{l.limit}
		}
		c, err := d(ctx, network, address)
		if err != nil {
			l.open.Add(-1)
			return nil, err
		}
		counted := &countedConn{Conn: c, limiter: l}
		if p, ok := c.(net.PacketConn); ok {
			return countedPacketConn{counted, p}, nil
		}
		return counted, nil
	}
}

// countedConn is a connection that counts as open until it is closed.
type countedConn struct {
	net.Conn
	limiter *connLimiter
	once    sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.limiter.open.Add(-1) })
	return c.Conn.Close()
}

// countedPacketConn is a countedConn that implements net.PacketConn, which is how the
// resolver recognizes UDP.
type countedPacketConn struct {
	*countedConn
	packets net.PacketConn
}

func (c countedPacketConn) ReadFrom(b []byte) (int, net.Addr, error) { return c.packets.ReadFrom(b) }

func (c countedPacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	return c.packets.WriteTo(b, to)
}
