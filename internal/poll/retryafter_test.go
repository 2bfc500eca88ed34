package poll

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

func TestRetryWaitsForRetryAfterThatFits(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "4")
			w.WriteHeader(503)
		}))
		f.until(7 * time.Second)
		if got, want := f.requested(metricsPath, 0), []time.Duration{0, 4 * time.Second}; !slices.Equal(got, want) {
			t.Errorf("got attempts at %v, want %v", got, want)
		}
	})
}

func TestRetryAfterThatDoesNotFitDefersScheduledRequests(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "100")
			w.WriteHeader(429)
		}))
		f.until(time.Second)
		f.behave(healthy)
		f.until(100 * time.Second)
		if got := f.requested(metricsPath, time.Second); len(got) != 0 {
			t.Errorf("got requests at %v, want none before the Retry-After", got)
		}
		f.until(116 * time.Second)
		if got := f.requested(metricsPath, time.Second); len(got) != 1 {
			t.Errorf("got requests at %v, want one scheduled request after the Retry-After", got)
		}
	})
}

func TestRetryAfterDefersTheProbe(t *testing.T) {
	settings := defaults
	settings.BreakerFailures = 1
	inBubble(t, settings, betanet.V1, func(t *testing.T, f *fixture) {
		f.behave(only(betanet.Metrics, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "50")
			w.WriteHeader(429)
		}))
		f.until(time.Minute)
		if got, want := f.requested(metricsPath, 0), []time.Duration{0, 50 * time.Second}; !slices.Equal(got, want) {
			t.Errorf("got requests at %v, want %v", got, want)
		}
	})
}
