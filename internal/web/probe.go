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

// Prober collects the target that a scraper names.
type Prober interface {
	// Collect returns the view of the target. If the limit or ctx ends before the
	// collection does, it returns the previous view, and late is true. A limit of 0 means
	// the target's own timeout.
	Collect(ctx context.Context, target string, limit time.Duration) (v *fleet.View, late bool, err error)
	// Debug does the same, and also returns the attempts.
	Debug(ctx context.Context, target string, limit time.Duration) (v *fleet.View, late bool, log []probe.Attempt, err error)
}

// textFormats are the formats of a probe. They exclude protobuf, which has an advantage
// only for histograms.
var textFormats = formats[:3]

// probeHandler serves the samples of one target, even if the target cannot be reached.
// With debug=true it serves them below a log of the probe, as plain text for people. It
// ignores other parameters, because users of Prometheus may add parameters to all of
// their jobs.
func probeHandler(o Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		target := query["target"]
		if err != nil || len(target) != 1 || target[0] == "" {
			writeText(w, http.StatusBadRequest, "Exactly one target is required: /probe?target=NAME, with the name of an upstream or a host:port that probe.allow lists.\n")
			return
		}
		format, ok := negotiate(w, r, textFormats)
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
			o.Log.Debug("Probe not completed", "client", r.RemoteAddr, "err", err)
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

// scrapeLimit returns the time that a scraper's timeout leaves for a probe: half a
// second less, or half of a timeout below a second. It returns 0 for a missing or
// invalid timeout.
func scrapeLimit(header string) time.Duration {
	const longest = 24 * 60 * 60
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
