package web

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/probe"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// fakeProber returns the same result for every probe, and records its arguments.
type fakeProber struct {
	view   *fleet.View
	late   bool
	log    []probe.Attempt
	err    error
	target string
	limit  time.Duration
}

func (p *fakeProber) Debug(ctx context.Context, target string, limit time.Duration) (*fleet.View, bool, []probe.Attempt, error) {
	v, late, err := p.Collect(ctx, target, limit)
	return v, late, p.log, err
}

func (p *fakeProber) Collect(_ context.Context, target string, limit time.Duration) (*fleet.View, bool, error) {
	p.target, p.limit = target, limit
	return p.view, p.late, p.err
}

func TestProbeServesOnlyTheSamplesOfItsTarget(t *testing.T) {
	failing := view(upstreamAt("a"), good.Failed(broken, time.Now()), breaker.Closed)
	for name, c := range map[string]struct {
		prober fakeProber
		want   []string
	}{
		"up":   {fakeProber{view: view(upstreamAt("edge 1"), good, breaker.Closed)}, []string{"betanet_messages_total 5000", "betanet_up 1"}},
		"late": {fakeProber{view: view(upstreamAt("a"), good, breaker.Closed), late: true}, []string{"betanet_up 0"}},
		"failing": {fakeProber{view: failing}, []string{
			"betanet_up 0", `betanet_exporter_endpoint_failing{endpoint="metrics",reason="connect"} 1`, `betanet_exporter_data_stale 1`, "betanet_messages_total 5000",
		}},
	} {
		r := serve(t, Options{Registry: registry(), Probe: &c.prober}, "GET", "/probe?target=edge+1&module=x&debug=false")
		got := body(t, r)
		if r.StatusCode != 200 || c.prober.target != "edge 1" {
			t.Errorf("%s: got %d and target %q, want 200 and edge 1", name, r.StatusCode, c.prober.target)
		}
		for _, want := range c.want {
			if !strings.Contains(got, "\n"+want+"\n") {
				t.Errorf("%s: %s is missing in\n%s", name, want, got)
			}
		}
		if strings.Contains(got, "upstream=") || strings.Contains(got, "go_goroutines") || strings.Contains(got, "_bucket") {
			t.Errorf("%s: got more than the samples of the target:\n%s", name, got)
		}
		parser := expfmt.NewTextParser(model.LegacyValidation)
		if _, err := parser.TextToMetricFamilies(strings.NewReader(got)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProbeRequiresExactlyOneTarget(t *testing.T) {
	p := &fakeProber{err: errors.New("was called")}
	for _, query := range []string{"", "?target=", "?target=a&target=b", "?target=a&target=", "?Target=a", "?target=%zz", "?target=a;b=c", "?target=a&module=%zz", "?module=a"} {
		r := serve(t, Options{Registry: registry(), Probe: p}, "GET", "/probe"+query)
		if got := body(t, r); r.StatusCode != 400 || p.target != "" || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: got %d %q, target %q, want 400, one line and no probe", query, r.StatusCode, got, p.target)
		}
	}
}

func TestRejectedProbeReportsTheReason(t *testing.T) {
	for err, want := range map[error]int{probe.ErrMalformed: 400, probe.ErrForbidden: 403, probe.ErrBusy: 503, errors.New("else"): 500} {
		p := &fakeProber{err: fmt.Errorf("why: %w", err)}
		r := serve(t, Options{Registry: registry(), Probe: p}, "GET", "/probe?target=a")
		if got := body(t, r); r.StatusCode != want || got != "why: "+err.Error()+"\n" || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%v: got %d %q %q, want %d", err, r.StatusCode, got, r.Header.Get("Content-Type"), want)
		}
	}
}

func TestScrapeTimeoutLimitsAProbe(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "10": 9500 * time.Millisecond, "10.000000": 9500 * time.Millisecond, "1.5": time.Second, "1": 500 * time.Millisecond,
		"0.9": 450 * time.Millisecond, "0.5": 250 * time.Millisecond, "1e-300": 1, "1e2": 99500 * time.Millisecond,
		"0": 0, "-0": 0, "-5": 0, "NaN": 0, "Inf": 0, "+Inf": 0, "-Inf": 0, "1e300": 0, "1e999": 0, "10s": 0, "ten": 0, " 10": 0, "1,5": 0,
	} {
		p := &fakeProber{err: probe.ErrBusy, limit: -1}
		serve(t, Options{Registry: registry(), Probe: p}, "GET", "/probe?target=a", "X-Prometheus-Scrape-Timeout-Seconds", header)
		if p.limit != want {
			t.Errorf("%q: got %v, want %v", header, p.limit, want)
		}
	}
}

