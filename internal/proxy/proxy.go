// Package proxy distinguishes the failures of a proxy from those of the server
// behind it. net/http reports both alike: a proxy that answers CONNECT with 403
// is an error with the text "Forbidden" and nothing more.
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

// Error is a connection that a proxy did not provide. Its text names the proxy
// by host and port, never by its credentials.
type Error struct {
	Proxy  string // host:port
	Status int    // of the answer to CONNECT, 0 if there was none
	Err    error  // what went wrong, nil if the answer's status did
}

// Error returns a text without credentials and without words of the proxy.
func (e *Error) Error() string {
	if e.Err == nil {
		return strings.TrimSpace(fmt.Sprintf("proxy %s answered CONNECT with status %d %s", e.Proxy, e.Status, http.StatusText(e.Status)))
	}
	return fmt.Sprintf("proxy %s: %v", e.Proxy, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the proxy did not answer in time.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// Wrap returns a round tripper that makes requests with t and reports a failure
// of its proxy as *Error. It sets the hooks of t, which must not be in use yet. A
// transport without a proxy is returned as it is.
//
// A request over plain HTTP is sent to an HTTP proxy as to a server, so that the
// proxy's own answer cannot be distinguished from the server's.
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

// attempt is what is known of a request while it is made. The dial may run in
// another goroutine.
type attempt struct {
	proxy      atomic.Pointer[url.URL] // nil for none
	connecting atomic.Bool             // CONNECT is sent and not answered yet
}

type key struct{}

func attemptOf(ctx context.Context) *attempt {
	a, _ := ctx.Value(key{}).(*attempt)
	return a
}

// explain returns an *Error if it was the proxy that failed.
func (a *attempt) explain(err error) error {
	u := a.proxy.Load()
	var known *Error
	if u == nil || errors.As(err, &known) {
		return err
	}
	var op *net.OpError
	isOp := errors.As(err, &op)
	switch {
	case isOp && op.Op == "proxyconnect": // net/http's name for a proxy that cannot be reached
		return &Error{Proxy: address(u), Err: withoutAddress(op.Err)}
	case isOp && op.Op == "socks connect": // the name that its SOCKS client uses
		return &Error{Proxy: address(u), Err: fmt.Errorf("SOCKS: %w", withoutAddress(op.Err))}
	case a.connecting.Load():
		return &Error{Proxy: address(u), Err: withoutAddress(err)}
	default:
		return err
	}
}

// withoutAddress strips the addresses of a connection, because the text names
// the proxy already.
func withoutAddress(err error) error {
	if op, ok := err.(*net.OpError); ok {
		return op.Err
	}
	return err
}

// address returns host and port of a proxy.
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
