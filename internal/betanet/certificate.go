package betanet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
)

// CertificateExpiry returns when the first of the certificates expires that the
// upstream sent in the last TLS handshake, a failed one included. It is the zero
// time before the first, and for an upstream over plain HTTP.
func (c *Client) CertificateExpiry() time.Time {
	if at := c.expiry.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// sent notes the certificates that the upstream sent.
func (c *Client) sent(certificates []*x509.Certificate) {
	var first time.Time
	for _, cert := range certificates {
		if first.IsZero() || cert.NotAfter.Before(first) {
			first = cert.NotAfter
		}
	}
	if !first.IsZero() && !first.Equal(c.CertificateExpiry()) {
		c.expiry.Store(&first)
	}
}

// traced makes a request note the certificates of the connection that it gets,
// which is never the one with a proxy.
func (c *Client) traced(ctx context.Context) context.Context {
	if c.base.Scheme != "https" {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if conn, ok := i.Conn.(*tls.Conn); ok {
			c.sent(conn.ConnectionState().PeerCertificates)
		}
	}})
}

// refusedCertificates notes those that we refused ourselves.
func (c *Client) refusedCertificates(err error) {
	var refused *tls.CertificateVerificationError
	if errors.As(err, &refused) {
		c.sent(refused.UnverifiedCertificates)
	}
}

// watch makes a TLS configuration note the certificates before the upstream
// refuses ours, after which there is no connection to ask. A handshake with an
// https proxy uses the same configuration, so that it cannot be done there.
func (c *Client) watch(t *http.Transport, base *url.URL) {
	if base.Scheme != "https" {
		return
	}
	if t.Proxy != nil {
		if proxy, err := t.Proxy(&http.Request{URL: base}); err != nil || proxy != nil && proxy.Scheme == "https" {
			return
		}
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
	t.TLSClientConfig.VerifyConnection = func(s tls.ConnectionState) error {
		c.sent(s.PeerCertificates)
		return nil
	}
}
