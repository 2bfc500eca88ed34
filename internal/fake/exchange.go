package fake

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// A Behaviour responds to one request. When it returns, the connection is closed with a FIN unless it called Keep.
type Behaviour func(x *Exchange)

// Exchange is one request and the raw connection for the response.
type Exchange struct {
	Method, Path string
	Last         bool // the client sends no more requests on this connection

	conn    net.Conn // the TLS session if there is one
	reader  *bufio.Reader
	tcp     *net.TCPConn
	closing context.Context
	keep    bool
}

// Write sends b. It reports false once the connection is gone, so that endless responses end.
func (x *Exchange) Write(b []byte) bool {
	_, err := x.conn.Write(b)
	return err == nil
}

// Keep leaves the connection open for the next request.
func (x *Exchange) Keep() { x.keep = true }

// Reset ends the connection with a RST instead of a FIN.
func (x *Exchange) Reset() { abort(x.tcp) }

// abort ends a connection with a RST instead of a FIN.
func abort(tcp *net.TCPConn) {
	tcp.SetLinger(0)
	tcp.Close()
}

// Hold sends nothing more until the client hangs up or the server is closed.
func (x *Exchange) Hold() { io.Copy(io.Discard, x.conn) }

// Wait waits until ended is closed. It reports false as soon as the client hangs up: otherwise each attempt of a client
// with a timeout would leave a goroutine and a descriptor behind. Bytes that the client sends in the meantime are kept.
func (x *Exchange) Wait(ended <-chan struct{}) bool {
	hungUp, woken := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(woken)
		select {
		case <-ended:
			x.conn.SetReadDeadline(time.Unix(1, 0))
		case <-hungUp:
		}
	}()
	_, err := x.reader.Peek(1)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		close(hungUp)
		<-woken
		return false
	}
	<-woken // if err is nil, the client has sent more, and a hang-up cannot be noticed
	return x.conn.SetReadDeadline(time.Time{}) == nil
}

// Pause waits for d. It reports false if the server was closed in the meantime.
func (x *Exchange) Pause(d time.Duration) bool { return sleep(x.closing, d) }

// sleep waits for d and reports false if ctx ended in the meantime.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

const (
	packetSize     = 4096     // bytes of a request that the published mixnodes server reads
	maxRequestSize = 64 << 10 // bytes of a request that any other server reads
)

// readPacket reads a request as the published mixnodes server does: the result of a single read is the request.
func readPacket(r *bufio.Reader) (*http.Request, error) {
	if _, err := r.Peek(1); err != nil { // one read of the connection, because the buffer has the size of a packet
		return nil, err
	}
	b, err := r.Peek(r.Buffered())
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(b, []byte("\r\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	request := &http.Request{Method: string(method), URL: &url.URL{Path: string(path)}, Body: http.NoBody, Close: true}
	_, err = r.Discard(len(b))
	return request, err
}

// serveConn responds to the requests on one connection until a behaviour ends it.
func (s *Server) serveConn(conn net.Conn, tcp *net.TCPConn) {
	limited := &io.LimitedReader{R: conn}
	reader := bufio.NewReaderSize(limited, packetSize)
	paths := map[string]bool{}
	for {
		limited.N = maxRequestSize
		request, err := s.readRequest(reader)
		if err != nil {
			if strings.HasPrefix(err.Error(), "malformed") {
				s.recordUnexpected("not a request: %v", err)
			}
			return
		}
		path := request.URL.Path
		// The size may include bytes of the next request, but no client here pipelines.
		s.check(request, maxRequestSize-limited.N)
		// An unread body would be parsed as the next request.
		if _, err := io.CopyN(io.Discard, request.Body, maxRequestSize); err != io.EOF {
			return
		}
		x := &Exchange{
			Method: request.Method, Path: path, Last: request.Close || !request.ProtoAtLeast(1, 1),
			conn: conn, reader: reader, tcp: tcp, closing: s.closing,
		}
		s.count(path, !paths[path])(x)
		paths[path] = true
		if !x.keep {
			return
		}
	}
}

// check records everything in a request that the real upstream could not handle.
func (s *Server) check(r *http.Request, size int64) {
	switch r.URL.Path {
	case Metrics, Nodes, Network, Mixnodes:
	default:
		s.recordUnexpected("path %s", r.URL.Path)
	}
	if r.URL.RawQuery != "" {
		s.recordUnexpected("query %s", r.URL.RawQuery)
	}
	if r.Method != http.MethodGet {
		s.recordUnexpected("method %s", r.Method)
	}
	if r.ContentLength != 0 {
		s.recordUnexpected("a request with a body")
	}
	if size >= packetSize {
		s.recordUnexpected("a request of %d bytes", size)
	}
}

func (s *Server) recordUnexpected(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unexpected) < 100 {
		s.unexpected = append(s.unexpected, fmt.Sprintf(format, args...))
	}
}
