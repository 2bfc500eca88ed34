package history

import (
	"cmp"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Incident is an outage of one upstream. It begins at the end of the first collection
// that leaves betanet_up at 0, and ends at the end of the next one that sets it to 1,
// or when the upstream is removed.
type Incident struct {
	Upstream  string      `json:"upstream"`
	From      time.Time   `json:"from"`
	To        time.Time   `json:"to,omitzero"` // absent while it is open
	State     fleet.State `json:"state"`       // the worst: stale or down
	Reasons   []string    `json:"reasons"`     // sorted, like Endpoints
	Endpoints []string    `json:"endpoints"`

	// ShownUntil is when the last good values shown during the incident expired or will
	// expire; zero if there were none or if they never expire.
	ShownUntil time.Time `json:"-"`
}

// Open reports whether the incident has not ended.
func (i *Incident) Open() bool { return i.To.IsZero() }

// Compare orders incidents: open ones first, then the newest.
func (i *Incident) Compare(other *Incident) int {
	if i.Open() != other.Open() {
		if i.Open() {
			return -1
		}
		return 1
	}
	return cmp.Or(other.From.Compare(i.From), cmp.Compare(i.Upstream, other.Upstream))
}

// Limits of a list of incidents.
const (
	MaxIncidents = 500
	incidentAge  = 24 * time.Hour // since the end
)

// incidents keeps the open incidents and the last ones that ended.
type incidents struct {
	open    map[string]*openIncident // by display name of the upstream
	closed  []Incident               // at most MaxIncidents, in the order in which they ended
	evicted map[int64]int            // number of incidents dropped from closed, by the Unix minute of their end
}

// openIncident is an incident that has not ended.
type openIncident struct {
	Incident
	view *fleet.View // at the end of the last collection
	seen uint32      // last step in which the upstream was listed
	gone time.Time   // when it was first missing from the list; zero while it is listed
}

// ended records the end of a collection.
func (s *incidents) ended(v *fleet.View, step uint32, now time.Time) {
	name := v.Upstream.DisplayName()
	o := s.open[name]
	if v.Up() {
		if o != nil {
			s.close(o, now)
		}
		return
	}
	if o == nil {
		o = &openIncident{Incident: Incident{Upstream: name, From: now, Reasons: []string{}, Endpoints: []string{}}, seen: step}
		s.open[name] = o
	}
	o.add(v, now)
}

// add adds a failed collection.
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
	o.ShownUntil = lastExpiry(v)
}

// insert adds a text to a sorted set. It copies the set, because a caller of Incidents
// may still use it.
func insert(set []string, text string) []string {
	i, found := slices.BinarySearch(set, text)
	if found {
		return set
	}
	return slices.Insert(slices.Clone(set), i, text)
}

// worsen updates the state, which may be worse than at the end of the last collection
// because values have expired since.
func (o *openIncident) worsen(now time.Time) {
	if o.view == nil || o.State == fleet.Down {
		return
	}
	o.State = fleet.Stale
	if s := o.view.State(now); s == fleet.Down || s == fleet.Pending && !o.view.Shows(now) {
		o.State = fleet.Down
	}
}

func (s *incidents) close(o *openIncident, at time.Time) {
	o.worsen(at)
	o.To = at
	delete(s.open, o.Upstream)
	s.closed = append(s.closed, o.Incident)
	if len(s.closed) > MaxIncidents {
		s.evicted[s.closed[0].To.Unix()/60]++
		s.closed = slices.Delete(s.closed, 0, 1)
	}
}

// closeUnlisted ends the incidents of upstreams that are no longer listed. It also deletes
// the numbers of evicted incidents that are too old to be counted.
func (s *incidents) closeUnlisted(views []*fleet.View, step uint32, now time.Time) {
	for minute := range s.evicted {
		if minute*60 < now.Add(-incidentAge).Unix() {
			delete(s.evicted, minute)
		}
	}
	if len(s.open) == 0 {
		return
	}
	for _, v := range views {
		if o := s.open[v.Upstream.DisplayName()]; o != nil {
			o.seen, o.gone = step, time.Time{}
		}
	}
	for _, o := range s.open {
		switch {
		case o.seen == step:
		case o.gone.IsZero(): // the upstream may have been added after the list was made
			o.gone = now
		default:
			s.close(o, o.gone)
		}
	}
}

// Incidents returns the open incidents and the ones that ended within a day, open ones
// first, then the newest. It returns at most MaxIncidents; omitted is the number of
// others. If upstream, a display name, is not empty, it returns only the incidents of
// that upstream.
func (h *History) Incidents(upstream string, now time.Time) (all []Incident, omitted int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all = []Incident{}
	for _, o := range h.incidents.open {
		current := *o
		current.worsen(now)
		all = append(all, current.Incident)
	}
	for _, i := range h.incidents.closed {
		if now.Sub(i.To) < incidentAge {
			all = append(all, i)
		}
	}
	if upstream != "" {
		all = slices.DeleteFunc(all, func(i Incident) bool { return i.Upstream != upstream })
	}
	slices.SortFunc(all, func(a, b Incident) int { return a.Compare(&b) })
	if over := len(all) - MaxIncidents; over > 0 {
		all, omitted = all[:MaxIncidents], over
	}
	if upstream == "" {
		for minute, n := range h.incidents.evicted {
			if time.Unix(minute*60, 0).After(now.Add(-incidentAge)) {
				omitted += n
			}
		}
	}
	return all, omitted
}
