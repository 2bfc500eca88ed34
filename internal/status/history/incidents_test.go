package history

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// collected ends a collection of an upstream, which failed for a reason, or succeeded if
// the reason is empty.
func (s *fixture) collected(i int, at float64, reason betanet.Reason) {
	if reason == "" {
		s.fetched(i, at, betanettest.Mixnodes{}.Doc())
	} else {
		s.failed(i, at, betanet.Mixnodes, reason)
	}
	s.history.Ended(s.views[i], after(at))
}

func (s *fixture) incidents(at float64) []Incident {
	all, _ := s.history.Incidents("", after(at))
	return all
}

// span has the times of an incident in seconds. To is -1 for an open incident.
type span struct{ From, To float64 }

func spans(all []Incident) (s []span) {
	for _, i := range all {
		one := span{i.From.Sub(begin).Seconds(), -1}
		if !i.Open() {
			one.To = i.To.Sub(begin).Seconds()
		}
		s = append(s, one)
	}
	return s
}

// An incident is a maximal run of collections that leave betanet_up at 0, up to the next
// collection that sets it to 1.
func TestIncidentsCoverTheTimesWhenUpIs0(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s fixture
		u := s.add(betanet.MixnodesAPI)
		ups := rapid.SliceOfN(rapid.Bool(), 0, 60).Draw(t, "betanet_up")
		at, from, total := 0.0, -1.0, 0.0
		var want []span
		for _, up := range ups {
			at += float64(rapid.IntRange(1, 400).Draw(t, "after"))
			reason := betanet.ReasonConnect
			if up {
				reason = ""
			}
			s.collected(u, at, reason)
			switch {
			case !up && from < 0:
				from = at
			case up && from >= 0:
				want = append([]span{{from, at}}, want...)
				total += at - from
				from = -1
			}
		}
		if from >= 0 {
			want = append([]span{{from, -1}}, want...)
			total += at - from
		}
		all := s.incidents(at)
		if diff := cmp.Diff(want, spans(all)); diff != "" {
			t.Fatalf("incidents (-want +got):\n%s", diff)
		}
		got := 0.0
		for _, i := range all {
			end := i.To
			if i.Open() {
				end = after(at)
			}
			got += end.Sub(i.From).Seconds()
		}
		if got != total {
			t.Fatalf("got a total duration of %v, want the %v for which betanet_up was 0", got, total)
		}
	})
}

func TestAnIncidentHasTheWorstStateAndAllReasons(t *testing.T) {
	var s fixture
	u := s.add(betanet.MixnodesAPI)
	s.collected(u, 0, "")
	s.collected(u, 15, betanet.ReasonTimeout)
	s.collected(u, 30, betanet.ReasonConnect)
	s.collected(u, 45, betanet.ReasonTimeout)
	want(t, "an open incident", s.incidents(299), []Incident{{
		Upstream: "u", From: after(15), State: fleet.Stale, Reasons: []string{"connect", "timeout"}, Endpoints: []string{"mixnodes"}, ShownUntil: after(300),
	}})
	// The values expire without another collection.
	if got := s.incidents(300)[0].State; got != fleet.Down {
		t.Errorf("after its values expired: got %s, want down", got)
	}
	s.collected(u, 310, "")
	if got := s.incidents(320)[0]; got.State != fleet.Down || !got.To.Equal(after(310)) {
		t.Errorf("after the end: got %s until %v, want down until %v", got.State, got.To, after(310))
	}
}

func TestAnIncidentWithoutValuesIsDown(t *testing.T) {
	var s fixture
	u := s.add(betanet.MixnodesAPI)
	s.collected(u, 5, betanet.ReasonDNS)
	if got := s.incidents(5)[0]; got.State != fleet.Down || !got.ShownUntil.IsZero() {
		t.Errorf("got %+v, want it down with nothing shown", got)
	}
}

