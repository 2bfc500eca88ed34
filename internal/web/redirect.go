package web

import (
	"net/http"
	"strings"
)

// relativeRedirects makes the mux redirect by relative links, so that those work below
// a path of a reverse proxy as well.
func relativeRedirects(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(&redirectWriter{w, rootFrom(r.URL.EscapedPath())}, r)
	})
}

// redirectWriter replaces a Location that begins at the root.
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

// Unwrap is for http.ResponseController.
func (w *redirectWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
