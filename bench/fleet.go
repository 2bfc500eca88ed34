//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// host returns the address of host i of the fleet. Each /24 has 250 hosts.
func host(i int) string { return fmt.Sprintf("127.1.%d.%d", i/250, i%250+1) }

// fleet is the fake fleet: a Betanet service on every address of 127.1/16. It does as
// little work as possible, because it shares the CPUs with the measured processes.
type fleet struct {
	began    time.Time
	hanging  atomic.Bool // odd hosts read requests and never respond
	requests atomic.Int64
}

func serveFleet(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	// One socket for all addresses, bound to the loopback interface.
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if e := c.Control(func(fd uintptr) { err = syscall.BindToDevice(int(fd), "lo") }); e != nil {
			return e
		}
		return err
	}}
	l, err := lc.Listen(context.Background(), "tcp4", "0.0.0.0:"+port)
	if err != nil {
		return fmt.Errorf("the fake fleet needs SO_BINDTODEVICE for lo (root): %w", err)
	}
	f := &fleet{began: time.Now()}
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil { // no descriptors left: let the connection wait
			time.Sleep(10 * time.Millisecond)
			continue
		}
		go f.serve(c)
	}
}

// serve responds to the requests on a connection. It supports only the part of HTTP that
// the clients here use: requests without a body, and no pipelining.
func (f *fleet) serve(c net.Conn) {
	defer c.Close()
	ip := c.LocalAddr().(*net.TCPAddr).IP.To4()
	n := int(ip[2])*250 + int(ip[3]) - 1
	in, out, body := make([]byte, 1024), make([]byte, 0, 256), make([]byte, 0, 160)
	for have := 0; ; {
		k, err := c.Read(in[have:])
		if err != nil {
			return
		}
		have += k
		if !bytes.HasSuffix(in[:have], []byte("\r\n\r\n")) {
			continue
		}
		path, _, _ := bytes.Cut(in[len("GET "):have], []byte(" "))
		have = 0
		if f.hanging.Load() && n%2 == 1 && ip[1] == 1 {
			continue
		}
		body = f.document(body[:0], string(path), n)
		out = append(out[:0], "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "...)
		out = strconv.AppendInt(out, int64(len(body)), 10)
		out = append(append(out, "\r\n\r\n"...), body...)
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

// document appends the document of a host at a path to b. All values grow, so that every
// line of the exporter changes.
func (f *fleet) document(b []byte, path string, host int) []byte {
	t := int64(time.Since(f.began)/time.Millisecond) + int64(host)
	put := func(name string, v int64) { b = strconv.AppendInt(append(b, name...), v, 10) }
	f.requests.Add(1)
	switch path {
	case "/api/v1/metrics":
		put(`{"packets_processed":`, 1_000_000+t)
		put(`,"packets_dropped":`, 1000+t/100)
	case "/api/v1/nodes/status":
		put(`{"active_nodes":`, 10+t%50)
		put(`,"inactive_nodes":`, 5)
		put(`,"total_nodes":`, 15+t%50)
	case "/api/v1/network/stats":
		put(`{"bytes_transmitted":`, 1_000_000_000+700*t)
		put(`,"bytes_received":`, 2_000_000_000+900*t)
		put(`,"avg_latency_ms":`, 10+t%90)
		put(`.5,"peak_throughput":`, 5_000_000+t)
	case "/hang":
		f.hanging.Store(true)
		b = append(b, '{')
	case "/requests":
		return strconv.AppendInt(b, f.requests.Add(-1), 10) // without this request itself
	}
	return append(b, '}')
}

// control sends a control request to the fleet and returns the response.
func control(fleet *process, path string) (string, error) {
	resp, err := fleet.client.Get("http://" + fleet.addr + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 100))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = statusError(resp.StatusCode)
	}
	return string(b), err
}

// startFleet starts the fake fleet as a helper process.
func startFleet() (*process, error) {
	return startHelper("fleet", func(addr string) string { return addr })
}
