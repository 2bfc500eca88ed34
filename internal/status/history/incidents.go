package history

import (
	"cmp"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Incident is an outage of one upstream: from the end of the collection with which
// betanet_up fell to 0, or of a first one that left it 0, to the end of the one
// with which it is 1 again. An upstream that is removed ends its incident.
type Incident struct {
	Upstream  string      `json:"upstream"`
	From      time.Time   `json:"from"`
	To        time.Time   `json:"to,omitzero"` // absent while it is open
	State     fleet.State `json:"state"`       // the worst: stale or down
	Reasons   []string    `json:"reasons"`     // sorted, as the following
	Endpoints []string    `json:"endpoints"`

	// ShownUntil is when the last good values expired, or will expire, that were shown
	// meanwhile; zero if there were none or if they never expire.
	ShownUntil time.Time `json:"-"`
}

// Open reports whether the incident has not ended.
func (i *Incident) Open() bool { return i.To.IsZero() }

// Limits of incidents.
const (
	MaxIncidents    = 500            // in a list
	incidentsWithin = 24 * time.Hour // since they ended
)

// incidents keeps the open incidents, and the last ones that ended.
type incidents struct {
	open   map[string]*openIncident // by title of the upstream
	closed []Incident               // at most MaxIncidents, the last to end last
	// evicted counts, by the minute in which they ended, those that closed had no room
	// for.
	evicted map[int64]int
	lists   uint64 // how often listed was called
}

// openIncident is an incident that has not ended.
type openIncident struct {
	Incident
	view *fleet.View // at the end of the last collection
	seen uint64      // the last list with the upstream
	gone time.Time   // of the first list without it
}

// ended records the end of a collection.
func (s *incidents) ended(v *fleet.View, now time.Time) {
	title := v.Upstream.DisplayName()
	o := s.open[title]
	switch {
	case v.Up() && o != nil:
		s.close(o, now)
	case v.Up():
	case o == nil:
		if s.open == nil {
			s.open = make(map[string]*openIncident)
		}
		o = &openIncident{Incident: Incident{Upstream: title, From: now, Reasons: []string{}, Endpoints: []string{}}, seen: s.lists}
		s.open[title] = o
		fallthrough
	default:
		o.add(v, now)
	}
}

// add adds what a failed collection shows.
func (o *openIncident) add(v *fleet.View, now time.Time) {
	o.worsen(now)
	o.view = v
	o.worsen(now)
	for i := range v.Endpoints {
		if e := &v.Endpoints[i]; e.Failure != nil {
			o.Reasons = insert(o.Reasons, string(e.Failure.Reason))
			o.Endpoints = insert(o.Endpoints, e.Endpoint.String())
		}
	}
	o.ShownUntil = lastShown(v)
}

// insert adds a text to a sorted set. Sets that were handed out do not change.
func insert(set []string, text string) []string {
	i, found := slices.BinarySearch(set, text)
	if found {
		return set
	}
	return slices.Insert(slices.Clone(set), i, text)
}

// worsen records the state at this moment, which may be worse than at the end of the
// last collection because its values have expired.
func (o *openIncident) worsen(now time.Time) {
	if o.view == nil || o.State == fleet.Down {
		return
	}
	o.State = fleet.Stale
	if shown := o.view.State(now); shown == fleet.Down || shown == fleet.Pending && !o.view.Shows(now) {
		o.State = fleet.Down
	}
}

func (s *incidents) close(o *openIncident, at time.Time) {
	o.worsen(at)
	o.To = at
	delete(s.open, o.Upstream)
	s.closed = append(s.closed, o.Incident)
	if len(s.closed) > MaxIncidents {
		if s.evicted == nil {
			s.evicted = make(map[int64]int)
		}
		s.evicted[s.closed[0].To.Unix()/60]++
		s.closed = slices.Delete(s.closed, 0, 1)
	}
}

// listed ends the incidents of upstreams that are not listed any more.
func (s *incidents) listed(views []*fleet.View, now time.Time) {
	s.lists++
	for minute := range s.evicted {
		if minute*60 < now.Add(-incidentsWithin).Unix() {
			delete(s.evicted, minute)
		}
	}
	if len(s.open) == 0 {
		return
	}
	for _, v := range views {
		if o := s.open[v.Upstream.DisplayName()]; o != nil {
			o.seen, o.gone = s.lists, time.Time{}
		}
	}
	for _, o := range s.open {
		switch {
		case o.seen == s.lists:
		case o.gone.IsZero(): // the list may be from before the upstream came
			o.gone = now
		default:
			s.close(o, o.gone)
		}
	}
}

// Incidents returns the open incidents and those that ended within a day, at most
// MaxIncidents: open ones first, then the newest. omitted is how many were left out.
// With the title of an upstream it returns only its incidents.
func (h *History) Incidents(upstream string, now time.Time) (all []Incident, omitted int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &h.incidents
	all = []Incident{}
	for _, o := range s.open {
		if upstream == "" || o.Upstream == upstream {
			one := *o
			one.worsen(now)
			all = append(all, one.Incident)
		}
	}
	for i := range s.closed {
		if one := &s.closed[i]; now.Sub(one.To) < incidentsWithin && (upstream == "" || one.Upstream == upstream) {
			all = append(all, *one)
		}
	}
	slices.SortFunc(all, func(a, b Incident) int {
		if a.Open() != b.Open() {
			if a.Open() {
				return -1
			}
			return 1
		}
		return cmp.Or(b.From.Compare(a.From), cmp.Compare(a.Upstream, b.Upstream))
	})
	if over := len(all) - MaxIncidents; over > 0 {
		all, omitted = all[:MaxIncidents], over
	}
	if upstream == "" {
		for minute, n := range s.evicted {
			if time.Unix(minute*60, 0).After(now.Add(-incidentsWithin)) {
				omitted += n
			}
		}
	}
	return all, omitted
}
