package web

import (
	"fmt"
	"net/http"

	"github.com/prometheus/common/expfmt"

	"github.com/betanet/betanet_exporter/internal/exposition"
)

// formats are the formats of a scrape. A scraper that excludes text and accepts other
// formats only by a media range gets the first one that it accepts.
var formats = []expfmt.Format{expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtOpenMetrics_0_0_1, expfmt.FmtText, expfmt.FmtProtoDelim}

// metricsHandler serves the exposition in the format that the scraper prefers. With
// parameters name[] it serves only these families, as client_golang does.
func metricsHandler(o Options) http.Handler {
	return limitScrapes(o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		format, ok := negotiate(w, r, formats)
		if !ok {
			return
		}
		w.Header().Set("Content-Type", string(format))
		err := o.Registry.Write(w, expositionFormat(format), r.URL.Query()["name[]"]...)
		if err != nil {
			o.Log.Debug("Scrape not completed", "client", r.RemoteAddr, "err", err)
		}
	}))
}

func expositionFormat(f expfmt.Format) exposition.Format {
	switch f.FormatType() {
	case expfmt.TypeProtoDelim:
		return exposition.Protobuf
	case expfmt.TypeOpenMetrics:
		return exposition.OpenMetrics
	default:
		return exposition.Text
	}
}

// limitScrapes rejects a scrape immediately if MaxRequests scrapes are already running,
// so that no scrape waits for a slow one.
func limitScrapes(o Options, next http.Handler) http.Handler {
	if o.MaxRequests == 0 {
		return next
	}
	running := make(chan struct{}, o.MaxRequests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case running <- struct{}{}:
			defer func() { <-running }()
			next.ServeHTTP(w, r)
		default:
			o.Registry.Exporter.Rejected(exposition.RejectedMaxRequests)
			writeText(w, http.StatusServiceUnavailable, fmt.Sprintf("%d scrapes are already running, which is the limit of --web.max-requests. Try again.\n", o.MaxRequests))
		}
	})
}
