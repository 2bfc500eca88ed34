package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/status"
)

// statusRoutes adds the status pages and their JSON.
func statusRoutes(mux *http.ServeMux, m *status.Model, compress func(http.Handler) http.Handler) {
	get := func(path string, respond func(r *http.Request, now time.Time) (any, error)) {
		mux.Handle("GET "+path, compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			response, err := respond(r, time.Now())
			page, isPage := response.([]byte)
			switch {
			case errors.Is(err, status.ErrNoUpstream):
				writeText(w, http.StatusNotFound, "There is no upstream with this name.\n")
			case err != nil:
				writeText(w, http.StatusBadRequest, "Bad request: "+err.Error()+".\n")
			case isPage:
				writePage(w, page)
			default:
				writeJSON(w, http.StatusOK, response)
			}
		})))
	}
	get("/{$}", func(r *http.Request, now time.Time) (any, error) { return m.IndexPage(r.URL.RawQuery, now) })
	get("/upstream/{name...}", func(r *http.Request, now time.Time) (any, error) {
		return m.UpstreamPage(r.PathValue("name"), rootFrom(r.URL.EscapedPath()), now)
	})
	get("/api/v1/status", func(r *http.Request, now time.Time) (any, error) { return m.Status(r.URL.RawQuery, now) })
	get("/api/v1/status/history", func(_ *http.Request, now time.Time) (any, error) { return m.FleetHistory(now), nil })
	get("/api/v1/status/upstream/{name...}", func(r *http.Request, now time.Time) (any, error) { return m.Upstream(r.PathValue("name"), now) })
	// Health checks use this path, so it has only the fields that they need.
	mux.HandleFunc("GET /health/details", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, m.Details(time.Now()))
	})
}

// rootFrom returns the relative path from a path to the root, so that links work behind
// a reverse proxy that adds a path prefix.
func rootFrom(path string) string { return strings.Repeat("../", max(0, strings.Count(path, "/")-1)) }

// writePage sends a page, which may use only its own style and script.
func writePage(w http.ResponseWriter, page []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", status.Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(page) // the client may be gone
}
