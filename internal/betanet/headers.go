package betanet

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/common/config"
)

// HostHeader is the name of the header that net/http takes from Request.Host.
const HostHeader = "Host"

// headers is a round tripper that adds the configured headers to each request. Unlike
// the one in prometheus/common, it also sets Host.
type headers struct {
	config *config.Headers
	proxy  func(*http.Request) (*url.URL, error) // may be nil
	next   http.RoundTripper
}

func (h *headers) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, header := range h.config.Headers {
		values, err := headerValues(r.Context(), header)
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

// setHost sets the Host header. If the request is sent to a proxy, setHost also keeps
// the upstream in the request line, which net/http would otherwise take from the header.
func (h *headers) setHost(r *http.Request, host string) {
	if h.viaHTTPProxy(r) {
		u := *r.URL
		u.Opaque = "//" + u.Host + u.EscapedPath()
		r.URL = &u
	}
	r.Host = host
}

// viaHTTPProxy reports whether the request is sent to a proxy without a tunnel.
func (h *headers) viaHTTPProxy(r *http.Request) bool {
	if h.proxy == nil || r.URL.Scheme != "http" {
		return false
	}
	p, err := h.proxy(r)
	return err == nil && p != nil && strings.HasPrefix(p.Scheme, "http")
}

// CloseIdleConnections closes the idle connections of the next round tripper.
func (h *headers) CloseIdleConnections() {
	if rt, ok := h.next.(interface{ CloseIdleConnections() }); ok {
		rt.CloseIdleConnections()
	}
}

// headerValues returns the values of a header, with the current content of files.
func headerValues(ctx context.Context, h config.Header) ([]string, error) {
	values := slices.Clone(h.Values)
	for _, s := range h.Secrets {
		values = append(values, string(s))
	}
	for _, path := range h.Files {
		text, err := secret("", path).Fetch(ctx)
		if err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
		values = append(values, text)
	}
	return values, nil
}

// bomTrimmer reads a secret and removes the byte order mark that some editors write, and
// surrounding white space.
type bomTrimmer struct{ config.SecretReader }

func (b bomTrimmer) Fetch(ctx context.Context) (string, error) {
	text, err := b.SecretReader.Fetch(ctx)
	return strings.TrimSpace(strings.TrimPrefix(text, "\ufeff")), err
}
