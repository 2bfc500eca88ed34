package web

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status"
)

func TestStatusHasOnlyKnownValues(t *testing.T) {
	u := upstreamAt("edge")
	v := view(u, good.Failed(broken, time.Now()), breaker.Open)
	v.Endpoints[0].OpenUntil = time.Now().Add(30 * time.Second)
	r := serve(t, Options{Registry: registry(v)}, "GET", "/api/v1/status")
	var got status.Status
	if err := json.Unmarshal([]byte(body(t, r)), &got); err != nil {
		t.Fatal(err)
	}
	e := got.Upstreams[0].Endpoints[0]
	if got.Version != version || got.Upstreams[0].Name != "edge" || got.Upstreams[0].State != fleet.Stale ||
		e.Breaker != "open" || e.OpenUntil == nil || e.Reason != "connect" || e.AgeSeconds == nil || e.NextSeconds == nil || *e.NextSeconds <= 0 {
		t.Errorf("got %+v, want a stale upstream with an open breaker", got)
	}
	if got.Upstreams[0].Values.BytesReceived != nil {
		t.Error("the status has an unknown value")
	}
}

func TestPagesEscapeErrorsAndSendSecurityHeaders(t *testing.T) {
	u := upstreamAt("edge")
	o := Options{Registry: registry(view(u, good.Failed(broken, time.Now()), breaker.Open))}
	for _, path := range []string{"/", "/upstream/edge"} {
		r := serve(t, o, "GET", path)
		got := body(t, r)
		if strings.Count(got, "<script") != 1 || !strings.Contains(got, "&lt;script&gt;") {
			t.Errorf("%s: the text of an error is not escaped", path)
		}
		if !strings.Contains(got, "connect") || !strings.Contains(got, "stale") {
			t.Errorf("%s: state or reason is missing", path)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": status.Policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: got %s %q, want %q", path, name, got, want)
			}
		}
	}
}
