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

// Limits of one answer.
const (
	maxBody   = 1 << 20
	maxHeader = 64 << 10
)

// Failure says why an attempt gave no document. Its text holds what the
// upstream sent only in quoted form.
type Failure struct {
	Reason     Reason
	Retry      bool   // another attempt in the same cycle makes sense
	Ignored    bool   // our own doing: the upstream is not to blame
	Status     int    // HTTP status, 0 if there was none
	RetryAfter string // the header's value, of 429 and 503 only
	Date       string // the answer's own Date, to which RetryAfter may refer
	Err        error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// AfterTrying returns the failure with what another endpoint answered in its
// place added to the text: that of an upstream whose API is being found out.
func (f *Failure) AfterTrying(e Endpoint, other *Failure) *Failure {
	both, err := *f, errors.Unwrap(other.Err) // without "fetch mixnodes"
	if err == nil {
		err = other.Err
	}
	both.Err = fmt.Errorf("%w; GET %s: %v", f.Err, e.Path(), err)
	return &both
}

// Options of a client.
type Options struct {
	UserAgent   string
	IdleTimeout time.Duration // how long a kept connection may rest
	// Dial makes the connections, and bounds one whose attempt has gone away; nil
	// for the network's, without a bound.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	watch func(*http.Transport)
}

// Client asks one upstream. It follows no redirect, uses only the proxy that
// the operator sets, asks for no compression and keeps connections of API v1 only. All methods may be called
// at the same time.
type Client struct {
	base     *url.URL
	path     string        // of base, without a slash at its end
	rawPath  string        // the same, escaped
	template *http.Request // of all requests, but for URL and context
	kept     *transport
	// fresh makes the transport for connections that are not kept, when the first
	// is needed: most upstreams never need one.
	fresh  func() (*transport, error)
	expiry atomic.Pointer[time.Time] // see CertificateExpiry
}

// NewClient makes the client of the upstream at base, whose path is kept, with
// what the operator says about connections, nil for nothing. The error is that
// of certificates that cannot be read.
func NewClient(base *url.URL, h *HTTPConfig, o Options) (*Client, error) {
	c := &Client{
		base: base, path: strings.TrimRight(base.Path, "/"), rawPath: strings.TrimRight(base.EscapedPath(), "/"),
		template: &http.Request{
			Method: http.MethodGet, Host: base.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Accept": {"application/json"}, "User-Agent": {o.UserAgent}},
		},
	}
	o.watch = func(t *http.Transport) { c.watch(t, base) }
	c.fresh = sync.OnceValues(func() (*transport, error) { return newTransport(o, h, false) })
	var err error
	c.kept, err = newTransport(o, h, true)
	return c, err
}

// request is that for the document of an endpoint.
func (c *Client) request(ctx context.Context, e Endpoint) *http.Request {
	u := *c.base
	u.Path, u.RawPath = c.path+e.Path(), c.rawPath+e.Path()
	r := c.template.WithContext(ctx)
	r.URL = &u
	return r
}

// Close drops the connections that rest; those in use end with their attempts.
func (c *Client) Close() {
	if rt, ok := c.kept.base.(interface{ CloseIdleConnections() }); ok {
		rt.CloseIdleConnections()
	}
}

// Fetch makes one attempt to get the document of an endpoint, within ctx from
// the dial to the last byte and its decoding; ctx has run out if its cause is
// context.DeadlineExceeded. With fresh it does not use a
// connection that was there before. Exactly one of the results is nil.
func (c *Client) Fetch(ctx context.Context, e Endpoint, fresh bool) (*Document, *Failure) {
	doc, o, h := c.try(ctx, e, fresh)
	if ctx.Err() == nil && o.err == nil && doc != nil {
		return doc, nil
	}
	if o.ctx = ctx.Err(); errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		o.ctx = context.DeadlineExceeded
	}
	v := classify(o)
	if v.reason == ReasonTLS {
		c.refusedCertificates(o.err)
	}
	f := &Failure{Reason: v.reason, Retry: v.retry, Ignored: v.ignored, Status: o.status, Err: o.err}
	switch {
	case v.reason == ReasonTimeout && o.ctx != nil:
		f.Err = errLate
	case v.reason == ReasonCanceled:
		f.Err = context.Cause(ctx)
	case f.Err == nil:
		f.Err = fmt.Errorf("HTTP status %d", o.status)
	}
	f.Err = fmt.Errorf("fetch %s: %w", e, f.Err)
	if o.status == http.StatusTooManyRequests || o.status == http.StatusServiceUnavailable {
		f.RetryAfter, f.Date = h.Get("Retry-After"), h.Get("Date")
	}
	return nil, f
}

var errLate = errors.New("no answer in time")

// Late is the failure of an attempt whose answer came, or was looked at, after
// its limit.
func Late(e Endpoint) *Failure {
	v := classify(observation{ctx: context.DeadlineExceeded})
	return &Failure{Reason: v.reason, Retry: v.retry, Ignored: v.ignored, Err: fmt.Errorf("fetch %s: %w", e, errLate)}
}

func (c *Client) try(ctx context.Context, e Endpoint, fresh bool) (*Document, observation, http.Header) {
	t := c.kept
	// A mixnodes server drops its connections unannounced; one is never kept.
	if fresh || e == Mixnodes {
		var err error
		if t, err = c.fresh(); err != nil {
			return nil, observation{err: err}, nil
		}
	}
	resp, err := t.by[e].RoundTrip(c.request(c.traced(ctx), e))
	if err != nil {
		return nil, observation{err: withoutEcho(err)}, nil
	}
	// Unread, and not drained: a connection that has more to say is dropped. A
	// 101's body is not bound to ctx, so that reading it could hang.
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, observation{status: resp.StatusCode}, resp.Header
	}
	doc, err := accept(e, resp)
	return doc, observation{status: resp.StatusCode, err: err}, resp.Header
}

// withoutEcho leaves of a token server's refusal only its status: its text is the
// server's, which may well repeat the secret that it was sent.
func withoutEcho(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return fmt.Errorf("oauth2: no token: HTTP status %d", refused.Response.StatusCode)
	}
	return err
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// accept reads and decodes the body of a 200.
func accept(e Endpoint, resp *http.Response) (*Document, error) {
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

func checkHeader(h http.Header) error {
	for _, coding := range h.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return refusal{ReasonEncoding, fmt.Sprintf("content encoding %.60q was not asked for", coding)}
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
