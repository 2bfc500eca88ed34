package simulation_test

import "time"

// maxRetryAfter is the longest wait that the exporter accepts from a Retry-After.
const maxRetryAfter = 300 * time.Second

// tally computes by how much a counter of the exporter must have grown between two scrapes.
// A document adds a range of values if it is uncertain what the exporter has received.
type tally struct {
	steps []step
	at    time.Time // time of the last comparison, zero before the first
	shown float64   // value in that comparison
}

// step is the range of values that one document adds.
type step struct {
	at          time.Time
	least, most uint64
}

// add records a document that adds between least and most.
func (t *tally) add(least, most uint64) {
	if most > 0 {
		t.steps = append(t.steps, step{time.Now(), least, most})
	}
}

// since returns the increase of the shown value since the last comparison and the expected
// bounds of that increase, and starts the next comparison. A scrape may not include
// documents that arrived shortly before it.
func (t *tally) since(now time.Time, shown float64) (increase, least, most float64) {
	var late []step
	for _, s := range t.steps {
		if s.at.After(t.at.Add(-settle)) {
			most += float64(s.most)
		}
		if s.at.After(t.at) && now.Sub(s.at) > settle {
			least += float64(s.least)
		}
		if now.Sub(s.at) <= settle {
			late = append(late, s)
		}
	}
	increase = shown - t.shown
	t.steps, t.at, t.shown = late, now, shown
	return increase, least, most
}

// lastValue is the last value of a message counter that the exporter is expected to remember
// for the name of an upstream.
type lastValue struct {
	host      string
	mixnodes  bool
	known     bool   // a document contained the counter
	unsure    bool   // the exporter may remember another value, or none
	total     uint64 // see sample.value
	restarted uint64 // see sample.restarted
}

// certain reports whether the exporter is certain to count a document of the service that
// arrives now. The caller holds the mutex.
func (s *service) certain() bool {
	w, now := s.w, time.Now()
	if !s.u.wanted || now.Sub(s.u.changedAt) < w.grace(s.u)+time.Second || now.Before(w.unsettledUntil) {
		return false
	}
	// Only documents of the replica in use count. This service must be in use if the other
	// one had no fault and has received no request for longer than any pause.
	long := maxRetryAfter + w.aftermath()
	for _, other := range s.u.urls {
		if other != s && (now.Sub(other.lastRequest) < long || !s.quiet(now.Add(-long))) {
			return false
		}
	}
	return true
}

// addMessages adds the messages of a document to the expected message counter of the fleet:
// the increase since the last document with the same name, URL and API, or the whole value if
// it has fallen. The first document adds nothing. The caller holds the mutex.
func (s *service) addMessages(path int, now sample) {
	l := s.u.known[s.u.name]
	unsure := !s.certain()
	switch {
	case l == nil:
		l = new(lastValue)
		s.u.known[s.u.name] = l
		*l = lastValue{host: s.host, mixnodes: path == mixnodes}
	case l.host != s.host || l.mixnodes != (path == mixnodes):
		*l = lastValue{host: s.host, mixnodes: path == mixnodes, unsure: l.unsure || unsure}
	}
	switch path {
	case metrics:
		now.restarted = now.value
	case nodes, network: // no message counter
		return
	}
	least, most := uint64(0), uint64(0)
	switch {
	case l.unsure || unsure && l.known:
		most = max(now.value, now.restarted)
	case l.known:
		a, b := increased(l.total, now.value), increased(l.restarted, now.restarted)
		least, most = min(a, b), max(a, b)
	}
	l.known, l.unsure, l.total, l.restarted = true, unsure, now.value, now.restarted
	w := s.w
	w.fleet.add(least, most)
	last := uint64(0)
	if n := len(w.growth); n > 0 {
		last = w.growth[n-1].value
	}
	w.extra += most - least
	w.growth = append(w.growth[max(0, len(w.growth)-50):], sample{time.Now(), last + least, 0})
}

// increased returns the increase of a counter. If it fell, it has restarted from 0.
func increased(before, now uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// recordReset records whether a document shows that the service has restarted. The exporter
// counts a restart once per collection. The caller holds the mutex.
func (s *service) recordReset(path int, value uint64) {
	for other := range s.endpoints {
		if (other == mixnodes) != (path == mixnodes) {
			s.endpoints[other].counted = false // the exporter drops the documents of the other API
		}
	}
	e, now := &s.endpoints[path], time.Now()
	fell := path != nodes && value < e.count || path == mixnodes && s.node != e.node
	switch {
	case path == nodes: // no counter
	case !e.counted:
		s.u.resets.add(0, 1)
	case !fell:
	case now.Sub(s.lastFall) < 100*time.Millisecond && s.quiet(now.Add(-s.w.aftermath())): // in the same collection
	case now.Sub(s.lastFall) < 2*s.w.timeout: // possibly in the same collection
		s.u.resets.add(0, 1)
	default:
		s.u.resets.add(1, 1)
	}
	if fell && e.counted {
		s.lastFall = now
	}
	e.counted, e.count, e.node = true, value, s.node
}

// aftermath returns how long the effects of a fault may last after its end.
func (w *world) aftermath() time.Duration { return 2 * (w.interval + pause + w.timeout) }

// checkResets compares the number of resets in a scrape with the expected number.
func (u *upstream) checkResets(series map[string]float64, key string, now time.Time) {
	shown, present := series["betanet_exporter_upstream_resets_total"+key]
	before := u.resets.at
	increase, least, most := u.resets.since(now, shown)
	if !present {
		u.resets.at = time.Time{}
		return
	}
	w, s := u.w, u.urls[0]
	if u.replica || !u.wanted || before.Sub(u.changedAt) < w.grace(u)+time.Second || before.Before(w.unsettledUntil) || !before.After(s.switchedAt) {
		return
	}
	w.visited["resets"] += int(least)
	if increase < least || increase > most {
		w.fail("%s: %v resets counted in %v, want %v to %v", u.name, increase, now.Sub(before), least, most)
	}
}

// checkGrowth compares the increase of the fleet's message counter since the last scrape with
// the expected increase.
func (w *world) checkGrowth(series map[string]float64, now time.Time) {
	shown, present := series["betanet_fleet_messages_total"]
	before := w.fleet.at
	increase, least, most := w.fleet.since(now, shown)
	switch {
	case !present:
		w.fleet.at = time.Time{}
	case !before.IsZero() && (increase < least || increase > most):
		w.fail("the message counter of the fleet grew by %v in %v, want %v to %v", increase, now.Sub(before), least, most)
	case least == most:
		w.visited["increases"]++
	}
}

// hasResponded reports whether the exporter has received all documents of an API since it
// was started. Until then, the upstream cannot be up.
func (u *upstream) hasResponded() bool {
	for _, s := range u.urls {
		if a := s.delivered; a[mixnodes] || a[metrics] && a[nodes] && a[network] {
			return true
		}
	}
	return false
}
