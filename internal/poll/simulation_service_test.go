package poll

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

var errSimulated = errors.New("simulated")

// responseOf draws the duration and the kind of the response to a request.
func (w *coreWorld) responseOf(s *coreUpstream, q *coreRequest) (took time.Duration, kind string) {
	took, kind = time.Millisecond+time.Duration(w.random.IntN(20_000))*time.Microsecond, "good"
	for _, e := range w.active {
		affected, service := w.affected(e)
		if e.Kind == "everything fails" {
			kind = []string{"500", "refused", "broken", "hangs", "429", "503 later", "good"}[e.Variant%7]
			if kind == "good" { // flaky
				kind = []string{"good", "500", "refused", "hangs", "broken"}[w.random.IntN(5)]
			}
		}
		if affected != s || service != q.service {
			continue
		}
		switch e.Kind {
		case "refused", "500", "404", "403", "429", "503 later", "broken", "local":
			kind = e.Kind
		case "one endpoint":
			if betanet.Endpoint(e.Target)%betanet.NumEndpoints == q.endpoint {
				kind = []string{"500", "hangs", "429"}[e.Variant/8%3]
			}
		case "flaky":
			if w.random.IntN(2) == 0 {
				kind = []string{"500", "refused", "hangs", "broken"}[w.random.IntN(4)]
			}
		case "slow":
			took += time.Duration(e.Variant % uint64(6*time.Second))
		case "hangs":
			kind = e.Kind
		}
	}
	if kind == "hangs" {
		took = time.Hour
	}
	if kind == "good" && q.endpoint.API() != q.service.api {
		kind = "404"
	}
	return took, kind
}

// resultOf returns the result of a request that gets a response of the given kind.
func (w *coreWorld) resultOf(q *coreRequest, kind string) result {
	f := &betanet.Failure{Retry: true, Err: errSimulated}
	switch kind {
	case "good":
		return result{doc: q.service.document(q.endpoint, w.random)}
	case "timeout":
		f.Reason = betanet.ReasonTimeout
	case "refused":
		f.Reason = betanet.ReasonConnect
	case "500":
		f.Reason, f.Status = betanet.ReasonHTTP5xx, 500
	case "503 later":
		f.Reason, f.Status, f.RetryAfter = betanet.ReasonHTTP5xx, 503, fmt.Sprint(w.random.IntN(6))
	case "429":
		f.Reason, f.Status, f.RetryAfter = betanet.ReasonHTTP429, 429, fmt.Sprint(w.random.IntN(1000))
	case "404":
		f.Reason, f.Status, f.Retry = betanet.ReasonHTTP4xx, 404, false
	case "403":
		f.Reason, f.Status, f.Retry = betanet.ReasonAuth, 403, false
	case "local":
		f.Reason, f.Retry, f.Ignored = betanet.ReasonLocal, false, true
	default:
		f.Reason = betanet.ReasonSyntax
	}
	return result{failure: f}
}

// document returns the next document of an endpoint.
func (s *coreService) document(e betanet.Endpoint, r *rand.Rand) *betanet.Document {
	s.count += uint64(r.IntN(10))
	d, n := &betanet.Document{Endpoint: e}, s.count
	switch e {
	case betanet.Metrics:
		d.Set(betanet.PacketsProcessed, n)
		d.Set(betanet.PacketsDropped, n/10)
	case betanet.Nodes:
		d.Set(betanet.ActiveNodes, 1)
		d.Set(betanet.TotalNodes, 1)
	case betanet.Network:
		d.Set(betanet.BytesTransmitted, n)
		d.Set(betanet.BytesReceived, n)
	default:
		d.Mixnodes = []betanet.Mixnode{{ID: "a", Status: "active"}}
		d.Mixnodes[0].Set(betanet.PacketsProcessed, n)
	}
	return d
}
