package web

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// pendingView returns a view of an upstream with only its first endpoints attempted.
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

func TestReadinessWaitsForSourcesAndFirstAttemptsAndIsPermanent(t *testing.T) {
	r := exposition.NewRegistry()
	h := &Health{Registry: r}
	o := Options{Registry: r, Health: h}
	want := func(step string, code int, text string) {
		t.Helper()
		response := serve(t, o, "GET", "/-/ready")
		if got := body(t, response); response.StatusCode != code || !strings.Contains(got, text) {
			t.Errorf("%s: got %d %q, want %d and %q", step, response.StatusCode, got, code, text)
		}
	}
	r.Exporter.Discovered("file:x", exposition.Discovery{})
	want("a source was not tried", http.StatusServiceUnavailable, "a discovery source has not been tried yet")
	r.Exporter.Discovered("file:x", exposition.Discovery{Tried: true})
	v := pendingView("edge", 0)
	r.Publish(v)
	want("nothing was tried", http.StatusServiceUnavailable, "upstreams that have not been tried yet: 1")
	all := *v
	all.Endpoints = append([]fleet.EndpointView(nil), v.Endpoints...)
	for i := range all.Endpoints {
		all.Endpoints[i].Attempts = 1 // retries may follow
	}
	r.Publish(&all)
	want("all was tried once", http.StatusOK, "ready")
	r.Publish(pendingView("later", 0))
	want("another upstream was added", http.StatusOK, "ready")
	r.Remove(v.Upstream)
	want("all upstreams were removed", http.StatusOK, "ready")
}

func TestReadyOnceEveryEndpointWasTriedSuccessfullyOrNot(t *testing.T) {
	for _, c := range []struct {
		record snapshot.Record
		want   int
	}{{snapshot.Record{}, 503}, {good, 200}, {snapshot.Record{}.Failed(broken, time.Now()), 200}} {
		if got := serve(t, Options{Registry: registry(view(upstreamAt(""), c.record, breaker.Closed))}, "GET", "/-/ready").StatusCode; got != c.want {
			t.Errorf("%+v: got %d, want %d", c.record, got, c.want)
		}
	}
}

func TestHealthReflectsUpstreamsAndExporter(t *testing.T) {
	up := view(upstreamAt(""), good, breaker.Closed)
	late := view(upstreamAt(""), good, breaker.Closed)
	late.Ticked = time.Now().Add(-3*late.Upstream.Settings.Interval - time.Second)
	source := func(d exposition.Discovery) func(*exposition.Registry) {
		return func(r *exposition.Registry) { r.Exporter.Discovered("x", d) }
	}
	for name, c := range map[string]struct {
		view      *fleet.View // nil for no upstream
		probeMode bool
		do        func(*exposition.Registry)
		want      string
	}{
		"up":                        {up, false, nil, "200 healthy"},
		"not tried yet":             {view(upstreamAt(""), snapshot.Record{}, breaker.Closed), false, nil, "200 degraded"},
		"stale":                     {view(upstreamAt(""), good.Failed(broken, time.Now()), breaker.Closed), false, nil, "200 degraded"},
		"down":                      {view(upstreamAt(""), snapshot.Record{}.Failed(broken, time.Now()), breaker.Open), false, nil, "200 degraded"},
		"breaker half-open":         {view(upstreamAt(""), good, breaker.HalfOpen), false, nil, "200 degraded"},
		"collecting has ended":      {late, false, nil, "503 unhealthy"},
		"a source fails":            {up, false, source(exposition.Discovery{Tried: true}), "200 degraded"},
		"a source is read":          {up, false, source(exposition.Discovery{Tried: true, Up: true}), "200 healthy"},
		"the last reload failed":    {up, false, func(r *exposition.Registry) { r.Exporter.Reloaded(false, time.Now()) }, "200 degraded"},
		"no upstream":               {nil, false, nil, "200 degraded"},
		"no upstream in probe mode": {nil, true, nil, "200 healthy"},
	} {
		r := registry()
		if c.view != nil {
			r.Publish(c.view)
		}
		if c.do != nil {
			c.do(r)
		}
		response := serve(t, Options{Registry: r, Health: &Health{Registry: r, ProbeMode: c.probeMode}}, "GET", "/health")
		code, want, _ := strings.Cut(c.want, " ")
		if got := body(t, response); strconv.Itoa(response.StatusCode) != code || got != `{"status":"`+want+`"}` {
			t.Errorf("%s: got %d %s, want %s", name, response.StatusCode, got, c.want)
		}
	}
}
