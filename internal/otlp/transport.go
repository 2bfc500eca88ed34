package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/config"

	"github.com/betanet/betanet_exporter/internal/proxy"
)

// TLS names the certificate and key files. They are read again when they change.
type TLS struct {
	CAFile            string // empty for the system's authorities
	CertFile, KeyFile string // both or neither
}

// recordingTransport adds the headers to each request and records its outcome. It is
// not safe for concurrent use.
type recordingTransport struct {
	next    http.RoundTripper
	headers func() (map[string]string, error)
	last    outcome

	deadline  time.Time // of the current push
	notBefore time.Time // end of the receiver's Retry-After
}

// errLater ends a push when Retry-After is later than its deadline.
var errLater = errors.New("the receiver's Retry-After is later than the deadline of this push")

// RoundTrip implements http.RoundTripper.
func (t *recordingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.last = outcome{}
	response, err := t.try(r)
	if err == nil {
		err = t.last.readResponse(response)
	}
	switch {
	case err == nil:
		return t.applyRetryAfter(response)
	case r.Context().Err() != nil:
		t.last.err = r.Context().Err() // err is the cause, with the SDK's text
	default:
		t.last.err = stableError(err)
	}
	return nil, err
}

// applyRetryAfter lets the SDK wait if Retry-After ends before the deadline of the push,
// and ends the push otherwise. The SDK itself does not limit Retry-After, and does not
// compare a date with the receiver's clock.
func (t *recordingTransport) applyRetryAfter(response *http.Response) (*http.Response, error) {
	response.Header.Del("Retry-After")
	if t.last.wait <= 0 {
		return response, nil
	}
	t.notBefore = time.Now().Add(t.last.wait)
	if !t.notBefore.Before(t.deadline) {
		_ = response.Body.Close()
		return nil, errLater
	}
	response.Header.Set("Retry-After", strconv.FormatInt(int64((t.last.wait+time.Second-1)/time.Second), 10))
	return response, nil
}

// try sends a request with the configured headers.
func (t *recordingTransport) try(r *http.Request) (*http.Response, error) {
	headers, err := t.headers()
	if err != nil {
		_ = r.Body.Close()
		return nil, err
	}
	r = r.Clone(r.Context())
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	return t.next.RoundTrip(r)
}

// stableError removes the local port and the time of day from a connection error, so
// that failures for the same reason have the same text.
func stableError(err error) error {
	var (
		invalid x509.CertificateInvalidError
		dns     *net.DNSError
		op      *net.OpError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errors.New("x509: certificate has expired or is not yet valid")
	case errors.As(err, &dns) && dns.IsTimeout:
		return fmt.Errorf("lookup %s: no answer in time", dns.Name)
	case errors.As(err, &op) && op.Source != nil && op.Op != "dial":
		return op.Err
	default:
		return err
	}
}

// newTransport returns a transport, or an error if its files cannot be used. The
// transport reads the files again before each request, and makes new connections if they
// have changed.
func newTransport(files TLS) (http.RoundTripper, error) {
	c, err := config.NewTLSConfig(&config.TLSConfig{
		CAFile: files.CAFile, CertFile: files.CertFile, KeyFile: files.KeyFile, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		return nil, err
	}
	reloaded := config.TLSRoundTripperSettings{CA: fileSecret(files.CAFile), Cert: fileSecret(files.CertFile), Key: fileSecret(files.KeyFile)}
	return config.NewTLSRoundTripper(c, reloaded, func(c *tls.Config) (http.RoundTripper, error) {
		base := http.DefaultTransport.(*http.Transport).Clone()
		base.TLSClientConfig, base.Proxy = c, proxyOf
		return proxy.Wrap(base), nil
	})
}

// fileSecret returns a reader of a file, nil if path is empty.
func fileSecret(path string) config.SecretReader {
	if path == "" {
		return nil
	}
	return config.NewFileSecret(path)
}

// proxyOf returns the proxy that the environment sets for a request. It replaces the
// errors of net/http, which quote the variable and may therefore contain a password.
func proxyOf(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("HTTP_PROXY or HTTPS_PROXY is not a valid proxy URL")
	}
	return u, nil
}
