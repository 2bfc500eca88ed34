package fake

import "net/http"

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
			return whole(http.StatusOK, body), nil
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
		return whole(http.StatusOK, s.documentMixnodes()), nil
	}
	if s.network.deploy() == nil {
		return failure(http.StatusServiceUnavailable), nil
	}
	return whole(http.StatusCreated, s.documentNode(len(s.network.nodes)-1)), nil
}
