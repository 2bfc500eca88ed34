package simulation_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/simulation"
)

// kinds are the kinds of episodes in the simulation of the exporter.
var kinds = []string{
	"refused", "hangs", "half-open", "slow", "500", "404", "429", "broken", "cut", "schema", "deadlocked",
	"restarts", "jumps", "goes back", "other API", "partition", "loses packets",
	"removed", "renamed", "moved", "bad file", "reloaded", "exporter restarts",
	"file breaks", "list breaks", "list hangs", "names fail", "names change",
	"herd", "stalled scraper", "vanishing scraper", "probed", "receiver refuses", "receiver hangs",
}

// operatorKinds are the kinds of episodes that an operator causes.
var operatorKinds = []string{"removed", "renamed", "moved", "reloaded", "bad file", "exporter restarts"}

// beginEpisode applies the effects of the start of an episode. stop is the function that
// stops the exporter; a restart replaces it.
func (w *world) beginEpisode(e *simulation.Episode, stop *func()) {
	if slices.Contains(operatorKinds, e.Kind) {
		w.waitIdle()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.visited[e.Kind]++
	w.active = append(w.active, e)
	s, until := w.affected(e), time.Now().Add(e.Length)
	switch e.Kind {
	case "restarts":
		s.count, s.node = uint64(e.Variant%50), s.node+1
	case "jumps":
		s.count += e.Variant % 1_000_000
	case "goes back":
		if e.Variant%2 == 0 {
			s.count -= min(s.count, e.Variant%100)
		} else { // endEpisodes decrements it
			s.idleUntil = later(s.idleUntil, until.Add(2*(w.interval+w.timeout)))
		}
	case "other API":
		w.switchAPI(s)
	case "partition", "loses packets":
		w.networkFaultyUntil = later(w.networkFaultyUntil, until.Add(2*(w.interval+pause+w.timeout)))
		w.unsettledUntil = later(w.unsettledUntil, until.Add(w.lag()))
	case "file breaks":
		replaceFile(filepath.Join(w.dir, "targets.json"), []string{"[{", "", "{}"}[e.Variant%3])
		w.unsettledUntil = later(w.unsettledUntil, until.Add(w.lag()))
	case "list breaks", "list hangs", "names fail":
		w.unsettledUntil = later(w.unsettledUntil, until.Add(w.lag()+30*time.Second))
	case "names change":
		w.changeNames()
	case "removed", "renamed", "moved", "reloaded", "bad file", "exporter restarts":
		w.operate(e, s.u, stop)
	case "herd":
		w.unlocked(func() { w.herd(2 + int(e.Variant%20)) })
	case "stalled scraper", "vanishing scraper":
		w.unlocked(func() { w.badScraper(e) })
	case "probed":
		go w.probe(s, w.began)
	case "receiver refuses", "receiver hangs":
		w.receiverFaultyUntil = later(w.receiverFaultyUntil, until)
	default:
		s.faultyUntil = later(s.faultyUntil, until)
	}
}

// unlocked releases the mutex while it calls do.
func (w *world) unlocked(do func()) {
	w.mu.Unlock()
	defer w.mu.Lock()
	do()
}

// switchAPI switches a service to the other API.
func (w *world) switchAPI(s *service) {
	s.mixnodes = !s.mixnodes
	s.switchedAt = time.Now()
	s.restarted = 0 // the exporter continues the sum if it did not notice the change
	for path := range s.endpoints {
		s.endpoints[path].sent = nil
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// operate performs an action of the operator, then reloads the configuration. The caller
// holds the mutex.
func (w *world) operate(e *simulation.Episode, u *upstream, stop *func()) {
	switch e.Kind {
	case "exporter restarts":
		w.unlocked(func() {
			(*stop)()
			*stop = w.startExporter()
		})
		return
	case "bad file":
		replaceFile(filepath.Join(w.dir, "config.yml"), "upstreams: [{nmae: x}]\n")
		w.unlocked(func() { w.reload(http.StatusInternalServerError) })
		w.writeConfig()
		return
	case "removed":
		if u.source == "names" || !u.wanted {
			return
		}
		u.wanted, u.changedAt = false, time.Now()
	case "renamed":
		if u.source == "names" || !u.wanted {
			return
		}
		u.name = fmt.Sprintf("%s-%d", u.name[:5], e.Variant%1000)
		w.startOver(u)
	case "moved":
		if u.source == "names" || u.replica || !u.wanted {
			return
		}
		u.source = []string{"config", "file", "list"}[e.Variant%3]
		w.relist(u) // it may be missing from both sources for a moment
	}
	w.writeConfig()
	w.unlocked(func() { w.reload(http.StatusOK) })
}

// startOver records that the exporter has no earlier state of an upstream.
func (w *world) startOver(u *upstream) {
	u.changedAt, u.outage = time.Now(), outage{}
	w.unsettledUntil = later(w.unsettledUntil, time.Now().Add(w.lag()))
	for _, s := range u.urls {
		s.forget()
	}
}

// changeNames updates which upstreams are in the DNS. The caller holds the mutex.
func (w *world) changeNames() {
	for i, u := range w.upstreams {
		if u.source != "names" {
			continue
		}
		wanted := !slices.ContainsFunc(w.active, func(e *simulation.Episode) bool { return e.Kind == "names change" && e.Variant>>i&1 == 1 })
		switch {
		case wanted && !u.wanted:
			u.wanted = true
			w.relist(u)
		case !wanted && u.wanted:
			u.wanted, u.changedAt = false, time.Now()
		}
	}
}

// relist records that an upstream is listed again, possibly by another source. The exporter
// may not have noticed that it was missing.
func (w *world) relist(u *upstream) {
	before := make([]service, len(u.urls))
	for i, s := range u.urls {
		before[i] = *s
	}
	w.startOver(u)
	for i, s := range u.urls {
		s.total, s.lastCount, s.lastNode, s.switchedAt = before[i].total, before[i].lastCount, before[i].lastNode, u.changedAt
	}
}

// endEpisodes ends the episodes that are over at the given time.
func (w *world) endEpisodes(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range slices.Clone(w.active) {
		if w.start.Add(e.Start + e.Length).After(at) {
			continue
		}
		w.active = slices.DeleteFunc(w.active, func(o *simulation.Episode) bool { return o == e })
		switch s := w.affected(e); e.Kind {
		case "names change":
			w.changeNames()
		case "other API":
			w.switchAPI(s)
			s.faultyUntil = later(s.faultyUntil, at)
		case "goes back":
			if e.Variant%2 == 1 && s.count > 0 {
				s.count--
			}
		case "file breaks":
			w.writeConfig()
		case "removed":
			if !s.u.wanted {
				if s.u.wanted = true; s.u.source == "config" {
					w.startOver(s.u)
				} else {
					w.relist(s.u)
				}
				w.writeConfig()
				w.unlocked(func() { w.reload(http.StatusOK) })
			}
		}
	}
}

// reload requests a reload of the configuration, which must return the given status.
func (w *world) reload(want int) {
	began := w.began
	response, err := w.client.Post("http://exporter/-/reload", "", nil)
	if err != nil {
		w.failUnlessRestarted(began, "reload: %v", err)
		return
	}
	response.Body.Close()
	if response.StatusCode != want {
		w.failUnlessRestarted(began, "reload: status %d, want %d", response.StatusCode, want)
	}
}

// herd makes n concurrent scrapes.
func (w *world) herd(n int) {
	var scrapes sync.WaitGroup
	for range n {
		scrapes.Go(w.scrape)
	}
	scrapes.Wait()
}

// badScraper requests a scrape, but disconnects at once or does not read the response.
func (w *world) badScraper(e *simulation.Episode) {
	c, err := w.inbound.dial(context.Background())
	if err != nil {
		return
	}
	fmt.Fprint(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	if e.Kind == "vanishing scraper" {
		c.Close()
		return
	}
	time.AfterFunc(e.Length, func() { c.Close() })
}