func TestRemovingAnUpstreamEndsItsIncident(t *testing.T) {
	var s fixture
	u := s.add(betanet.MixnodesAPI)
	s.collected(u, 5, betanet.ReasonDNS)
	s.point(10)
	s.views = nil
	s.point(20)
	want(t, "missing from one list", spans(s.incidents(21)), []span{{5, -1}})
	s.point(30)
	want(t, "missing from two lists", spans(s.incidents(31)), []span{{5, 20}})
}

func TestAnUpstreamWithNewSettingsContinuesItsIncident(t *testing.T) {
	var s fixture
	u := s.add(betanet.MixnodesAPI)
	s.collected(u, 5, betanet.ReasonDNS)
	s.point(10)
	changed := *s.views[u]
	changed.Upstream = &fleet.Upstream{Name: "u", URLs: changed.Upstream.URLs}
	s.views[u] = &changed
	s.point(20)
	s.collected(u, 25, betanet.ReasonDNS)
	s.point(30)
	want(t, "incidents", spans(s.incidents(31)), []span{{5, -1}})
}

func TestOpenIncidentsComeFirstAndOldOnesAreDropped(t *testing.T) {
	var s fixture
	first, second := s.add(betanet.MixnodesAPI), s.add(betanet.MixnodesAPI)
	s.views[second].Upstream.Name = "v"
	s.collected(second, 0, betanet.ReasonDNS)
	s.collected(first, 10, betanet.ReasonDNS)
	s.collected(first, 20, "")
	s.collected(first, 30, betanet.ReasonDNS)
	s.collected(first, 40, "")
	want(t, "incidents", spans(s.incidents(50)), []span{{0, -1}, {30, 40}, {10, 20}})
	day := (24 * time.Hour).Seconds()
	want(t, "a day later", spans(s.incidents(day+20)), []span{{0, -1}, {30, 40}})
	one, _ := s.history.Incidents("v", after(50))
	want(t, "incidents of one upstream", spans(one), []span{{0, -1}})
}

func TestIncidentsBeyondTheLimitAreCounted(t *testing.T) {
	var s fixture
	u := s.add(betanet.MixnodesAPI)
	const more = 30
	for i := range MaxIncidents + more {
		s.collected(u, float64(2*i), betanet.ReasonDNS)
		s.collected(u, float64(2*i+1), "")
	}
	end := float64(2 * (MaxIncidents + more))
	s.collected(u, end, betanet.ReasonDNS)
	all, omitted := s.history.Incidents("", after(end))
	if len(all) != MaxIncidents || omitted != more+1 || !all[0].Open() {
		t.Errorf("got %d incidents and %d omitted, first one open: %v, want %d, %d and true", len(all), omitted, all[0].Open(), MaxIncidents, more+1)
	}
	s.point(end + (25 * time.Hour).Seconds())
	if _, omitted := s.history.Incidents("", after(end+(25*time.Hour).Seconds())); omitted != 0 {
		t.Errorf("a day later: got %d omitted, want 0", omitted)
	}
}

func TestARestartIsAnEvent(t *testing.T) {
	var s fixture
	u := s.add(betanet.MixnodesAPI)
	s.collected(u, 0, "")
	s.views[u].Resets = 1
	s.collected(u, 15, "")
	s.collected(u, 30, "")
	got := s.history.Events.Last(9, "")
	if len(got) != 1 || got[0].Kind != Restarted || !got[0].Time.Equal(after(15)) {
		t.Errorf("got %v, want one restart at %v", got, after(15))
	}
}

func TestEventsAreAssignedToIncidents(t *testing.T) {
	var l EventLog
	for s, upstream := range []string{"a", "b", "a", "a"} {
		l.Add(Event{Time: after(float64(100 * s)), Upstream: upstream, Text: fmt.Sprint(s)})
	}
	found := l.ByIncident([]*Incident{{Upstream: "a", From: after(150), To: after(250)}, {Upstream: "a", From: after(210)}, {Upstream: "c", From: after(0)}}, 9)
	want(t, "an ended incident", texts(found[0]), []string{"a2"})
	want(t, "an open incident", texts(found[1]), []string{"a3", "a2"})
	want(t, "an incident without events", len(found[2]), 0)
}
