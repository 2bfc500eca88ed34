package fake

import (
	"fmt"
	"net/http"
)

// content is the status and body of a response.
type content struct {
	status int
	body   []byte
}

func errorContent(status int) content {
	return content{status, fmt.Appendf(nil, `{"error":%q}`, http.StatusText(status))}
}

// respond responds to a request, with the active fault if there is one. The faults hang, reset and http500 act before the
// request reaches the service, so that the request cannot cause a deadlock.
func (s *Service) respond(x *Exchange) {
	kind, ok := s.injectFault(x)
	if !ok {
		return
	}
	switch kind {
	case refuse, reset: // refuse: the request was sent before the port was closed
		x.Reset()
		return
	case http500:
		s.send(x, errorContent(http.StatusInternalServerError), "")
		return
	}
	c, deadlock := s.route(x.Method, x.Path)
	if deadlock != nil {
		x.Wait(deadlock)
		return
	}
	s.send(x, c, kind)
}

// send writes a response, or half of it with badjson and truncate. A mixnodes server closes the connection without
// announcing it, and does not support HEAD.
func (s *Service) send(x *Exchange, c content, kind string) {
	v1, length := s.options.API == V1, len(c.body)
	if kind == badjson || kind == truncate {
		c.body = c.body[:len(c.body)/2]
	}
	if kind != truncate {
		length = len(c.body)
	}
	r := Response{
		Status: fmt.Sprintf("%d %s", c.status, http.StatusText(c.status)),
		Header: []string{JSONType, fmt.Sprintf("Content-Length: %d", length)}, Body: string(c.body),
	}
	if v1 && x.Last {
		r.Header = append(r.Header, "Connection: close")
	}
	if v1 && x.Method == http.MethodHead {
		r.Body = ""
	}
	if x.Write(r.Bytes()) && v1 && !x.Last && kind != truncate {
		x.Keep()
	}
}

// route returns the response of a service without faults. In a deadlock it returns a channel instead, which is closed at
// the restart; even then the request gets no response.
func (s *Service) route(method, path string) (content, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.network.advance(s.now().Sub(s.started))
	if s.options.API == MixnodesAPI {
		return s.routeMixnodes(method, path)
	}
	if method == http.MethodGet || method == http.MethodHead {
		if body := s.documentV1(path); body != nil {
			return content{http.StatusOK, body}, nil
		}
	}
	return errorContent(http.StatusNotFound), nil
}

// routeMixnodes simulates the deadlock of the published server: /status and /metrics take its lock twice, and from then
// on every request that needs the lock waits.
func (s *Service) routeMixnodes(method, path string) (content, <-chan struct{}) {
	request := method + " " + path
	switch request {
	case "GET /status", "GET /metrics":
		s.deadlocked = true
	case "GET " + Mixnodes, "POST " + deployPath:
	default:
		return errorContent(http.StatusNotFound), nil
	}
	if s.deadlocked {
		return content{}, s.restarted
	}
	if request == "GET "+Mixnodes {
		return content{http.StatusOK, s.documentMixnodes()}, nil
	}
	if s.network.deploy() == nil {
		return errorContent(http.StatusServiceUnavailable), nil
	}
	return content{http.StatusCreated, marshal(s.documentNode(len(s.network.nodes) - 1))}, nil
}
