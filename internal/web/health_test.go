package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// pendingView is of an upstream that was asked for so many of its endpoints.
func pendingView(name string, attempted int) *fleet.View {
	v := view(upstreamAt(name), snapshot.Record{}, breaker.Closed)
	for i := range v.Endpoints {
		v.Endpoints[i].Record, v.Endpoints[i].Attempts = snapshot.Record{}, 0
		if i < attempted {
			v.Endpoints[i].Attempts = 1
		}
	}
	return v
}

func TestReadyWaitsForSourcesAndFirstAttemptsAndThenStays(t *testing.T) {
	r := exposition.NewRegistry()
	h := &Health{Registry: r}
	o := Options{Registry: r, Health: h}
	want := func(step string, code int, text string) {
		t.Helper()
		answer := serve(t, o, "GET", "/-/ready")
		if got := body(t, answer); answer.StatusCode != code || !strings.Contains(got, text) {
			t.Errorf("%s: got %d %q, want %d and %q", step, answer.StatusCode, got, code, text)
		}
	}
	r.Exporter.Discovered("file:x", exposition.Discovery{})
	want("a source was not tried", http.StatusServiceUnavailable, "a source of discovery has not answered yet")
	r.Exporter.Discovered("file:x", exposition.Discovery{Tried: true})
	v := pendingView("edge", 0)
	r.Publish(v)
	want("nothing was asked", http.StatusServiceUnavailable, "1 upstreams have not been asked yet")
	all := *v
	all.Endpoints = append([]fleet.EndpointView(nil), v.Endpoints...)
	for i := range all.Endpoints {
		all.Endpoints[i].Attempts = 1 // and retries may follow
	}
	r.Publish(&all)
	want("all was asked once", http.StatusOK, "ready")
	r.Publish(pendingView("later", 0))
	want("another upstream comes", http.StatusOK, "ready")
	r.Remove(v.Upstream)
	want("all upstreams left", http.StatusOK, "ready")
}

func TestHealthIsDegradedByWhatTheExporterKnows(t *testing.T) {
	up := func() *exposition.Registry {
		r := exposition.NewRegistry()
		v := view(upstreamAt("edge"), good, breaker.Closed)
		for i := range v.Endpoints {
			v.Endpoints[i].Record = v.Endpoints[i].Fetched(betanettest.Nodes{}.Doc(), time.Now())
		}
		r.Publish(v)
		return r
	}
	for name, c := range map[string]struct {
		do    func(*exposition.Registry)
		probe bool
		none  bool
		want  string
	}{
		"all is well":               {func(*exposition.Registry) {}, false, false, "healthy"},
		"a source fails":            {func(r *exposition.Registry) { r.Exporter.Discovered("x", exposition.Discovery{Tried: true}) }, false, false, "degraded"},
		"a source is read":          {func(r *exposition.Registry) { r.Exporter.Discovered("x", exposition.Discovery{Tried: true, Up: true}) }, false, false, "healthy"},
		"the last reload failed":    {func(r *exposition.Registry) { r.Exporter.Reloaded(false, time.Now()) }, false, false, "degraded"},
		"no upstream":               {func(*exposition.Registry) {}, false, true, "degraded"},
		"no upstream in probe mode": {func(*exposition.Registry) {}, true, true, "healthy"},
	} {
		r := exposition.NewRegistry()
		if !c.none {
			r = up()
		}
		c.do(r)
		h := &Health{Registry: r, ProbeMode: c.probe}
		if got := h.status(r.Views(), time.Now()); string(got) != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
