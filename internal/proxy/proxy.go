// Package proxy distinguishes failures of a proxy from failures of the server behind
// it. net/http does not: its error for a 403 in response to CONNECT has only the text
// "Forbidden". The tests of package betanet cover this package.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// Error reports that a proxy could not be reached or did not connect to the server.
type Error struct {
	Proxy  string // host:port
	Status int    // of the response to CONNECT, 0 if there was none
	Err    error  // nil if the proxy responded with Status
}

// Error describes the failure, without credentials and without text from the proxy.
func (e *Error) Error() string {
	if e.Err == nil {
		return strings.TrimSpace(fmt.Sprintf("proxy %s responded to CONNECT with status %d %s", e.Proxy, e.Status, http.StatusText(e.Status)))
	}
	return fmt.Sprintf("proxy %s: %v", e.Proxy, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the proxy timed out.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// Wrap returns a round tripper over t that reports a failure of its proxy as *Error.
// It sets hooks of t, which must not be in use. It returns t itself if t has no proxy.
//
// For plain HTTP, the response of an HTTP proxy cannot be distinguished from the
// server's.
func Wrap(t *http.Transport) http.RoundTripper {
	if t.Proxy == nil {
		return t
	}
	choose, header := t.Proxy, t.ProxyConnectHeader
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		u, err := choose(r)
		if a := attemptOf(r.Context()); a != nil {
			a.proxy.Store(u)
			a.connecting.Store(false)
		}
		return u, err
	}
	t.GetProxyConnectHeader = func(ctx context.Context, _ *url.URL, _ string) (http.Header, error) {
		if a := attemptOf(ctx); a != nil {
			a.connecting.Store(true)
		}
		return header, nil
	}
	t.OnProxyConnectResponse = func(ctx context.Context, u *url.URL, _ *http.Request, response *http.Response) error {
		if response.StatusCode != http.StatusOK { // net/http accepts no other
			return &Error{Proxy: address(u), Status: response.StatusCode}
		}
		if a := attemptOf(ctx); a != nil {
			a.connecting.Store(false)
		}
		return nil
	}
	return &roundTripper{t}
}

type roundTripper struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (t *roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	a := new(attempt)
	response, err := t.Transport.RoundTrip(r.WithContext(context.WithValue(r.Context(), key{}, a)))
	if err != nil {
		return nil, a.explain(err)
	}
	return response, nil
}

// attempt is the state of one round trip. net/http may dial in another goroutine.
type attempt struct {
	proxy      atomic.Pointer[url.URL] // nil if no proxy is used
	connecting atomic.Bool             // CONNECT was sent and has no response yet
}

type key struct{}

func attemptOf(ctx context.Context) *attempt {
	a, _ := ctx.Value(key{}).(*attempt)
	return a
}

// explain returns an *Error if the proxy caused err, and err itself otherwise.
func (a *attempt) explain(err error) error {
	u := a.proxy.Load()
	var known *Error
	if u == nil || errors.As(err, &known) {
		return err
	}
	var op *net.OpError
	isOp := errors.As(err, &op)
	switch {
	case isOp && op.Op == "proxyconnect": // of net/http, for a proxy that cannot be reached
		return &Error{Proxy: address(u), Err: withoutAddress(op.Err)}
	case isOp && op.Op == "socks connect": // of its SOCKS client
		return &Error{Proxy: address(u), Err: fmt.Errorf("SOCKS: %w", withoutAddress(op.Err))}
	case a.connecting.Load():
		return &Error{Proxy: address(u), Err: withoutAddress(err)}
	default:
		return err
	}
}

// withoutAddress strips the addresses from an error, because Error names the proxy.
func withoutAddress(err error) error {
	if op, ok := err.(*net.OpError); ok {
		return op.Err
	}
	return err
}

// address returns the host and port of a proxy, with the default port of the scheme.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
