package betanet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// Limits of a response, in bytes.
const (
	maxBody   = 1 << 20
	maxHeader = 64 << 10
)

// Failure is the error of an attempt that returned no document. Text from the upstream is
// quoted in it.
type Failure struct {
	Reason     Reason
	Retry      bool   // another attempt in the same collection may succeed
	Ignored    bool   // caused by the exporter, not by the upstream
	Status     int    // HTTP status; 0 if there is none
	RetryAfter string // header Retry-After of a 429 or 503
	Date       string // header Date of the same response
	Err        error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// AfterTrying returns a copy of the failure whose text also has the error of another
// endpoint, for an upstream whose API is being detected.
func (f *Failure) AfterTrying(e Endpoint, other *Failure) *Failure {
	both, err := *f, errors.Unwrap(other.Err) // without "fetch mixnodes"
	if err == nil {
		err = other.Err
	}
	both.Err = fmt.Errorf("%w; GET %s: %v", f.Err, e.Path(), err)
	return &both
}

// Options configures a client.
type Options struct {
	UserAgent   string
	IdleTimeout time.Duration // closes connections that are idle for longer
	// Dial connects to the upstream. It needs its own timeout, because net/http lets a
	// dial continue after the attempt has ended. If nil, a dialer without a timeout is
	// used.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	prepare func(*http.Transport) // called for each new transport before it is used
}

// Client requests the documents of one upstream. It follows no redirects, uses only
// the configured proxy, requests no compression and keeps connections only for API
// v1. Its methods are safe for concurrent use.
type Client struct {
	base     *url.URL
	path     string        // of base, without a trailing slash
	rawPath  string        // escaped form of path
	template *http.Request // without URL and context
	kept     *transport    // keeps connections
	// fresh returns a transport that keeps no connections. It is created on first use,
	// because most upstreams never need it.
	fresh  func() (*transport, error)
	expiry atomic.Pointer[time.Time] // see CertificateExpiry
}

// NewClient returns a client for the upstream at base, which may have a path. h may be
// nil. NewClient returns an error if certificates cannot be read.
func NewClient(base *url.URL, h *HTTPConfig, o Options) (*Client, error) {
	c := &Client{
		base: base, path: strings.TrimRight(base.Path, "/"), rawPath: strings.TrimRight(base.EscapedPath(), "/"),
		template: &http.Request{
			Method: http.MethodGet, Host: base.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Accept": {"application/json"}, "User-Agent": {o.UserAgent}},
		},
	}
	o.prepare = func(t *http.Transport) { c.recordHandshakes(t, base) }
	c.fresh = sync.OnceValues(func() (*transport, error) { return newTransport(o, h, false) })
	var err error
	c.kept, err = newTransport(o, h, true)
	return c, err
}

// request returns a request for the document of an endpoint.
func (c *Client) request(ctx context.Context, e Endpoint) *http.Request {
	u := *c.base
	u.Path, u.RawPath = c.path+e.Path(), c.rawPath+e.Path()
	r := c.template.WithContext(ctx)
	r.URL = &u
	return r
}

// Close closes idle connections. Attempts in progress are not interrupted.
func (c *Client) Close() {
	if rt, ok := c.kept.base.(interface{ CloseIdleConnections() }); ok {
		rt.CloseIdleConnections()
	}
}

// Fetch makes one attempt to fetch and decode the document of an endpoint. If ctx ends
// with the cause context.DeadlineExceeded, the attempt has timed out; with any other
// cause it was canceled. If fresh is set, Fetch uses a new connection. Exactly one of the
// results is nil.
func (c *Client) Fetch(ctx context.Context, e Endpoint, fresh bool) (*Document, *Failure) {
	doc, o, h := c.try(ctx, e, fresh)
	if ctx.Err() == nil && o.err == nil && doc != nil {
		return doc, nil
	}
	if o.ctx = ctx.Err(); errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		o.ctx = context.DeadlineExceeded
	}
	f := newFailure(e, o, context.Cause(ctx))
	if f.Reason == ReasonTLS {
		c.recordRejected(o.err)
	}
	if o.status == http.StatusTooManyRequests || o.status == http.StatusServiceUnavailable {
		f.RetryAfter, f.Date = h.Get("Retry-After"), h.Get("Date")
	}
	return nil, f
}

