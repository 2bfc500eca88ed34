package betanet

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/prometheus/common/config"
)

// HostHeader is the header that net/http ignores among the others: it is the Host
// of the request.
const HostHeader = "Host"

// headers adds the operator's headers to each request. Unlike the round tripper of
// common it sets Host, too.
type headers struct {
	config *config.Headers
	proxy  func(*http.Request) (*url.URL, error) // nil for none
	next   http.RoundTripper
}

func (h *headers) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, header := range h.config.Headers {
		values, err := valuesOf(header)
		if err != nil {
			return nil, err
		}
		isHost := http.CanonicalHeaderKey(name) == HostHeader
		for _, v := range values {
			if isHost {
				h.setHost(r, v)
			} else {
				r.Header.Add(name, v)
			}
		}
	}
	return h.next.RoundTrip(r)
}

// setHost sets the Host header. A proxy finds the upstream by the URL in the
// request line, which net/http makes from the header if it is not given.
func (h *headers) setHost(r *http.Request, host string) {
	if h.viaHTTPProxy(r) {
		u := *r.URL
		u.Opaque = "//" + u.Host + u.EscapedPath()
		r.URL = &u
	}
	r.Host = host
}

// viaHTTPProxy reports whether the request itself, and not a tunnel, goes to a
// proxy.
func (h *headers) viaHTTPProxy(r *http.Request) bool {
	if h.proxy == nil || r.URL.Scheme != "http" {
		return false
	}
	p, err := h.proxy(r)
	return err == nil && p != nil && strings.HasPrefix(p.Scheme, "http")
}

// CloseIdleConnections closes those of the transport below.
func (h *headers) CloseIdleConnections() {
	if rt, ok := h.next.(interface{ CloseIdleConnections() }); ok {
		rt.CloseIdleConnections()
	}
}

// valuesOf returns the values of a header, those in files as they are now.
func valuesOf(h config.Header) ([]string, error) {
	values := append([]string(nil), h.Values...)
	for _, s := range h.Secrets {
		values = append(values, string(s))
	}
	for _, path := range h.Files {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("unable to read headers file %s: %w", path, err)
		}
		values = append(values, strings.TrimSpace(withoutMark(string(b))))
	}
	return values, nil
}

// withoutMark removes the byte order mark that some editors begin a file with.
func withoutMark(text string) string { return strings.TrimPrefix(text, "\ufeff") }

// unmarked is a secret in a file, without a byte order mark.
type unmarked struct{ config.SecretReader }

func (u unmarked) Fetch(ctx context.Context) (string, error) {
	text, err := u.SecretReader.Fetch(ctx)
	return strings.TrimSpace(withoutMark(text)), err
}
