package probe

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
)

// internet is a network of HTTP servers in memory.
type internet struct {
	server http.Server
	conns  chan net.Conn

	serving sync.WaitGroup
	mu      sync.Mutex
	hosts   map[string]http.HandlerFunc // by address
	dialled []string
	asked   map[string]int // requests by address
	open    map[string]int // connections by address
	most    int            // addresses with a request at the same time
	busy    map[string]int
}

// dead is the handler of an address that nothing comes back from.
var dead http.HandlerFunc

func newInternet() *internet {
	n := &internet{
		conns: make(chan net.Conn), hosts: make(map[string]http.HandlerFunc),
		asked: make(map[string]int), open: make(map[string]int), busy: make(map[string]int),
	}
	n.server.Handler = http.HandlerFunc(n.serve)
	n.server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, n, c.(*pipe).address)
	}
	n.serving.Go(func() { n.server.Serve(&listener{n.conns, make(chan struct{}), sync.Once{}}) })
	return n
}

func (n *internet) close() {
	n.server.Close()
	n.serving.Wait()
}

func (n *internet) host(address string, h http.HandlerFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[address] = h
}

func (n *internet) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	h, there := n.hosts[address]
	n.dialled = append(n.dialled, address)
	n.mu.Unlock()
	switch {
	case !there:
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

func (n *internet) serve(w http.ResponseWriter, r *http.Request) {
	n.serving.Add(1)
	defer n.serving.Done()
	address := r.Context().Value(n).(string)
	n.mu.Lock()
	n.asked[address]++
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

func (n *internet) requests(address string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[address]
}

func (n *internet) openTo(address string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open[address]
}

// dials are the addresses that were dialled, each once, in order of the first.
func (n *internet) dials() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []string
	for _, a := range n.dialled {
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
