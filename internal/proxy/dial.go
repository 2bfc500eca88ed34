package proxy

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
)

// Dial makes connections as package net does, and reports a CONNECT that is not
// granted over one of them as *Error. It is for transports of libraries, whose
// hooks cannot be set; Wrap recognises more.
func Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &watched{Conn: c, proxy: addr}, nil
}

// watched is a connection of which the beginning of the first request and of its
// answer are looked at.
type watched struct {
	net.Conn
	proxy string
	phase atomic.Uint32
}

// The phases of a watched connection.
const (
	fresh   = iota // nothing was written
	asked          // CONNECT was written
	settled        // it is granted, or was no CONNECT
)

// Write implements net.Conn.
func (w *watched) Write(b []byte) (int, error) {
	if w.phase.Load() == fresh {
		if bytes.HasPrefix(b, []byte("CONNECT ")) {
			w.phase.Store(asked)
		} else {
			w.phase.Store(settled)
		}
	}
	return w.Conn.Write(b)
}

// Read implements net.Conn.
func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if w.phase.Load() != asked || n == 0 && err == nil {
		return n, err
	}
	w.phase.Store(settled)
	if n == 0 {
		return 0, &Error{Proxy: w.proxy, Err: withoutAddress(err)}
	}
	if status := statusOf(b[:n]); status != 0 && status != http.StatusOK {
		return 0, &Error{Proxy: w.proxy, Status: status}
	}
	return n, err
}

// statusOf reads the status of a status line, 0 if there is none.
func statusOf(answer []byte) int {
	const line = "HTTP/1.1 200"
	if len(answer) < len(line) || !bytes.HasPrefix(answer, []byte("HTTP/1.")) {
		return 0
	}
	status, err := strconv.Atoi(string(answer[len(line)-3 : len(line)]))
	if err != nil {
		return 0
	}
	return status
}
