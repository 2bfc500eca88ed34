package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// summary is the endpoints of an upstream in short. It is made for each of ten
// thousand upstreams to count and sort them, so it allocates nothing.
type summary struct {
	oldest    time.Time     // of the last good documents, zero without any
	breaker   breaker.State // the one that lets least through
	openUntil time.Time     // when the first open breaker lets a probe through, zero without one
	reason    string        // why the first endpoint that fails does, "" if none does
	next      time.Time     // when the first endpoint is asked again, zero on demand
	answers   bool          // an endpoint does
	failing   time.Time     // when the last of those that fail began to
	notClosed int           // breakers
	overdue   time.Time     // from when on collecting counts as stopped
}

func newSummary(v *fleet.View) (s summary) {
	s.notClosed, s.overdue = v.NotClosed(), v.OverdueAt()
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		if e.Doc != nil {
			earliest(&s.oldest, e.At)
		}
		if e.Failure != nil && s.reason == "" {
			s.reason = string(e.Failure.Reason)
		}
		if e.Failure != nil && e.Since.After(s.failing) {
			s.failing = e.Since
		}
		s.answers = s.answers || e.Up()
		s.breaker = max(s.breaker, e.Breaker)
		earliest(&s.openUntil, e.OpenUntil)
		earliest(&s.next, e.Next)
	}
	return s
}

// earliest moves a moment to another that is before it.
func earliest(t *time.Time, other time.Time) {
	if !other.IsZero() && (t.IsZero() || other.Before(*t)) {
		*t = other
	}
}
