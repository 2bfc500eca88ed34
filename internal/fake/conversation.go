package fake

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
)

const (
	packet         = 4096     // what the published mixnodes server reads of a request
	maxRequestSize = 64 << 10 // what the v1 API reads of one
)

// answer is a response before it is written.
type answer struct {
	status    int
	body      []byte
	announced int // bytes that the header promises
}

func whole(status int, body []byte) answer { return answer{status, body, len(body)} }

func failure(status int) answer {
	return whole(status, fmt.Appendf(nil, `{"error":%q}`, http.StatusText(status)))
}

// write sends the answer in one piece; extra is a header line or nothing.
func (a answer) write(c net.Conn, extra string, withBody bool) error {
	message := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n",
		a.status, http.StatusText(a.status), a.announced, extra)
	if withBody {
		message = append(message, a.body...)
	}
	_, err := c.Write(message)
	return err
}

// serveConn is the life of one connection.
func (s *Service) serveConn(c *net.TCPConn) {
	if s.options.API == MixnodesAPI {
		s.serveMixnodes(c)
	} else {
		s.serveV1(c)
	}
}

// serveV1 answers requests as HTTP wants it, one after the other, until the
// client or a fault ends the connection.
func (s *Service) serveV1(c *net.TCPConn) {
	limit := &io.LimitedReader{R: c}
	r := bufio.NewReader(limit)
	for {
		limit.N = maxRequestSize
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, request.Body, maxRequestSize); err != io.EOF {
			return // the body is broken or beyond the limit
		}
		a, ok := s.reply(c, r, request.Method, request.URL.Path)
		if !ok {
			return
		}
		last, extra := request.Close || !request.ProtoAtLeast(1, 1), ""
		if last {
			extra = "Connection: close\r\n"
		}
		err = a.write(c, extra, request.Method != http.MethodHead)
		if err != nil || last || len(a.body) < a.announced {
			return
		}
	}
}

// serveMixnodes imitates the published server: one read is the request,
// whatever it holds, and the connection ends after the answer although nothing
// in the answer says so.
func (s *Service) serveMixnodes(c *net.TCPConn) {
	r := bufio.NewReaderSize(c, packet)
	buf := make([]byte, packet)
	n, err := r.Read(buf) // exactly one read of c, because buf is as large as r
	if err != nil {
		return
	}
	line, _, _ := bytes.Cut(buf[:n], []byte("\r\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	if a, ok := s.reply(c, r, string(method), string(path)); ok {
		a.write(c, "", true) // the client may be gone, and the connection ends in any case
	}
}

// reply is the answer to a request, with the fault that acts. It is false when
// the connection is to end without one. What acts in front of the service
// (hang, reset, http500) spares it the request, and so the dead-lock.
func (s *Service) reply(c *net.TCPConn, r *bufio.Reader, method, path string) (answer, bool) {
	s.count(path)
	kind, ok := s.injectFault(c, r)
	if !ok {
		return answer{}, false
	}
	switch kind {
	case refuse, reset: // a request that was on its way when the port was closed is reset too
		abort(c)
		return answer{}, false
	case http500:
		return failure(http.StatusInternalServerError), true
	}
	a, never := s.route(method, path)
	if never != nil {
		holdConn(c, r, never)
		return answer{}, false
	}
	switch kind {
	case badjson:
		a = whole(http.StatusOK, a.body[:len(a.body)/2])
	case truncate:
		a.body = a.body[:len(a.body)/2]
	}
	return a, true
}
