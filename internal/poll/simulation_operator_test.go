package poll

import (
	"context"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/simulation"
)

// startPolling starts polling the upstream with a new core.
func (s *coreUpstream) startPolling(schedule bool) {
	s.core = newCore(s.u, "", schedule, &s.w.shared, s.w.now)
	s.added, s.oracle, s.schedule = s.w.now, oracleState{}, s.core.tick
	for i, r := range s.core.replicas {
		s.oracle.api[i] = r.api
	}
	for _, service := range s.services {
		service.endpoints = [betanet.NumEndpoints]coreEndpoint{}
	}
	s.at = s.core.next()
}

// updateEpisodes ends and starts the episodes that are due.
func (w *coreWorld) updateEpisodes() {
	for _, s := range w.upstreams {
		w.checkFresh(s, s.core.view())
	}
	last := w.active
	w.active = nil
	for _, e := range last {
		if w.start.Add(e.Start + e.Length).After(w.now) {
			w.active = append(w.active, e)
		} else if e.Kind == "other API" {
			_, service := w.affected(e)
			service.api = 3 - service.api
			service.disturbed = w.now // the API of the replica in use must be detected again
		}
	}
	for ; w.begun < len(w.episodes) && !w.start.Add(w.episodes[w.begun].Start).After(w.now); w.begun++ {
		e := &w.episodes[w.begun]
		w.active = append(w.active, e)
		w.beginEpisode(e)
	}
}

// affected returns the upstream and service that an episode affects.
func (w *coreWorld) affected(e *simulation.Episode) (*coreUpstream, *coreService) {
	s := w.upstreams[e.Target%len(w.upstreams)]
	return s, s.services[e.Variant%uint64(len(s.services))]
}

// beginEpisode applies the effects of the start of an episode.
func (w *coreWorld) beginEpisode(e *simulation.Episode) {
	s, service := w.affected(e)
	until := w.now.Add(e.Length)
	service.disturbed = later(service.disturbed, w.now)
	if e.Kind == "flaky" || e.Kind == "slow" { // a replica that responds sometimes may remain in use
		service.disturbed = later(service.disturbed, until)
	}
	switch e.Kind {
	case "restarts":
		service.count = 0
	case "goes back":
		service.count -= min(service.count, e.Variant%100)
	case "other API":
		service.api = 3 - service.api
		service.faultyUntil = later(service.faultyUntil, until)
	case "suspended":
		w.suspendedUntil = w.now.Add(min(e.Length, 10*time.Minute))
		w.faultyUntil = later(w.faultyUntil, w.suspendedUntil)
	case "few connections", "fewer connections", "many upstreams":
		w.faultyUntil = later(w.faultyUntil, until)
	case "on demand":
		w.apply(s, nil, s.core.step(w.moment(), collectNow{time.Second + time.Duration(e.Variant%uint64(20*time.Second))}))
	case "replaced":
		w.replace(s)
	case "everything fails":
		w.faultyUntil = later(w.faultyUntil, until)
	default:
		service.faultyUntil = later(service.faultyUntil, until)
	}
}

// replace removes an upstream and adds it again, as a change of its settings does.
func (w *coreWorld) replace(s *coreUpstream) {
	w.apply(s, nil, s.core.step(w.moment(), removed{}))
	for len(s.inFlight) > 0 { // requests in flight are canceled
		q := s.inFlight[0]
		q.result = result{at: w.now, failure: &betanet.Failure{Reason: betanet.ReasonCanceled, Ignored: true, Err: context.Canceled}}
		s.deliver(q)
	}
	if at := s.core.next(); !at.IsZero() || len(s.core.collections) > 0 {
		w.fail("%s was removed, but its core is due at %v with %d collections", s.u.Name, at, len(s.core.collections))
	}
	w.simulatedTime += w.now.Sub(s.added)
	s.startPolling(s.core.scheduled)
}
