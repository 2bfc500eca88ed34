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

func TestReasonsAreCountedAndFound(t *testing.T) {
	views := many(250)
	m := &Model{Registry: registry(views...)}
	q := query{sort: &sortings[0]}
	l := resultOf(views, &q, time.Now())
	total := 0
	for _, r := range l.situation.reasons {
		if got := len(status(t, m, "/api/v1/status?reason="+r.Reason).Upstreams); got != r.Count {
			t.Errorf("reason %s: found %d, counted %d", r.Reason, got, r.Count)
		}
		if page := body(t, get(t, m, "/")); !strings.Contains(page, fmt.Sprintf(`<a href="?reason=%s"><b>%d</b> × `, r.Reason, r.Count)) {
			t.Errorf("the page has no link to those that fail for %s", r.Reason)
		}
		total += r.Count
	}
	if failing := l.situation.counts.Down + l.situation.counts.Stale; total != failing || len(l.situation.reasons) < 2 {
		t.Errorf("counted %d for %d reasons, want %d", total, len(l.situation.reasons), failing)
	}
	both := status(t, m, "/api/v1/status?reason=connect&reason=timeout")
	if got := len(both.Upstreams); got <= len(status(t, m, "/api/v1/status?reason=connect").Upstreams) {
		t.Errorf("two reasons find %d upstreams, want more than one does", got)
	}
}

func TestFailuresOfOneReasonHaveOneText(t *testing.T) {
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
		"one upstream counts once":    {[]*fleet.View{view(refused, refused, refused)}, []reasonCount{{"connect", "connection refused", 1}}},
		"and once for each reason":    {[]*fleet.View{view(refused, unavailable, refused)}, []reasonCount{{"connect", "connection refused", 1}, {"http_5xx", "HTTP 503", 1}}},
		"the most frequent first":     {[]*fleet.View{view(refused), view(unavailable), view(unavailable)}, []reasonCount{{"http_5xx", "HTTP 503", 2}, {"connect", "connection refused", 1}}},
		"two texts become the reason": {[]*fleet.View{view(refused), view(unreachable)}, []reasonCount{{"connect", "no connection", 2}}},
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
