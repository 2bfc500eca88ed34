package web

import (
	"net/http"
	"strings"
)

// relativeRedirects makes the redirects of a mux relative, so that they work behind a
// reverse proxy that adds a path prefix.
func relativeRedirects(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(&redirectWriter{w, rootFrom(r.URL.EscapedPath())}, r)
	})
}

// redirectWriter makes a Location that begins with / relative.
type redirectWriter struct {
	http.ResponseWriter
	root string
}

func (w *redirectWriter) WriteHeader(code int) {
	if to, ok := strings.CutPrefix(w.Header().Get("Location"), "/"); ok {
		w.Header().Set("Location", w.root+"./"+to)
	}
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap makes the writer work with http.ResponseController.
func (w *redirectWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
