package poll

import (
	"net/http"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

func TestAutoFindsMixnodesInTheFirstCollection(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.behave(mixnodes)
		f.until(time.Second)
		v := f.view()
		if v.API != betanet.MixnodesAPI || !v.Up() {
			t.Fatalf("got API %v and up %v, want mixnodes and true", v.API, v.Up())
		}
		if val := v.Values(time.Now()); *val.Uint(betanet.PacketsProcessed) != 100 || *val.Uint(betanet.PacketsDropped) != 1 || *val.Uint(betanet.TotalNodes) != 1 || val.Uint(betanet.BytesTransmitted) != nil {
			t.Errorf("got %+v, want the values of the mixnode", val)
		}
		for _, a := range eventsOf[Attempt](f) {
			if a.Endpoint != betanet.Mixnodes {
				t.Errorf("got attempt %+v, want none on v1, because its 404s are ignored", a)
			}
		}
		f.until(f.tick() + time.Second)
		if got := len(f.requested(metricsPath, time.Second)); got != 0 {
			t.Errorf("got %d requests to v1 after the detection, want none", got)
		}
	})
}

func TestAutoKeepsV1FailuresWithoutMixnodes(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.behave(http.NotFound)
		f.until(time.Second)
		v := f.view()
		if v.API != betanet.V1 {
			t.Errorf("got API %v, want v1", v.API)
		}
		for _, e := range v.Endpoints {
			if e.Failure == nil || e.Failure.Reason != betanet.ReasonHTTP4xx {
				t.Errorf("%v: got failure %v, want http_4xx", e.Endpoint, e.Failure)
			}
		}
		if got := len(eventsOf[Attempt](f)); got != 4 {
			t.Errorf("got %d attempts, want 4", got)
		}
	})
}

// wantFailures checks the failure text of every v1 endpoint.
func (f *fixture) wantFailures(t *testing.T, want string) {
	t.Helper()
	for _, e := range f.view().Endpoints {
		if e.Failure == nil || e.Failure.Reason != betanet.ReasonHTTP4xx || e.Failure.Error() != "fetch "+e.Endpoint.String()+": "+want {
			t.Errorf("%v: got failure %v, want http_4xx and %q", e.Endpoint, e.Failure, want)
		}
	}
}

func TestV1FailuresIncludeTheMixnodesFailure(t *testing.T) {
	for name, c := range map[string]struct {
		mixnodes http.HandlerFunc
		want     string
	}{
		"another 404":    {http.NotFound, "HTTP status 404; GET /mixnodes: HTTP status 404"},
		"invalid node":   {body(`[{"id":"m2","status":"active","packets_processed":1,"uptime_seconds":"5"}]`), "HTTP status 404; GET /mixnodes: node m2: uptime_seconds is a string, want a number"},
		"hanging server": {hang, "HTTP status 404; GET /mixnodes: no answer in time"},
		"server error":   {failWith(500), "HTTP status 404; GET /mixnodes: HTTP status 500"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
				f.behave(forEndpoint(betanet.Mixnodes, c.mixnodes, http.NotFound))
				f.until(f.tick() - time.Millisecond)
				f.wantFailures(t, c.want)
				if got := len(f.requested(betanet.Mixnodes.Path(), 0)); got != 1 {
					t.Errorf("got %d requests for /mixnodes in one collection, want 1", got)
				}
				for _, a := range eventsOf[Attempt](f) {
					if a.Endpoint != betanet.Mixnodes && a.Failure.Error() != "fetch "+a.Endpoint.String()+": "+c.want {
						t.Errorf("%v: got an attempt with failure %v, want %q", a.Endpoint, a.Failure, c.want)
					}
				}
			})
		})
	}
}

// The last failure of /mixnodes remains part of the text during its Retry-After.
func TestMixnodesFailureIsKeptDuringItsRetryAfter(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.behave(forEndpoint(betanet.Mixnodes, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, http.NotFound))
		f.until(f.tick() + 16*time.Second)
		if got := len(f.requested(betanet.Mixnodes.Path(), 0)); got != 1 {
			t.Fatalf("got %d requests for /mixnodes, want 1", got)
		}
		f.wantFailures(t, "HTTP status 404; GET /mixnodes: HTTP status 503")
		f.behave(forEndpoint(betanet.Nodes, failWith(500), http.NotFound))
		f.until(f.tick() + 31*time.Second)
		for _, e := range f.view().Endpoints {
			if want := "fetch " + e.Endpoint.String() + ": HTTP status 404"; e.Endpoint != betanet.Nodes && e.Failure.Error() != want {
				t.Errorf("got failure %v after a v1 endpoint returned another status, want %q", e.Failure, want)
			}
		}
	})
}

