package simulation_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// grace returns how long it may take until the exporter applies a change to an upstream.
func (w *world) grace(u *upstream) time.Duration {
	if u.source == "config" {
		return time.Second
	}
	return w.lag()
}

// lag returns how long it may take until a change in a discovery source is noticed: its
// refresh interval and timeouts.
func (w *world) lag() time.Duration { return w.refresh + 40*time.Second }

// scrape makes one scrape and checks it.
func (w *world) scrape() {
	w.mu.Lock()
	began := w.began
	w.mu.Unlock()
	status, series, err := w.get("/metrics")
	if err != nil || status != http.StatusOK {
		w.failUnlessRestarted(began, "scrape: status %d, %v", status, err)
		return
	}
	w.mu.Lock()
	checked := w.began == began && w.writing == 0
	if checked {
		w.scrapes++
		w.check("scrape", series)
	}
	checked = checked && w.scrapes%4 == 0
	w.mu.Unlock()
	if checked {
		w.checkStatus(began, series)
	}
}

// failUnlessRestarted calls fail unless the exporter is stopping or has been restarted since
// began.
func (w *world) failUnlessRestarted(began time.Time, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.began == began && !w.stopping {
		w.fail(format, args...)
	}
}

// check compares a scrape or a push with the state of the world. The caller holds the mutex.
func (w *world) check(what string, series map[string]float64) {
	if w.writing > 0 {
		return // the exporter may have received a document that is not recorded yet
	}
	now := time.Now()
	for _, u := range w.upstreams {
		key := `{upstream="` + u.name + `"}`
		settled := now.Sub(u.changedAt) > w.grace(u)+time.Second && !now.Before(w.unsettledUntil)
		up, listed := series["betanet_up"+key]
		if settled && listed {
			u.lastListed = now
		}
		if up == 1 && !u.hasResponded() {
			w.fail("%s: %s is up, but has not responded yet", what, u.name)
		}
		if what == "scrape" {
			u.checkResets(series, key, now)
		}
		switch {
		case u.wanted && !listed && u.lastListed.After(u.changedAt):
			w.fail("%s: %s is no longer listed", what, u.name)
		case settled && listed != u.wanted:
			w.fail("%s: %s: listed is %v, want %v", what, u.name, listed, u.wanted)
		case u.wanted && !listed && now.Sub(u.changedAt) > w.grace(u): // its source cannot be read
			changed := u.changedAt
			w.relist(u)
			u.changedAt = changed
		case !listed || !u.wanted || now.Sub(u.changedAt) < w.grace(u)+time.Second:
			continue
		case u.replica:
			u.checkReplicas(what, series, key)
		default:
			u.urls[0].check(what, series, key, up == 1)
		}
	}
	if up, present := series[`betanet_up{upstream="always"}`]; present && now.Sub(w.began) > 2*w.interval && up != 1 && !w.disturbed(now) {
		w.fail("%s: the upstream without faults is not up", what)
	}
	if what == "scrape" {
		w.checkGrowth(series, now)
	}
	w.checkFleet(what, series, now)
}

// disturbed reports whether the network has, or recently had, a fault.
func (w *world) disturbed(now time.Time) bool { return now.Before(w.networkFaultyUntil) }

// checkFleet checks the sums and counts of the fleet.
func (w *world) checkFleet(what string, series map[string]float64, now time.Time) {
	if shown, ok := series["betanet_fleet_messages_total"]; ok && len(w.growth) > 0 {
		most, least := w.growth[len(w.growth)-1].value, uint64(0)
		for _, g := range w.growth {
			if now.Sub(g.at) > settle {
				least = g.value
			}
		}
		most += w.extra
		if shown > float64(most) || shown < float64(least) {
			w.fail("%s: the fleet shows %v messages, want %d to %d", what, shown, least, most)
		}
	}
	var ups, all float64
	for key, value := range series {
		if strings.HasPrefix(key, "betanet_up{") {
			ups, all = ups+value, all+1
		}
	}
	if shown, ok := series[`betanet_fleet_upstreams{state="up"}`]; ok && what == "scrape" && shown != ups {
		w.fail("%s: %v upstreams are up, but the fleet shows %v", what, ups, shown)
	}
	if shown, ok := series["betanet_exporter_upstreams"]; ok && what == "scrape" && all > 1 && shown != all {
		w.fail("%s: %v upstreams are listed, but betanet_exporter_upstreams is %v", what, all, shown)
	}
}

// shown is the series that is compared with the documents of each path.
var shown = [4]string{"betanet_messages_total", "betanet_connected_peers", "betanet_bytes_received_total", "betanet_messages_total"}

