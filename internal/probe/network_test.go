package probe

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
)

// network is an in-memory network of HTTP servers.
type network struct {
	server http.Server
	conns  chan net.Conn

	serving sync.WaitGroup
	mu      sync.Mutex
	hosts   map[string]http.HandlerFunc // by address
	dialed  []string
	served  map[string]int // requests by address
	open    map[string]int // connections by address
	busy    map[string]int // running requests by address
	most    int            // maximum number of addresses that were busy at the same time
}

// blackhole, a nil handler, marks an address that does not respond.
var blackhole http.HandlerFunc

func newNetwork() *network {
	n := &network{
		conns: make(chan net.Conn), hosts: make(map[string]http.HandlerFunc),
		served: make(map[string]int), open: make(map[string]int), busy: make(map[string]int),
	}
	n.server.Handler = http.HandlerFunc(n.serve)
	n.server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, n, c.(*pipe).address)
	}
	n.serving.Go(func() { n.server.Serve(&listener{n.conns, make(chan struct{}), sync.Once{}}) })
	return n
}

func (n *network) close() {
	n.server.Close()
	n.serving.Wait()
}

// host sets the handler that serves an address.
func (n *network) host(address string, h http.HandlerFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[address] = h
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	h, known := n.hosts[address]
	n.dialed = append(n.dialed, address)
	n.mu.Unlock()
	switch {
	case !known:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case h == nil:
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
	ours, theirs := net.Pipe()
	n.mu.Lock()
	n.open[address]++
	n.mu.Unlock()
	closed := sync.OnceFunc(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.open[address]--
	})
	select {
	case n.conns <- &pipe{theirs, address, closed}:
		return ours, nil
	case <-ctx.Done():
		closed()
		return nil, ctx.Err()
	}
}

func (n *network) serve(w http.ResponseWriter, r *http.Request) {
	n.serving.Add(1)
	defer n.serving.Done()
	address := r.Context().Value(n).(string)
	n.mu.Lock()
	n.served[address]++
	n.busy[address]++
	n.most = max(n.most, len(n.busy))
	h := n.hosts[address]
	n.mu.Unlock()
	h(w, r)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.busy[address]--; n.busy[address] == 0 {
		delete(n.busy, address)
	}
}

// requests returns the number of requests to an address so far.
func (n *network) requests(address string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.served[address]
}

// openTo returns the number of open connections to an address.
func (n *network) openTo(address string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open[address]
}

// dials returns the distinct dialed addresses in the order of their first dials.
func (n *network) dials() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []string
	for _, a := range n.dialed {
		if !strings.Contains(" "+strings.Join(all, " ")+" ", " "+a+" ") {
			all = append(all, a)
		}
	}
	return strings.Join(all, " ")
}

type pipe struct {
	net.Conn
	address string
	closed  func()
}

func (p *pipe) Close() error { p.closed(); return p.Conn.Close() }

type listener struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}
func (l *listener) Close() error   { l.once.Do(func() { close(l.ended) }); return nil }
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }
