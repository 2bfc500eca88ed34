package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/status"
)

// statusRoutes adds the status pages and their JSON.
func statusRoutes(mux *http.ServeMux, m *status.Model, compress func(http.Handler) http.Handler) {
	get := func(path string, h http.HandlerFunc) { mux.Handle("GET "+path, compress(h)) }
	get("/{$}", func(w http.ResponseWriter, r *http.Request) {
		if page, err := m.IndexPage(r.URL.RawQuery, time.Now()); err != nil {
			badQuery(w, err)
		} else {
			writePage(w, page)
		}
	})
	get("/upstream/{name...}", func(w http.ResponseWriter, r *http.Request) {
		if page, ok := m.UpstreamPage(r.PathValue("name"), rootFrom(r.URL.EscapedPath()), time.Now()); !ok {
			noUpstream(w)
		} else {
			writePage(w, page)
		}
	})
	get("/api/v1/status", func(w http.ResponseWriter, r *http.Request) {
		if s, err := m.Status(r.URL.RawQuery, time.Now()); err != nil {
			badQuery(w, err)
		} else {
			writeJSON(w, http.StatusOK, s)
		}
	})
	get("/api/v1/status/history", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, m.FleetHistory(time.Now()))
	})
	get("/api/v1/status/upstream/{name...}", func(w http.ResponseWriter, r *http.Request) {
		if d, ok := m.Upstream(r.PathValue("name"), time.Now()); !ok {
			noUpstream(w)
		} else {
			writeJSON(w, http.StatusOK, d)
		}
	})
	// Health checks use this path, so its fields never grow.
	mux.HandleFunc("GET /health/details", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, m.Details(time.Now()))
	})
}

// rootFrom returns the relative path from a path to the root, so that links work below
// a path of a reverse proxy.
func rootFrom(path string) string { return strings.Repeat("../", max(0, strings.Count(path, "/")-1)) }

func badQuery(w http.ResponseWriter, err error) {
	writeText(w, http.StatusBadRequest, "Bad request: "+err.Error()+".\n")
}

func noUpstream(w http.ResponseWriter) {
	writeText(w, http.StatusNotFound, "There is no upstream with this name.\n")
}

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