// check compares the series of a service with the documents that it sent.
func (s *service) check(what string, series map[string]float64, key string, up bool) {
	w, now := s.w, time.Now()
	healthy := !now.Before(s.faultyUntil) && !now.Before(w.networkFaultyUntil)
	for path := range s.endpoints {
		e := &s.endpoints[path]
		healthy = healthy && !now.Before(e.notBefore)
		if (path == mixnodes) != s.mixnodes {
			continue
		}
		value, present := series[shown[path]+key]
		if len(e.sent) == 0 {
			if present && now.Sub(s.switchedAt) > maxStale+w.interval {
				w.fail("%s: %s shows %v, which was never sent", what, s.host+paths[path], value)
			}
			continue
		}
		last := e.sent[len(e.sent)-1]
		age := now.Sub(last.at)
		switch {
		case now.Sub(s.switchedAt) < maxStale+2*w.interval: // the value may be from the other API
		case !present && last.at.Before(s.u.changedAt.Add(w.grace(s.u))): // the document was sent before the change of the upstream
		case !present && age > settle && age < maxStale-settle:
			w.fail("%s: %s shows no value, %v after a document with %d", what, s.host+paths[path], age, last.value)
		case present && age > maxStale+settle:
			w.fail("%s: %s shows %v from %v ago", what, s.host+paths[path], value, age)
		case present && !last.matches(value, path) && (age > settle || len(e.sent) > 1 && !e.sent[len(e.sent)-2].matches(value, path)):
			w.fail("%s: %s shows %v, %v after a document with %d", what, s.host+paths[path], value, age, last.value)
		}
		stale := series["betanet_exporter_data_stale"+key] == 1
		if up && stale {
			w.fail("%s: %s is both up and stale", what, s.host)
		}
		if bad := now.Sub(e.lastFailure); !up && present && !stale && !e.lastFailure.IsZero() && bad > w.timeout+settle && e.lastFailure.After(last.at) {
			w.fail("%s: %s failed %v ago and is not flagged as stale", what, s.host+paths[path], bad)
		}
		if e.lastFailure.After(last.at) && now.Sub(e.lastFailure) > w.timeout+settle && up {
			w.fail("%s: %s is up, although %s failed %v ago", what, s.host, paths[path], now.Sub(e.lastFailure))
		}
	}
	s.checkFresh(what, up, healthy)
}

// checkFresh checks that a service is up within a bound after its faults have ended, and that
// it is not up without a response for that long.
func (s *service) checkFresh(what string, up, healthy bool) {
	w, now := s.w, time.Now()
	bound := 2*(w.interval+pause) + 2*w.timeout + time.Second
	since := s.u.changedAt
	for _, t := range []time.Time{s.faultyUntil, w.networkFaultyUntil, w.unsettledUntil, s.switchedAt, w.began} {
		if t.After(since) {
			since = t
		}
	}
	last := s.switchedAt // the oracle forgets documents of the other API
	for _, e := range s.endpoints {
		if e.notBefore.After(since) {
			since = e.notBefore
		}
		if n := len(e.sent); n > 0 && e.sent[n-1].at.After(last) {
			last = e.sent[n-1].at
		}
	}
	if healthy && now.Sub(since) > bound && (!up || now.Sub(last) > w.interval+w.timeout) {
		w.fail("%s: %s has up %v and a document from %v ago, although the last fault ended %v ago", what, s.host, up, now.Sub(last), now.Sub(since))
	}
	s.recordOutage(now, now.Sub(since) > bound && healthy, now.Sub(later(last, later(s.u.changedAt, w.began))) > bound+w.lag())
	if up && now.Sub(last) > 2*w.interval+2*w.timeout && now.Sub(s.u.changedAt) > bound {
		w.fail("%s: %s is up, but its last document is from %v ago", what, s.host, now.Sub(last))
	}
}

// recordOutage records that a service is certain to be up, or certain to be down because it
// has not responded for long. The caller holds the mutex.
func (s *service) recordOutage(now time.Time, up, down bool) {
	if up {
		s.knownUp = now
	}
	if !down {
		return
	}
	if s.knownDown.Before(s.knownUp) || s.knownDown.Before(s.u.changedAt) || s.knownDown.Before(s.w.began) {
		s.u.outage.from = now
	}
	s.knownDown, s.u.outage.to = now, now
}

// checkReplicas checks that the value shown was sent by one of the replicas.
func (u *upstream) checkReplicas(what string, series map[string]float64, key string) {
	value, present := series["betanet_bytes_received_total"+key]
	if !present {
		return
	}
	var all []string
	for _, s := range u.urls {
		for _, sent := range s.endpoints[network].sent {
			if value == float64(sent.value) {
				return
			}
			all = append(all, fmt.Sprint(s.host, " ", sent.value))
		}
	}
	u.w.fail("%s: %s shows %v, but the replicas sent %v", what, u.name, value, all)
}