func TestProbeNegotiatesFormatAndCompression(t *testing.T) {
	o := Options{Registry: registry(), Probe: &fakeProber{view: view(upstreamAt("a"), good, breaker.Closed)}}
	for accept, want := range map[string]string{
		"": "text/plain; version=0.0.4", prometheusAccept: "application/openmetrics-text; version=1.0.0", acceptProtobuf: "text/plain; version=0.0.4",
		acceptProtobuf + ";q=0.9," + prometheusAccept: "application/openmetrics-text; version=1.0.0",
	} {
		r := serve(t, o, "GET", "/probe?target=a", "Accept", accept, "Accept-Encoding", "gzip")
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if ct := r.Header.Get("Content-Type"); err != nil || !strings.HasPrefix(ct, want) {
			t.Errorf("Accept %q: got %q, %v, want %q", accept, ct, err, want)
		}
		if got, want := strings.HasSuffix(string(got), "# EOF\n"), strings.Contains(want, "openmetrics"); got != want {
			t.Errorf("Accept %q: response ends with # EOF: got %v, want %v", accept, got, want)
		}
	}
}

func TestDebugProbeShowsItsAttempts(t *testing.T) {
	p := &fakeProber{view: view(upstreamAt("a"), good.Failed(broken, time.Now()), breaker.Closed)}
	ended := time.Date(2026, 11, 24, 12, 0, 0, 123e6, time.UTC)
	p.log = []probe.Attempt{
		{Ended: ended, Endpoint: betanet.Nodes, Number: 1, Took: 12 * time.Millisecond},
		{Ended: ended, Endpoint: betanet.Metrics, Number: 1, Took: 1500 * time.Microsecond, Failure: broken, Retry: true, Wait: 612 * time.Millisecond},
		{Ended: ended, Endpoint: betanet.Metrics, Replica: "b:1", Number: 2, Took: time.Second, Failure: &betanet.Failure{Reason: betanet.ReasonTimeout, Err: errors.New("a\nb \"c\"")}},
		{Ended: ended, Endpoint: betanet.Network, Number: 1, Took: time.Second, Failure: &betanet.Failure{Reason: betanet.ReasonTLS, Err: errors.New("a" + strings.Repeat("ä", 300))}},
	}
	r := serve(t, Options{Registry: registry(), Probe: p}, "GET", "/probe?target=a&debug=true", "X-Prometheus-Scrape-Timeout-Seconds", "10")
	got := body(t, r)
	for _, want := range []string{
		"12:00:00.123  nodes     attempt 1  succeeded after 12ms\n",
		"12:00:00.123  metrics   attempt 1  failed after 1.5ms (connect): <script>alert(1)</script> refused; retrying in 612ms\n",
		"12:00:00.123  metrics   attempt 2 at b:1  failed after 1s (timeout): a\\nb \"c\"\n",
		"12:00:00.123  network   attempt 1  failed after 1s (tls): a" + strings.Repeat("ä", 199) + "...\n",
		"  metrics   breaker closed, last document ", "\nbetanet_up 0\n", "\nbetanet_messages_total 5000\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %q:\n%s", want, got)
		}
	}
	if ct := r.Header.Get("Content-Type"); r.StatusCode != 200 || ct != "text/plain; charset=utf-8" || p.limit != 9500*time.Millisecond {
		t.Errorf("got %d, %q and a limit of %v, want 200, plain text and 9.5s", r.StatusCode, ct, p.limit)
	}
	p.err = fmt.Errorf("why: %w", probe.ErrForbidden)
	if r := serve(t, Options{Registry: registry(), Probe: p}, "GET", "/probe?target=a&debug=true"); r.StatusCode != 403 {
		t.Errorf("a target that is not allowed: got %d, want 403", r.StatusCode)
	}
}

func TestPageShowsTheProbedTargetsInProbeMode(t *testing.T) {
	p := &fakeProber{view: view(upstreamAt("edge"), good.Failed(broken, time.Now()), breaker.Closed)}
	o := complete(Options{Registry: registry(), Probe: p})
	o.Status.ProbeMode = true
	h, err := Handler(o)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Body.String()
	}
	if got := get("/"); !strings.Contains(got, "Nothing has been probed yet") {
		t.Error("before a probe the page lacks the verdict")
	}
	get("/probe?target=edge")
	page, status := get("/"), get("/api/v1/status")
	if !strings.Contains(page, `<tr data-key="edge">`) || !strings.Contains(page, "edge has been stale since ") {
		t.Error("the page lacks the target, or the verdict about it")
	}
	if !strings.Contains(status, `"probes":[{"target":"edge","time":"`) || !strings.Contains(status, `"state":"stale","reason":"connect","text":"no connection"}]`) {
		t.Errorf("got %s, want the target", status)
	}
	p.late, p.view = true, view(upstreamAt("late"), snapshot.Record{}, breaker.Closed)
	p.view.Endpoints = p.view.Endpoints[:1]
	get("/probe?target=late&debug=true")
	if status := get("/api/v1/status"); !strings.Contains(status, `"state":"down","reason":"timeout","text":"not finished in time"}`) || !strings.Contains(status, `"level":"critical"`) {
		t.Errorf("got %s, want a target that is down", status)
	}
}
