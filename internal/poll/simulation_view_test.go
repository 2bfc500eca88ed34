package poll

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// checkView checks the view at the end of a collection.
func (w *coreWorld) checkView(s *coreUpstream) {
	v, service := s.core.view(), s.services[s.core.inUse.index]
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		ep := &service.endpoints[e.Endpoint]
		if ep.doc != nil && !ep.inFlight && (e.Doc == nil || !e.At.Equal(ep.docAt)) {
			w.fail("%s %v: shows the document fetched at %v, the newest was fetched at %v", s.u.Name, e.Endpoint, e.At.Sub(w.start), ep.docAt.Sub(w.start))
		}
		if e.Doc != nil && (ep.doc == nil || e.Doc != ep.doc) {
			w.fail("%s %v: shows a document that was not sent", s.u.Name, e.Endpoint)
		}
		if e.Breaker != ep.state {
			w.fail("%s %v: shows the breaker %v, want %v", s.u.Name, e.Endpoint, e.Breaker, ep.state)
		}
		if e.Doc != nil && e.Failure == nil && !e.Tried {
			w.fail("%s %v: has a document but was not tried", s.u.Name, e.Endpoint)
		}
	}
	if v.Resets > s.oracle.fell || v.Resets < s.oracle.resets || len(s.services) == 1 && s.oracle.fell > 0 && v.Resets == 0 {
		w.fail("%s: shows %d resets after showing %d; %d documents had lower totals", s.u.Name, v.Resets, s.oracle.resets, s.oracle.fell)
	}
	w.visit("reset", v.Resets > s.oracle.resets)
	s.oracle.resets = v.Resets
	w.checkFresh(s, v)
}

// checkFresh checks that an upstream is up within a bound after all its faults have ended,
// and within a longer bound after the faults of one of its replicas have ended.
func (w *coreWorld) checkFresh(s *coreUpstream, v *fleet.View) {
	settings, allHealthy, oneHealthy := &s.u.Settings, later(s.added, w.faultyUntil), time.Time{}
	for i, service := range s.services {
		faulty := service.faultyUntil
		for _, ep := range service.endpoints {
			faulty = later(faulty, ep.notBefore)
		}
		if s.u.API != betanet.Auto && s.u.API != service.api {
			return
		}
		if i == 0 || faulty.Before(oneHealthy) {
			oneHealthy = faulty
		}
		allHealthy = later(allHealthy, faulty)
	}
	for _, service := range s.services {
		oneHealthy = later(oneHealthy, service.disturbed) // this replica may be in use
	}
	faulty := later(oneHealthy, later(s.added, w.faultyUntil))
	bound := time.Duration(1+len(s.services))*(settings.BreakerOpen+settings.Interval) + 2*settings.Timeout + settings.Interval
	failover := bound + time.Duration(settings.BreakerFailures)*settings.Interval // until the breakers of a hanging replica open
	if !s.core.scheduled || w.now.Before(allHealthy.Add(bound)) && w.now.Before(faulty.Add(failover)) {
		return
	}
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		if !e.Up() || w.now.Sub(e.At) > settings.Interval+settings.Timeout {
			w.fail("%s %v: is %v with a document from %v ago, although the last fault ended %v ago", s.u.Name, e.Endpoint, e.State(w.now, settings.MaxStale), w.now.Sub(e.At), w.now.Sub(faulty))
		}
	}
}
