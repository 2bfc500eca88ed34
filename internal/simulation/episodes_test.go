package simulation_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/simulation"
)

// operatorKinds are the kinds caused by the operator.
var operatorKinds = []string{"removed", "renamed", "moved", "reloaded", "bad file", "exporter restarts"}

// begin starts an episode.
func (w *world) begin(e *simulation.Episode, stop *func()) {
	if slices.Contains(operatorKinds, e.Kind) {
		w.waitIdle()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.visited[e.Kind]++
	w.active = append(w.active, e)
	s, until := w.hit(e), time.Now().Add(e.Length)
	switch e.Kind {
	case "restarts":
		s.count, s.node = uint64(e.Variant%50), s.node+1
	case "jumps":
		s.count += e.Variant % 1_000_000
	case "goes back":
		if e.Variant%2 == 0 {
			s.count -= min(s.count, e.Variant%100)
		} else { // by one, at the end of the episode
			s.idle = latest(s.idle, until.Add(2*(w.interval+w.timeout)))
		}
	case "other API":
		w.otherAPI(s)
	case "partition", "loses packets":
		w.network = latest(w.network, until.Add(2*(w.interval+pause+w.timeout)))
		w.trouble = latest(w.trouble, until.Add(w.lag()))
	case "file breaks":
		replace(filepath.Join(w.dir, "targets.json"), []string{"[{", "", "{}"}[e.Variant%3])
		w.trouble = latest(w.trouble, until.Add(w.lag()))
	case "list breaks", "list hangs", "names fail":
		w.trouble = latest(w.trouble, until.Add(w.lag()+30*time.Second))
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
		w.receiver = latest(w.receiver, until)
	default:
		s.faulty = latest(s.faulty, until)
	}
}

// unlocked calls do without the mutex.
func (w *world) unlocked(do func()) {
	w.mu.Unlock()
	defer w.mu.Lock()
	do()
}

func (w *world) otherAPI(s *service) {
	s.mixnodes = !s.mixnodes
	s.switched = time.Now()
	s.restarted = 0 // the exporter continues the sum if it notices nothing in between
	for path := range s.endpoints {
		s.endpoints[path].sent = nil
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// operate performs an action of the operator. The caller holds the mutex.
func (w *world) operate(e *simulation.Episode, u *upstream, stop *func()) {
	switch e.Kind {
	case "exporter restarts":
		w.unlocked(func() {
			(*stop)()
			*stop = w.startExporter()
		})
		return
	case "bad file":
		replace(filepath.Join(w.dir, "config.yml"), "upstreams: [{nmae: x}]\n")
		w.unlocked(func() { w.reload(http.StatusInternalServerError) })
		w.write()
		return
	case "removed":
		if u.source == "names" || !u.wanted {
			return
		}
		u.wanted, u.changed = false, time.Now()
	case "renamed":
		if u.source == "names" || !u.wanted {
			return
		}
		u.name = fmt.Sprintf("%s-%d", u.name[:5], e.Variant%1000)
		w.moved(u)
	case "moved":
		if u.source == "names" || u.replica || !u.wanted {
			return
		}
		u.source = []string{"config", "file", "list"}[e.Variant%3]
		w.returned(u) // it may not be listed for a moment
	}
	w.write()
	w.unlocked(func() { w.reload(http.StatusOK) })
}

// moved records that an upstream starts from scratch.
func (w *world) moved(u *upstream) {
	u.changed, u.outage = time.Now(), outage{}
	w.trouble = latest(w.trouble, time.Now().Add(w.lag()))
	for _, s := range u.urls {
		s.forget()
	}
}

// changeNames updates which upstreams are in the DNS. The caller holds the
// mutex.
func (w *world) changeNames() {
	for i, u := range w.upstreams {
		if u.source != "names" {
			continue
		}
		wanted := !slices.ContainsFunc(w.active, func(e *simulation.Episode) bool { return e.Kind == "names change" && e.Variant>>i&1 == 1 })
		switch {
		case wanted && !u.wanted:
			u.wanted = true
			w.returned(u)
		case !wanted && u.wanted:
			u.wanted, u.changed = false, time.Now()
		}
	}
}

// returned records that an upstream is listed again, perhaps by another source. The
// exporter may not have noticed that it was missing.
func (w *world) returned(u *upstream) {
	before := make([]service, len(u.urls))
	for i, s := range u.urls {
		before[i] = *s
	}
	w.moved(u)
	for i, s := range u.urls {
		s.total, s.counted, s.summed, s.switched = before[i].total, before[i].counted, before[i].summed, u.changed
	}
}

// finish ends the episodes that are over.
func (w *world) finish(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range slices.Clone(w.active) {
		if w.start.Add(e.Start + e.Length).After(at) {
			continue
		}
		w.active = slices.DeleteFunc(w.active, func(o *simulation.Episode) bool { return o == e })
		switch s := w.hit(e); e.Kind {
		case "names change":
			w.changeNames()
		case "other API":
			w.otherAPI(s)
			s.faulty = latest(s.faulty, at)
		case "goes back":
			if e.Variant%2 == 1 && s.count > 0 {
				s.count--
			}
		case "file breaks":
			w.write()
		case "removed":
			if !s.u.wanted {
				if s.u.wanted = true; s.u.source == "config" {
					w.moved(s.u)
				} else {
					w.returned(s.u)
				}
				w.write()
				w.unlocked(func() { w.reload(http.StatusOK) })
			}
		}
	}
}

func (w *world) reload(want int) {
	began := w.began
	response, err := w.client.Post("http://exporter/-/reload", "", nil)
	if err != nil {
		w.note(began, "a reload: %v", err)
		return
	}
	response.Body.Close()
	if response.StatusCode != want {
		w.note(began, "a reload: status %d, want %d", response.StatusCode, want)
	}
}

// herd makes n concurrent scrapes.
func (w *world) herd(n int) {
	done := make(chan struct{})
	for range n {
		go func() { w.scrape(); done <- struct{}{} }()
	}
	for range n {
		<-done
	}
}

// badScraper does not read the response, or disconnects.
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
