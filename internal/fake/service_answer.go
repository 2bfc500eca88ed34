package fake

import (
	"fmt"
	"net/http"
)

// answer is a response before it is written.
type answer struct {
	status int
	body   []byte
}

func failure(status int) answer {
	return answer{status, fmt.Appendf(nil, `{"error":%q}`, http.StatusText(status))}
}

// answer answers a request, with the fault that acts. What acts in front of the
// service (hang, reset, http500) spares it the request, and so the dead-lock.
func (s *Service) answer(x *Exchange) {
	kind, ok := s.injectFault(x)
	if !ok {
		return
	}
	switch kind {
	case refuse, reset: // a request that was on its way when the port was closed is reset too
		x.Reset()
		return
	case http500:
		s.send(x, failure(http.StatusInternalServerError), "")
		return
	}
	a, never := s.route(x.Method, x.Path)
	if never != nil {
		x.Wait(never)
		return
	}
	s.send(x, a, kind)
}

// send writes an answer, half of it with badjson and truncate. A mixnodes server
// ends the connection after it although nothing in the answer announces it, and
// does not know HEAD.
func (s *Service) send(x *Exchange, a answer, kind string) {
	v1, length := s.options.API == V1, len(a.body)
	if kind == badjson || kind == truncate {
		a.body = a.body[:len(a.body)/2]
	}
	if kind != truncate {
		length = len(a.body)
	}
	text := Answer{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		Header: []string{JSONType, fmt.Sprintf("Content-Length: %d", length)}, Body: string(a.body),
	}
	if v1 && x.Last {
		text.Header = append(text.Header, "Connection: close")
	}
	if v1 && x.Method == http.MethodHead {
		text.Body = ""
	}
	if x.Write(text.Bytes()) && v1 && !x.Last && kind != truncate {
		x.Keep()
	}
}

// route is the service without its faults. A channel instead of an answer
// means that no answer comes before the channel is closed, nor after.
func (s *Service) route(method, path string) (answer, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.network.advance(s.now().Sub(s.born))
	if s.options.API == MixnodesAPI {
		return s.routeMixnodes(method, path)
	}
	if method == http.MethodGet || method == http.MethodHead {
		if body := s.documentV1(path); body != nil {
			return answer{http.StatusOK, body}, nil
		}
	}
	return failure(http.StatusNotFound), nil
}

// routeMixnodes has the dead-lock of the published server: /status and
// /metrics take its lock and then wait for it, as everybody does from then on.
func (s *Service) routeMixnodes(method, path string) (answer, <-chan struct{}) {
	request := method + " " + path
	switch request {
	case "GET /status", "GET /metrics":
		s.locked = true
		return answer{}, s.freed
	case "GET " + Mixnodes, "POST " + deployPath:
		if s.locked {
			return answer{}, s.freed
		}
	default:
		return failure(http.StatusNotFound), nil
	}
	if request == "GET "+Mixnodes {
		return answer{http.StatusOK, s.documentMixnodes()}, nil
	}
	if s.network.deploy() == nil {
		return failure(http.StatusServiceUnavailable), nil
	}
	return answer{http.StatusCreated, s.documentNode(len(s.network.nodes) - 1)}, nil
}
