package status

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// add counts what an upstream has, except its state.
func (s *situation) add(e *entry, now time.Time) {
	s.counts.NotClosed += e.notClosed
	if now.After(e.overdue) && (s.stopped.IsZero() || e.view.Ticked.After(s.stopped)) {
		s.stopped = e.view.Ticked
	}
	if e.answers {
		s.answering++
	}
	if e.failing.After(s.failing) {
		s.failing = e.failing
	}
}

// health is the one of all upstreams together, as fleet.HealthOf judges it.
func (s *situation) health() fleet.Health {
	switch c := &s.counts; {
	case !s.stopped.IsZero():
		return fleet.Unhealthy
	case c.Up < c.Upstreams || c.NotClosed > 0:
		return fleet.Degraded
	default:
		return fleet.Healthy
	}
}

// countState counts n upstreams that are in a state.
func countState(c *countsStatus, s fleet.State, n int) {
	c.Upstreams += n
	switch s {
	case fleet.Up:
		c.Up += n
	case fleet.Stale:
		c.Stale += n
	case fleet.Down:
		c.Down += n
	default:
		c.Pending += n
	}
}

// reasonTally counts upstreams by the reason for which they fail.
type reasonTally map[string]*reasonCount

// add counts an upstream once for each reason of its endpoints.
func (t reasonTally) add(v *fleet.View) {
	var last *reasonCount
	for i := range v.Endpoints {
		f := v.Endpoints[i].Failure
		if f == nil || last != nil && last.Reason == string(f.Reason) {
			continue
		}
		if i > 0 && slices.ContainsFunc(v.Endpoints[:i], func(e fleet.EndpointView) bool { return e.Failure != nil && e.Failure.Reason == f.Reason }) {
			continue
		}
		last = t.count(string(f.Reason), failureText(f))
	}
}

// count counts a failure. Those of one reason whose texts differ have the text of
// the reason.
func (t reasonTally) count(reason, text string) *reasonCount {
	c := t[reason]
	if c == nil {
		c = &reasonCount{Reason: reason, Text: text}
		t[reason] = c
	}
	if c.Text != text {
		c.Text = reasonText(reason)
	}
	c.Count++
	return c
}

// sorted returns the reasons, the most frequent first.
func (t reasonTally) sorted() []reasonCount {
	var all []reasonCount
	for _, reason := range slices.Sorted(maps.Keys(t)) {
		all = append(all, *t[reason])
	}
	slices.SortStableFunc(all, func(a, b reasonCount) int { return cmp.Compare(b.Count, a.Count) })
	return all
}

// failureText is a failure in few words: what its reason alone does not say.
func failureText(f *betanet.Failure) string {
	refused := func(text string) bool {
		return f.Reason == betanet.ReasonConnect && f.Err != nil && strings.Contains(f.Error(), text)
	}
	switch {
	case f.Status >= 400 && strings.HasPrefix(string(f.Reason), "http_"):
		return "HTTP " + groupedInt(f.Status)
	case refused("connection refused"):
		return "connection refused"
	case refused("no route to host"):
		return "no route to host"
	default:
		return reasonText(string(f.Reason))
	}
}

// addProbe counts a target that was probed.
func (s *situation) addProbe(p *history.Probe, reasons reasonTally) {
	countState(&s.counts, p.State, 1)
	if p.State == fleet.Up || p.Answers {
		s.answering++
	} else if p.Time.After(s.failing) {
		s.failing = p.Time
	}
	if p.Reason != "" {
		reasons.count(p.Reason, p.Text)
	}
	s.targets, s.only, s.since = true, "", p.Time
	if s.counts.Upstreams == 1 {
		s.only = plain(p.Target)
	}
}

// exporterFailures names what fails of the exporter itself.
func exporterFailures(s *Status) (all []string) {
	for i := range s.Sources {
		if d := &s.Sources[i]; d.Error != "" {
			all = append(all, "discovery "+plain(d.Source)+" fails")
		}
	}
	if s.Config != nil && s.Config.Error != "" {
		all = append(all, "the last reload failed")
	}
	if s.Push != nil && s.Push.Error != "" {
		all = append(all, "the push to "+plain(s.Push.Endpoint)+" fails")
	}
	if len(all) > maxExporterFailures {
		more := len(all) - maxExporterFailures
		all = append(all[:maxExporterFailures], groupedInt(more)+" more of the exporter's parts fail")
	}
	if len(all) > 0 {
		all[0] = capital(all[0])
	}
	return all
}

// maxExporterFailures is how many of them are named.
const maxExporterFailures = 3

// Probed records the end of a probe, in probe mode: there the page is about what was
// probed.
func (m *Model) Probed(v *fleet.View, late bool, now time.Time) {
	if !m.ProbeMode {
		return
	}
	p := history.Probe{Target: v.Upstream.DisplayName(), Time: now, State: v.State(now)}
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		p.Answers = p.Answers || e.Up()
		if e.Failure != nil && p.Reason == "" {
			p.Reason, p.Text = string(e.Failure.Reason), failureText(e.Failure)
		}
	}
	if late {
		p.State, p.Reason, p.Text = fleet.Down, string(betanet.ReasonTimeout), "not finished in time"
		if v.Shows(now) {
			p.State = fleet.Stale
		}
	}
	m.History.Probes.Add(p)
}
