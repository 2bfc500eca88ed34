package status

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

func TestUpstreamsAreCountedAndFilteredByReason(t *testing.T) {
	views := many(250)
	m := modelOf(views...)
	r, page := resultOf(views, &query{sort: &sortKeys[0]}, time.Now()), indexOf(t, m, "")
	total := 0
	for _, c := range r.situation.reasons {
		if got := len(status(t, m, "reason="+c.Reason).Upstreams); got != c.Count {
			t.Errorf("reason %s: got %d upstreams, want the %d counted", c.Reason, got, c.Count)
		}
		if !strings.Contains(page, fmt.Sprintf(`<a href="?reason=%s"><b>%d</b> × `, c.Reason, c.Count)) {
			t.Errorf("the page has no link that filters by %s", c.Reason)
		}
		total += c.Count
	}
	if failing := r.situation.counts.Down + r.situation.counts.Stale; total != failing || len(r.situation.reasons) < 2 {
		t.Errorf("got a total of %d for %d reasons, want %d for at least 2", total, len(r.situation.reasons), failing)
	}
	both, one := len(status(t, m, "reason=connect&reason=timeout").Upstreams), len(status(t, m, "reason=connect").Upstreams)
	if both <= one {
		t.Errorf("two reasons select %d upstreams, want more than the %d of one", both, one)
	}
}

func TestEachReasonHasOneText(t *testing.T) {
	view := func(failures ...*betanet.Failure) *fleet.View {
		v := &fleet.View{}
		for _, f := range failures {
			v.Endpoints = append(v.Endpoints, fleet.EndpointView{Record: snapshot.Record{Failure: f}})
		}
		return v
	}
	refused := &betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.New("dial tcp 10.0.0.1:9000: connect: connection refused")}
	unreachable := &betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.New("dial tcp 10.0.0.1:9000: connect: no route to host")}
	unavailable := &betanet.Failure{Reason: betanet.ReasonHTTP5xx, Status: 503, Err: errors.New("HTTP status 503")}
	for name, c := range map[string]struct {
		views []*fleet.View
		want  []reasonCount
	}{
		"an upstream counts once":     {[]*fleet.View{view(refused, refused, refused)}, []reasonCount{{"connect", "connection refused", 1}}},
		"once for each reason":        {[]*fleet.View{view(refused, unavailable, refused)}, []reasonCount{{"connect", "connection refused", 1}, {"http_5xx", "HTTP 503", 1}}},
		"most frequent first":         {[]*fleet.View{view(refused), view(unavailable), view(unavailable)}, []reasonCount{{"http_5xx", "HTTP 503", 2}, {"connect", "connection refused", 1}}},
		"different texts of a reason": {[]*fleet.View{view(refused), view(unreachable)}, []reasonCount{{"connect", "no connection", 2}}},
	} {
		tally := make(reasonTally)
		for _, v := range c.views {
			tally.add(v)
		}
		if got := tally.sorted(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
