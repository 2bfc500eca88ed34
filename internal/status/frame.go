package status

import (
	"net/url"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// frame is what all pages have in common.
type frame struct {
	Root    string  // the way from the page to the exporter's root, "" for the root itself
	Banner  Verdict // about what the page shows
	Now     time.Time
	Release string
	Metrics string // link
	AsJSON  string // the same for programs
}

func (m *Model) newFrame(root string, v Verdict, now time.Time) frame {
	return frame{
		Root: root, Banner: v, Now: now, Release: m.Version, Metrics: root + strings.TrimPrefix(m.TelemetryPath, "/"),
	}
}

// Home is the link to the exporter's root. An empty one would be the page itself.
func (f *frame) Home() string { return f.Root + "./" }

// Path is the link to the page of an upstream.
func (f *frame) Path(name string) string { return f.Root + upstreamPath(name) }

// upstreamPath is the page of an upstream, relative to the exporter's root.
func upstreamPath(name string) string { return "upstream/" + url.PathEscape(name) }

// docsURL is where the project's pages are.
const docsURL = "https://github.com/betanet/betanet_exporter/blob/main/docs/"

// exporterState is the table of what can fail of the exporter itself.
type exporterState struct {
	Parts     []part
	Failing   bool
	Version   string
	OpenFiles string // "" where they are not known
	Docs      string
	Runbook   string
}

func (m *Model) newExporterState(s *Status, now time.Time) exporterState {
	e := exporterState{Parts: newParts(s, now), Version: m.Version, Docs: docsURL + "status-api.md", Runbook: docsURL + "runbook.md"}
	for i := range e.Parts {
		e.Failing = e.Failing || e.Parts[i].Failing
	}
	if m.OpenFiles == nil {
		return e
	}
	switch open, limit := m.OpenFiles(); {
	case open > 0 && limit > 0:
		e.OpenFiles = groupedInt(open) + " of " + groupedInt(limit)
	case open > 0:
		e.OpenFiles = groupedInt(open)
	}
	return e
}

// incidentRow is an incident, a restart or a switch of replicas in the table.
type incidentRow struct {
	history.Incident
	frame   *frame
	Kind    history.Kind    // "" of an incident
	Text    string          // of what is not an incident
	Linked  bool            // there is a page of its upstream
	Events  []history.Event // that belong to it
	Seconds float64         // how long it lasted, or lasts
	Age     float64         // in seconds, of its beginning
	Shown   string          // what was shown meanwhile
	ShownAt time.Time       // when that ended or will end, zero for a text without a moment
}

// Key is the same for the same row of the next page.
func (r *incidentRow) Key() string {
	return r.Upstream + " " + string(r.Kind) + " " + r.From.UTC().Format(time.RFC3339Nano)
}

// Page is the link to the page of the row's upstream.
func (r *incidentRow) Page() string { return r.frame.Path(r.Upstream) }

// Limits of the table.
const (
	shownIncidents = 20
	shownEvents    = 12 // of one incident
)

// incidentTable is the table of incidents, restarts and switches.
type incidentTable struct {
	Rows []incidentRow
	More int    // incidents that are not shown
	One  bool   // all are of one upstream
	JSON string // link to all of them
}

// newIncidents returns the table of all upstreams or, with a title, of one: open
// incidents first, then what happened last.
func (m *Model) newIncidents(f *frame, all []history.Incident, upstream string, there func(string) bool, now time.Time) incidentTable {
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
	events := m.History.Events.Of(shown, shownEvents)
	for i, one := range shown {
		r := incidentRow{Incident: *one, Events: events[i], Age: now.Sub(one.From).Seconds()}
		end := one.To
		if one.Open() {
			end = now
		}
		r.Seconds = end.Sub(one.From).Seconds()
		r.Shown, r.ShownAt = shownMeanwhile(one, end)
		rows = append(rows, r)
	}
	sortIncidents(rows)
	rows = rows[:min(len(rows), shownIncidents)]
	for i := range rows {
		rows[i].frame, rows[i].Linked = f, there(rows[i].Upstream)
	}
	return incidentTable{Rows: rows, More: len(all) - min(len(all), shownIncidents), One: upstream != "", JSON: f.AsJSON}
}

// shownMeanwhile tells what was shown during an incident, that ended or still lasts
// at a moment.
func shownMeanwhile(i *history.Incident, end time.Time) (words string, at time.Time) {
	switch {
	case i.ShownUntil.IsZero() && i.State == "down":
		return "nothing", time.Time{}
	case i.ShownUntil.IsZero():
		return "last values", time.Time{}
	case !end.Before(i.ShownUntil):
		return "last values, expired", i.ShownUntil
	case i.Open():
		return "last values, until", i.ShownUntil
	default:
		return "last values", time.Time{}
	}
}
