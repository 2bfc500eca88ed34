package fake

import (
	"fmt"
	"net/http"
)

// response is a response before it is written.
type response struct {
	status int
	body   []byte
}

func errorResponse(status int) response {
	return response{status, fmt.Appendf(nil, `{"error":%q}`, http.StatusText(status))}
}

// respond responds to a request with the active fault. The faults hang, reset and http500 act before the request reaches
// the service, so such a request cannot cause its deadlock.
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
		s.send(x, errorResponse(http.StatusInternalServerError), "")
		return
	}
	r, deadlock := s.route(x.Method, x.Path)
	if deadlock != nil {
		x.Wait(deadlock)
		return
	}
	s.send(x, r, kind)
}

// send writes a response, or half of it with badjson and truncate. A mixnodes server closes the connection without
// announcing it, and does not support HEAD.
func (s *Service) send(x *Exchange, r response, kind string) {
	v1, length := s.options.API == V1, len(r.body)
	if kind == badjson || kind == truncate {
		r.body = r.body[:len(r.body)/2]
	}
	if kind != truncate {
		length = len(r.body)
	}
	a := Response{
		Status: fmt.Sprintf("%d %s", r.status, http.StatusText(r.status)),
		Header: []string{JSONType, fmt.Sprintf("Content-Length: %d", length)}, Body: string(r.body),
	}
	if v1 && x.Last {
		a.Header = append(a.Header, "Connection: close")
	}
	if v1 && x.Method == http.MethodHead {
		a.Body = ""
	}
	if x.Write(a.Bytes()) && v1 && !x.Last && kind != truncate {
		x.Keep()
	}
}

// route returns the response of a service without faults. In a deadlock it returns a channel instead, which is closed at
// the restart; even then the request gets no response.
func (s *Service) route(method, path string) (response, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.network.advance(s.now().Sub(s.started))
	if s.options.API == MixnodesAPI {
		return s.routeMixnodes(method, path)
	}
	if method == http.MethodGet || method == http.MethodHead {
		if body := s.documentV1(path); body != nil {
			return response{http.StatusOK, body}, nil
		}
	}
	return errorResponse(http.StatusNotFound), nil
}

// routeMixnodes simulates the deadlock of the published server: /status and /metrics take its lock twice, and from then on
// every request that needs the lock waits.
func (s *Service) routeMixnodes(method, path string) (response, <-chan struct{}) {
	request := method + " " + path
	switch request {
	case "GET /status", "GET /metrics":
		s.deadlocked = true
	case "GET " + Mixnodes, "POST " + deployPath:
	default:
		return errorResponse(http.StatusNotFound), nil
	}
	if s.deadlocked {
		return response{}, s.restarted
	}
	if request == "GET "+Mixnodes {
		return response{http.StatusOK, s.documentMixnodes()}, nil
	}
	if s.network.deploy() == nil {
		return errorResponse(http.StatusServiceUnavailable), nil
	}
	return response{http.StatusCreated, marshal(s.documentNode(len(s.network.nodes) - 1))}, nil
}
