package simulation_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// statusPage is the part of /api/v1/status that the oracle compares.
type statusPage struct {
	Verdict   struct{ Level string }
	Fleet     map[string]any
	Upstreams []struct{ Name, State string }
	Incidents []incident
	Omitted   int `json:"incidents_omitted"`
	Sources   []struct {
		Source string
		Up     bool
	}
	Push struct {
		LastSuccess time.Time `json:"last_success"`
		Error       string
	}
}

type incident struct {
	Upstream string
	From, To time.Time
}

// outage is a period in which a service was certain to be down.
type outage struct{ from, to time.Time }

// checkStatus compares the JSON of the status page with a scrape at the same time and with
// the state of the world.
func (w *world) checkStatus(began time.Time, series map[string]float64) {
	at := time.Now()
	var status statusPage
	var history struct {
		Points []struct {
			Time     time.Time
			Messages *float64 `json:"messages_per_second"`
			Received *float64 `json:"bytes_received_per_second"`
		}
	}
	for path, into := range map[string]any{"/api/v1/status?limit=1000": &status, "/api/v1/status/history": &history} {
		response, err := w.client.Get("http://exporter" + path)
		if err != nil {
			w.failUnlessRestarted(began, "%s: %v", path, err)
			return
		}
		err = json.NewDecoder(response.Body).Decode(into)
		response.Body.Close()
		if err != nil {
			w.failUnlessRestarted(began, "%s: %v", path, err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.began != began || w.stopping || w.writing > 0 || !time.Now().Equal(at) {
		return
	}
	for _, state := range []string{"up", "stale", "down", "pending"} {
		if shown := series[`betanet_fleet_upstreams{state="`+state+`"}`]; status.Fleet[state] != shown {
			w.fail("%v upstreams are %s, but the status page shows %v", shown, state, status.Fleet[state])
		}
	}
	for _, p := range history.Points {
		for _, rate := range []*float64{p.Messages, p.Received} {
			if rate != nil && (*rate < 0 || *rate > 1e8) {
				w.fail("the status page shows the rate %v", *rate)
			}
		}
	}
	w.checkVerdict(&status, series)
	w.checkIncidents(&status, at)
	w.checkSources(&status, at)
	if n := len(history.Points); n > 0 && history.Points[n-1].Messages != nil {
		w.checkRate(*history.Points[n-1].Messages, at)
	}
}

// checkVerdict compares the verdict and the states with a scrape.
func (w *world) checkVerdict(status *statusPage, series map[string]float64) {
	level, down, stale := status.Verdict.Level, status.Fleet["down"], status.Fleet["stale"]
	switch {
	case down != 0.0 && level != "critical", stale != 0.0 && level == "ok":
		w.fail("%v upstreams are down and %v stale, but the verdict is %s", down, stale, level)
	case level == "critical" && down == 0.0 && stale == 0.0:
		w.fail("no upstream is down or stale, but the verdict is critical")
	}
	for _, u := range status.Upstreams {
		key := `{upstream="` + u.Name + `"}`
		up, listed := series["betanet_up"+key]
		stale := series["betanet_exporter_data_stale"+key]
		if !listed || (u.State == "up") != (up == 1) || stale == 1 && u.State != "stale" {
			w.fail("the status page shows %s as %s, but a scrape has listed %v, up %v, stale %v", u.Name, u.State, listed, up, stale)
		}
	}
}

// checkIncidents checks that every outage has an incident, which is open as long as the outage
// lasts.
func (w *world) checkIncidents(status *statusPage, at time.Time) {
	for _, u := range w.upstreams {
		if u.replica {
			continue
		}
		open, past := false, false
		var all []string
		for _, i := range status.Incidents {
			if i.Upstream == u.name {
				all = append(all, fmt.Sprint(i.From.Sub(w.start), " to ", i.To.Sub(w.start)))
				open = open || i.To.IsZero()
				past = past || !i.From.After(u.outage.to) && i.To.After(u.outage.from)
			}
		}
		switch s := u.urls[0]; {
		case s.knownDown.Equal(at) && !open:
			w.fail("%s does not respond, but the status page has no open incident", u.name)
		case s.knownUp.Equal(at) && open:
			w.fail("%s is up, but the status page has an open incident", u.name)
		case status.Omitted == 0 && s.knownUp.Equal(at) && u.outage.to.After(w.began) && at.Sub(u.outage.to) < 23*time.Hour && !past:
			w.fail("%s did not respond from %v to %v, but the status page has only the incidents %v", u.name, u.outage.from.Sub(w.start), u.outage.to.Sub(w.start), all)
		}
		w.visited["incidents"]++
	}
}

// checkSources checks the states that the status page shows for the discovery sources and for
// the receiver of pushes.
func (w *world) checkSources(status *statusPage, at time.Time) {
	healthy := !at.Before(w.unsettledUntil) && !at.Before(w.networkFaultyUntil) && at.Sub(w.began) > w.lag()
	for _, s := range status.Sources {
		if healthy && !s.Up {
			w.fail("the source %s has no fault, but the status page shows a failure", s.Source)
		}
		for _, e := range w.active {
			lasts := at.Sub(later(w.start.Add(e.Start), w.began)) > w.lag()
			fails := strings.HasPrefix(s.Source, "http") && strings.HasPrefix(e.Kind, "list ") || strings.HasPrefix(s.Source, "dns") && e.Kind == "names fail"
			if lasts && fails && s.Up {
				w.fail("the source %s fails, but the status page shows it as up", s.Source)
			}
		}
	}
	if at.Sub(later(w.receiverFaultyUntil, later(w.networkFaultyUntil, w.began))) < 3*pushInterval || w.activeEpisode("receiver hangs") != nil || w.activeEpisode("receiver refuses") != nil {
		return
	}
	if last := status.Push.LastSuccess; status.Push.Error != "" || at.Sub(last) > pushInterval+time.Minute || at.Sub(w.lastPush) > pushInterval+time.Minute {
		w.fail("the receiver has no fault and the last push arrived %v ago, but the status page shows %v ago and error %q", at.Sub(w.lastPush), at.Sub(last), status.Push.Error)
	}
}

// checkRate compares the message rate of the fleet with the last documents of the services,
// if all of them have been up for long enough.
func (w *world) checkRate(shown float64, at time.Time) {
	least, most := 0.0, 0.0
	for _, u := range w.upstreams {
		if !u.wanted {
			continue
		}
		for _, s := range u.urls {
			rates := s.rates()
			if len(rates) == 0 && u.replica {
				continue // not in use
			}
			if len(rates) == 0 || !u.replica && !s.knownUp.Equal(at) || at.Before(s.faultyUntil.Add(4*w.interval)) || at.Sub(u.changedAt) < w.lag()+4*w.interval {
				return
			}
			if most += slices.Max(rates); !u.replica {
				least += slices.Min(rates)
			}
		}
	}
	w.visited["rates"]++
	if margin := 1e-6 * math.Max(1, most); shown < least-margin || shown > most+margin {
		w.fail("the status page shows %v messages/s, want %v to %v", shown, least, most)
	}
}

// rates returns the message rates between the last four documents, or nil if there are
// fewer.
func (s *service) rates() (rates []float64) {
	sent := s.endpoints[metrics].sent
	if s.mixnodes {
		sent = s.endpoints[mixnodes].sent
	}
	if len(sent) < 4 {
		return nil
	}
	for i := range len(sent) - 1 {
		increase := sent[i+1].value
		if before := sent[i].value; increase >= before {
			increase -= before
		}
		rates = append(rates, float64(increase)/sent[i+1].at.Sub(sent[i].at).Seconds())
	}
	return rates
}
