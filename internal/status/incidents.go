package status

import (
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// incidentRow is an incident, a restart or a switch of replicas in the table.
type incidentRow struct {
	history.Incident
	Kind    history.Kind    // "" for an incident
	Text    string          // details of a restart or a switch
	Page    string          // link to the page of the upstream; "" if there is none
	Events  []history.Event // of the incident
	Seconds float64         // duration, up to now if the incident is open
	Age     float64         // seconds since the start
	Shown   string          // which values were shown during the incident
	ShownAt time.Time       // when they expired or will expire; zero if Shown needs no time
}

// Key identifies the row when the page is refreshed.
func (r *incidentRow) Key() string {
	return r.Upstream + " " + string(r.Kind) + " " + r.From.UTC().Format(time.RFC3339Nano)
}

// Limits of the table.
const (
	shownIncidents = 20
	shownEvents    = 12 // per incident
)

// incidentTable is the table of incidents, restarts and switches.
type incidentTable struct {
	Rows []incidentRow
	More int    // number of incidents that are not in the table
	One  bool   // the table is about one upstream
	JSON string // link to all incidents
}

// newIncidentTable returns the table of one upstream, or of all if the name is empty.
// Open incidents come first, then the newest. A row has a link if its upstream still
// exists.
func (m *Model) newIncidentTable(f *frame, all []history.Incident, upstream string, exists func(string) bool, now time.Time) incidentTable {
	var rows []incidentRow
	for _, e := range m.History.Events.Last(shownIncidents, upstream, history.Restarted, history.Switched) {
		rows = append(rows, incidentRow{
			Incident: history.Incident{Upstream: e.Upstream, From: e.Time, To: e.Time}, Kind: e.Kind, Text: e.Text, Age: now.Sub(e.Time).Seconds(),
		})
	}
	var shown []*history.Incident
	for i := range all[:min(len(all), shownIncidents)] {
		shown = append(shown, &all[i])
	}
	events := m.History.Events.ByIncident(shown, shownEvents)
	for i, incident := range shown {
		end := incident.To
		if incident.Open() {
			end = now
		}
		r := incidentRow{Incident: *incident, Events: events[i], Age: now.Sub(incident.From).Seconds(), Seconds: end.Sub(incident.From).Seconds()}
		r.Shown, r.ShownAt = shownValuesText(incident, end)
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows, func(a, b incidentRow) int { return a.Compare(&b.Incident) })
	rows = rows[:min(len(rows), shownIncidents)]
	more := len(all)
	for i := range rows {
		if rows[i].Kind == "" {
			more--
		}
		if exists(rows[i].Upstream) {
			rows[i].Page = f.upstreamLink(rows[i].Upstream)
		}
	}
	return incidentTable{Rows: rows, More: more, One: upstream != "", JSON: f.AsJSON}
}

// shownValuesText describes which values were shown during an incident. end is its end,
// or the current time if it is open.
func shownValuesText(i *history.Incident, end time.Time) (text string, at time.Time) {
	switch {
	case i.ShownUntil.IsZero() && i.State == "down":
		return "none", time.Time{}
	case !i.ShownUntil.IsZero() && !end.Before(i.ShownUntil):
		return "stale, expired at", i.ShownUntil
	case !i.ShownUntil.IsZero() && i.Open():
		return "stale until", i.ShownUntil
	default:
		return "stale", time.Time{}
	}
}
