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

// CertificateExpiry returns the earliest expiry of the certificates that the upstream
// sent in the last TLS handshake, whether it succeeded or not. It returns the zero time
// before the first handshake and for plain HTTP.
func (c *Client) CertificateExpiry() time.Time {
	if at := c.expiry.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// recordCertificates stores the earliest expiry of the certificates.
func (c *Client) recordCertificates(certificates []*x509.Certificate) {
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

// withTrace returns a context that makes a request record the certificates of its
// connection. They are the upstream's even if there is a proxy.
func (c *Client) withTrace(ctx context.Context) context.Context {
	if c.base.Scheme != "https" {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		if conn, ok := i.Conn.(*tls.Conn); ok {
			c.recordCertificates(conn.ConnectionState().PeerCertificates)
		}
	}})
}

// recordRejected records certificates that the verification rejected.
func (c *Client) recordRejected(err error) {
	var rejected *tls.CertificateVerificationError
	if errors.As(err, &rejected) {
		c.recordCertificates(rejected.UnverifiedCertificates)
	}
}

// recordHandshakes makes a transport record the certificates before the upstream can
// reject the client certificate, because a failed handshake leaves no connection to
// inspect. It does nothing for an https proxy, because handshakes with the proxy use the
// same TLS configuration.
func (c *Client) recordHandshakes(t *http.Transport, base *url.URL) {
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
		c.recordCertificates(s.PeerCertificates)
		return nil
	}
}
