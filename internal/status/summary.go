package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// summary is the endpoints of an upstream in short. It is made for each of ten
// thousand upstreams to sort them, so it holds nothing that has to be made.
type summary struct {
	oldest    time.Time     // of the last good documents, zero without any
	breaker   breaker.State // the one that lets least through
	openUntil time.Time     // when the first open breaker lets a probe through, zero without one
	reason    string        // why the first endpoint that fails does, "" if none does
	next      time.Time     // when the first endpoint is asked again, zero on demand
}

func newSummary(v *fleet.View) (b summary) {
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		if e.Doc != nil {
			earliest(&b.oldest, e.At)
		}
		if e.Failure != nil && b.reason == "" {
			b.reason = string(e.Failure.Reason)
		}
		b.breaker = max(b.breaker, e.Breaker)
		earliest(&b.openUntil, e.OpenUntil)
		earliest(&b.next, e.Next)
	}
	return b
}

// earliest moves a moment to another that is before it.
func earliest(t *time.Time, other time.Time) {
	if !other.IsZero() && (t.IsZero() || other.Before(*t)) {
		*t = other
	}
}