func TestAutoRequestsMixnodesOnlyIfAllOfV1IsMissing(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, http.NotFound))
		f.until(time.Minute)
		if got := len(f.requested("/mixnodes", 0)); got != 0 {
			t.Errorf("got %d requests for /mixnodes, want none", got)
		}
	})
}

func TestConfiguredAPIIsNotDetected(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(mixnodes)
		f.until(time.Minute)
		if got := len(f.requested("/mixnodes", 0)); got != 0 {
			t.Errorf("got %d requests for /mixnodes, want none", got)
		}
	})
	inBubble(t, defaults, betanet.MixnodesAPI, func(t *testing.T, f *fixture) {
		f.behave(healthy)
		f.until(time.Minute)
		if got := len(f.requested(metricsPath, 0)); got != 0 {
			t.Errorf("got %d requests to v1, want none", got)
		}
	})
}

func TestV1IsRequestedAfterMixnodesReturns404(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.behave(mixnodes)
		f.until(time.Second)
		f.behave(healthy) // the service now has the other API
		f.until(f.tick() + time.Second)
		if v := f.view(); v.API != betanet.MixnodesAPI || v.Up() {
			t.Errorf("got API %v and up %v after one 404, want mixnodes and false", v.API, v.Up())
		}
		f.until(f.tick() + 16*time.Second)
		v := f.view()
		if v.API != betanet.V1 || !v.Up() {
			t.Fatalf("got API %v and up %v, want v1 and true", v.API, v.Up())
		}
		val := v.Values(time.Now())
		if val.Mixnodes != nil || val.Latency.GetSampleCount() != 1 || *val.Uint(betanet.PacketsProcessed) != 5000 {
			t.Errorf("got %+v, want no values of mixnodes", val)
		}
	})
}

func Test404FromProxyDoesNotChangeTheAPI(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.behave(mixnodes)
		f.until(time.Second)
		f.behave(http.NotFound)
		f.until(f.tick() + 20*time.Second)
		v := f.view()
		if val := v.Values(time.Now()); v.API != betanet.MixnodesAPI || *val.Uint(betanet.PacketsProcessed) != 100 {
			t.Errorf("got API %v and %+v, want mixnodes and its last values", v.API, val)
		}
		f.behave(mixnodes)
		f.until(f.tick() + 60*time.Second)
		if v := f.view(); v.API != betanet.MixnodesAPI || !v.Up() {
			t.Errorf("got API %v and up %v, want mixnodes and true", v.API, v.Up())
		}
	})
}

// While all breakers are open, endpoints are probed one at a time, so no collection
// receives three 404s. The other API must still be detected.
func TestAPIIsDetectedAfterUpstreamIsReplacedDuringOutage(t *testing.T) {
	settings := defaults
	settings.BreakerFailures = 3
	inBubble(t, settings, betanet.Auto, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		f.behave(failWith(500))
		f.until(f.tick() + 10*time.Second) // all breakers are open
		f.behave(mixnodes)
		f.until(f.tick() + 50*time.Second)
		if v := f.view(); v.API != betanet.MixnodesAPI || !v.Up() {
			t.Errorf("got API %v and up %v, want mixnodes and true", v.API, v.Up())
		}
	})
}

// A collection that receives the 404s at its deadline leaves the detection to the next one.
func TestAPIIsNotDetectedAfterTheDeadline(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.behave(mixnodes)
		c := f.poller.upstreams[f.upstream].core
		for _, e := range betanet.V1.Endpoints() {
			c.inUse.endpoints[e].notFound = true
		}
		expired := &collection{replica: c.inUse, deadline: time.Now()}
		c.moment = f.poller.moment()
		if c.detectAPI(expired); expired.detecting || len(c.do.requests) > 0 {
			t.Errorf("got %d requests after the deadline, want none", len(c.do.requests))
		}
		f.until(time.Second)
		if got := f.view().API; got != betanet.MixnodesAPI {
			t.Errorf("got API %v after the next collection, want mixnodes", got)
		}
	})
}
