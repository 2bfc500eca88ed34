package proxy

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
)

// Dial is like net.Dialer.DialContext, for a transport that a library creates and that
// Wrap therefore cannot modify. If the first request on the connection is a CONNECT that
// fails, reading the response returns an *Error. Wrap recognizes more failures.
func Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &connectConn{Conn: conn, proxy: addr}, nil
}

// connectConn is a connection that inspects its first request and the response.
type connectConn struct {
	net.Conn
	proxy string
	phase atomic.Uint32
}

const (
	fresh      = iota // nothing was written
	connecting        // CONNECT was written
	done              // the response to CONNECT was read, or the request was not CONNECT
)

// Write implements net.Conn.
func (c *connectConn) Write(b []byte) (int, error) {
	if c.phase.Load() == fresh {
		if bytes.HasPrefix(b, []byte("CONNECT ")) {
			c.phase.Store(connecting)
		} else {
			c.phase.Store(done)
		}
	}
	return c.Conn.Write(b)
}

// Read implements net.Conn.
func (c *connectConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.phase.Load() != connecting || n == 0 && err == nil {
		return n, err
	}
	c.phase.Store(done)
	if n == 0 {
		return 0, &Error{Proxy: c.proxy, Err: withoutAddress(err)}
	}
	if status := statusOf(b[:n]); status != 0 && status != http.StatusOK {
		return 0, &Error{Proxy: c.proxy, Status: status}
	}
	return n, err
}

// statusOf returns the status of a response, or 0 if it is not HTTP/1.
func statusOf(response []byte) int {
	const line = "HTTP/1.1 200"
	if len(response) < len(line) || !bytes.HasPrefix(response, []byte("HTTP/1.")) {
		return 0
	}
	status, _ := strconv.Atoi(string(response[len(line)-3 : len(line)]))
	return status
}
