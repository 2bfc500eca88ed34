package status

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// situation summarizes all upstreams or, in probe mode, the probed targets. A verdict
// judges it.
type situation struct {
	counts     history.Counts
	targets    bool      // counts probed targets, not upstreams
	only       string    // name of the upstream or target, if there is only one
	since      time.Time // when the state of the only one began
	responding int       // number of upstreams with an endpoint that responds
	failing    time.Time // when the last of the failing endpoints began to fail
	reasons    []reasonCount
	stopped    time.Time // time of the last collection if collecting has stopped, otherwise zero
	exporter   []string  // failures of the exporter itself
	quiet      []history.Quiet
}

// reasonCount is the number of upstreams that fail for a reason.
type reasonCount struct {
	Reason string // as in betanet_exporter_attempts_total
	Text   string
	Count  int
}

// add adds an upstream. The caller counts its state.
func (s *situation) add(e *entry, now time.Time) {
	s.counts.NotClosed += e.notClosed
	if now.After(e.overdue) && (s.stopped.IsZero() || e.view.Ticked.After(s.stopped)) {
		s.stopped = e.view.Ticked
	}
	if e.responding {
		s.responding++
	}
	if e.failing.After(s.failing) {
		s.failing = e.failing
	}
}

// health returns what fleet.HealthOf returns for all upstreams.
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

// probeSituation returns the situation of the probed targets.
func probeSituation(probes []history.Probe) situation {
	s, reasons := situation{targets: true}, make(reasonTally)
	for i := range probes {
		p := &probes[i]
		s.counts.Add(p.State, 1)
		if p.State == fleet.Up || p.Responding {
			s.responding++
		} else if p.Time.After(s.failing) {
			s.failing = p.Time
		}
		if p.Reason != "" {
			reasons.count(p.Reason, p.Text)
		}
	}
	if len(probes) == 1 {
		s.only, s.since = plain(probes[0].Target), probes[0].Time
	}
	s.reasons = reasons.sorted()
	return s
}

// reasonTally counts upstreams by failure reason.
type reasonTally map[string]*reasonCount

// add counts an upstream once for each reason of its endpoints.
func (t reasonTally) add(v *fleet.View) {
	for i := range v.Endpoints {
		f := v.Endpoints[i].Failure
		if f == nil || slices.ContainsFunc(v.Endpoints[:i], func(e fleet.EndpointView) bool { return e.Failure != nil && e.Failure.Reason == f.Reason }) {
			continue
		}
		t.count(string(f.Reason), failureText(f))
	}
}

// count counts a failure. If failures with the same reason have different texts, the
// general text of the reason replaces them.
func (t reasonTally) count(reason, text string) {
	c := t[reason]
	if c == nil {
		c = &reasonCount{Reason: reason, Text: text}
		t[reason] = c
	}
	if c.Text != text {
		c.Text = reasonText(reason)
	}
	c.Count++
}

// sorted returns the reasons, most frequent first.
func (t reasonTally) sorted() (all []reasonCount) {
	for _, c := range t {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b reasonCount) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Reason, b.Reason)) })
	return all
}

// failureText describes a failure in a few words, more precisely than its reason if
// possible.
func failureText(f *betanet.Failure) string {
	if f.Status >= 400 && strings.HasPrefix(string(f.Reason), "http_") {
		return "HTTP " + strconv.Itoa(f.Status)
	}
	if f.Reason == betanet.ReasonConnect && f.Err != nil {
		for _, text := range []string{"connection refused", "no route to host"} {
			if strings.Contains(f.Error(), text) {
				return text
			}
		}
	}
	return reasonText(string(f.Reason))
}

// maxExporterFailures is the maximum number of failures of the exporter that a verdict
// names.
const maxExporterFailures = 3

// exporterFailures describes the failures of the exporter itself.
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
	if more := len(all) - maxExporterFailures; more > 0 {
		all = append(all[:maxExporterFailures], "and "+groupedInt(more)+" more")
	}
	if len(all) > 0 {
		all[0] = strings.ToUpper(all[0][:1]) + all[0][1:]
	}
	return all
}

// Probed records the end of a probe; late means that its collection had not finished in
// time. It does nothing outside probe mode.
func (m *Model) Probed(v *fleet.View, late bool, now time.Time) {
	if !m.ProbeMode {
		return
	}
	p := history.Probe{Target: v.Upstream.DisplayName(), Time: now, State: v.State(now)}
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		p.Responding = p.Responding || e.Up()
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
