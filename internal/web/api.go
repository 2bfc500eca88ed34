package web

import (
	"net/http"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/history"
)

// statusPages show what is known of the upstreams to people and programs.
type statusPages struct{ Options }

// How many events are shown, of the fleet and of one upstream.
const (
	fleetEvents    = 10
	upstreamEvents = 50
)

// list is the part of the upstreams that is asked for, as a status.
func (p *statusPages) list(l listing, q *query, views []*fleet.View, points []history.Point, now time.Time) Status {
	matched := len(l.matched)
	l.fleet.rates(points, now)
	s := Status{
		Status: p.Health.status(views, now), Version: p.Version, Time: now, Fleet: &l.fleet, Matched: &matched,
		Upstreams: []upstreamStatus{}, Events: newEvents(p.Journal.Last(fleetEvents, "")),
	}
	for _, e := range l.part(q) {
		s.Upstreams = append(s.Upstreams, newUpstreamInShort(e.view, e.brief, now))
	}
	p.itself(&s)
	return s
}

func (p *statusPages) status(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		badQuery(w, err)
		return
	}
	views, now := p.Registry.Views(), time.Now()
	writeJSON(w, http.StatusOK, p.list(newListing(views, &q, now), &q, views, p.Trend.Points(), now))
}

func (p *statusPages) history(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, newHistory(p.Trend.Points(), time.Now()))
}

func (p *statusPages) detail(w http.ResponseWriter, r *http.Request) {
	d, ok := p.find(r.PathValue("name"))
	if !ok {
		noUpstream(w)
		return
	}
	writeJSON(w, http.StatusOK, d)
}

// find tells all that is known of the upstream of a name.
func (p *statusPages) find(name string) (detailStatus, bool) {
	for _, v := range p.Registry.Views() {
		if v.Upstream.Title() == name {
			return newDetail(v, p.Trend.Rates(v.Upstream), p.Journal.Last(upstreamEvents, name), p.Version, time.Now()), true
		}
	}
	return detailStatus{}, false
}

func badQuery(w http.ResponseWriter, err error) {
	writeText(w, http.StatusBadRequest, "Bad request: "+err.Error()+".\n")
}

func noUpstream(w http.ResponseWriter) {
	writeText(w, http.StatusNotFound, "There is no upstream of that name.\n")
}