// newFailure classifies a failed attempt. cause is used only if the attempt was canceled.
func newFailure(e Endpoint, o observation, cause error) *Failure {
	v := classify(o)
	err := o.err
	switch {
	case v.reason == ReasonTimeout && o.ctx != nil:
		err = errors.New("no answer in time")
	case v.reason == ReasonCanceled:
		err = cause
	case err == nil:
		err = fmt.Errorf("HTTP status %d", o.status)
	}
	return &Failure{Reason: v.reason, Retry: v.retry, Ignored: v.ignored, Status: o.status, Err: fmt.Errorf("fetch %s: %w", e, err)}
}

// Late returns the failure of an attempt whose response was handled after its timeout.
func Late(e Endpoint) *Failure {
	return newFailure(e, observation{ctx: context.DeadlineExceeded}, nil)
}

// try makes an attempt. The header is nil if there was no response.
func (c *Client) try(ctx context.Context, e Endpoint, fresh bool) (*Document, observation, http.Header) {
	t := c.kept
	// A mixnodes server closes its connections without notice.
	if fresh || e == Mixnodes {
		var err error
		if t, err = c.fresh(); err != nil {
			return nil, observation{err: err}, nil
		}
	}
	resp, err := t.byEndpoint[e].RoundTrip(c.request(c.withTrace(ctx), e))
	if err != nil {
		return nil, observation{err: redact(err)}, nil
	}
	// Do not drain the body: the body of a 101 ignores ctx, so reading it could hang.
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, observation{status: resp.StatusCode}, resp.Header
	}
	doc, err := readDocument(e, resp)
	return doc, observation{status: resp.StatusCode, err: err}, resp.Header
}

// redact removes the response body from the error of a token server, because it may
// repeat the secret.
func redact(err error) error {
	var rejected *oauth2.RetrieveError
	if errors.As(err, &rejected) && rejected.Response != nil {
		return fmt.Errorf("oauth2: no token: HTTP status %d", rejected.Response.StatusCode)
	}
	return err
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readDocument reads and decodes the body of a response with status 200.
func readDocument(e Endpoint, resp *http.Response) (*Document, error) {
	if err := checkHeader(resp.Header); err != nil {
		return nil, err
	}
	if resp.ContentLength > maxBody {
		return nil, refusal{ReasonTooLarge, fmt.Sprintf("body of %d bytes, at most %d are accepted", resp.ContentLength, maxBody)}
	}
	b := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(b)
	b.Reset()
	if _, err := b.ReadFrom(io.LimitReader(resp.Body, maxBody+1)); err != nil {
		return nil, err
	}
	if b.Len() > maxBody {
		return nil, refusal{ReasonTooLarge, fmt.Sprintf("body over %d bytes", maxBody)}
	}
	return Decode(e, b.Bytes())
}

// checkHeader returns an error if the body is not declared as uncompressed JSON in UTF-8.
func checkHeader(h http.Header) error {
	for _, coding := range h.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return refusal{ReasonEncoding, fmt.Sprintf("content encoding %.60q was not requested", coding)}
		}
	}
	ct := h.Get("Content-Type")
	if ct == "" || ct == "application/json" {
		return nil
	}
	mt, params, err := mime.ParseMediaType(ct)
	isJSON := mt == "application/json" || mt == "text/json" || strings.HasSuffix(mt, "+json")
	if err != nil || !isJSON {
		return refusal{ReasonContentType, fmt.Sprintf("content type %.60q is not JSON", ct)}
	}
	if cs, ok := params["charset"]; ok && !strings.EqualFold(cs, "utf-8") && !strings.EqualFold(cs, "utf8") {
		return refusal{ReasonContentType, fmt.Sprintf("charset %.60q is not UTF-8", cs)}
	}
	return nil
}
