package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/probe"
)

// Prober collects the target that a scraper names, within a limit, of which 0 is
// none.
type Prober interface {
	Collect(ctx context.Context, target string, limit time.Duration) (v *fleet.View, late bool, err error)
	// Debug does the same and returns what was tried.
	Debug(ctx context.Context, target string, limit time.Duration) (v *fleet.View, late bool, log []probe.Attempted, err error)
}

// lineFormats are the formats without protobuf: a probe has no histogram, so it
// would gain nothing.
var lineFormats = formats[:3]

// probes serves the samples of the one target that is asked for. A target that
// cannot be reached is an answer like any other. With debug=true it serves a log of
// the probe and the samples as text for people. Other parameters are left alone,
// because Prometheus servers send what their users add to all of their jobs.
func probes(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		target := query["target"]
		if err != nil || len(target) != 1 || target[0] == "" {
			writeText(w, http.StatusBadRequest, "Exactly one target is needed: /probe?target=NAME, with the name of an upstream or host:port that probe.allow lists.\n")
			return
		}
		format, ok := negotiate(w, r, lineFormats)
		if !ok {
			return
		}
		limit := scrapeLimit(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds"))
		if slices.Equal(query["debug"], []string{"true"}) {
			debugProbe(w, r, o, target[0], limit)
			return
		}
		v, late, err := o.Probe.Collect(r.Context(), target[0], limit)
		if err != nil {
			writeText(w, probeStatus(err), err.Error()+"\n")
			return
		}
		o.Status.Probed(v, late, time.Now())
		w.Header().Set("Content-Type", string(format))
		if err := exposition.WriteProbe(w, expositionFormat(format), v, late); err != nil {
			o.Log.Debug("probe not completed", "client", r.RemoteAddr, "err", err)
		}
	})
}

func probeStatus(err error) int {
	switch {
	case errors.Is(err, probe.ErrMalformed):
		return http.StatusBadRequest
	case errors.Is(err, probe.ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, probe.ErrBusy):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// scrapeLimit is what a scraper's own time-out leaves: half a second less, for
// the way, or half of one that is below a second. 0 if there is none, or none
// that makes sense.
func scrapeLimit(header string) time.Duration {
	const longest = 24 * 60 * 60 // more is as good as none
	s, err := strconv.ParseFloat(header, 64)
	switch {
	case err != nil || !(s > 0) || s > longest:
		return 0
	case s < 1:
		return max(1, time.Duration(s/2*float64(time.Second)))
	default:
		return time.Duration((s - 0.5) * float64(time.Second))
	}
}
