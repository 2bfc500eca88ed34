package otlp

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/proxy"
)

// TLS names the files that TLS needs beyond what the system knows. All are read
// anew when they change.
type TLS struct {
	CAFile            string // empty for the system's authorities
	CertFile, KeyFile string // both or none
}

// recordingTransport makes each request with the headers, and records how it
// ended. One push at a time uses it.
type recordingTransport struct {
	next    http.RoundTripper
	headers func() (map[string]string, error)
	last    answer

	until     time.Time // end of the push that is running
	notBefore time.Time // the receiver asked for no request before then
}

// errLater ends a push whose receiver asks for more patience than the push has.
var errLater = errors.New("the receiver asks to try again later than this push may take")

// RoundTrip implements http.RoundTripper.
func (t *recordingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.last = answer{}
	response, err := t.try(r)
	if err == nil {
		err = t.last.judge(response)
	}
	switch {
	case err == nil:
		return t.wait(response)
	case r.Context().Err() != nil:
		t.last.err = r.Context().Err() // err is its cause, in the words of the SDK
	default:
		t.last.err = stable(err)
	}
	return nil, err
}

// wait has a response's Retry-After obeyed: by the SDK, if the push may take that
// long, else by ending the push. The SDK neither bounds it nor takes a date
// relative to the receiver's clock.
func (t *recordingTransport) wait(response *http.Response) (*http.Response, error) {
	response.Header.Del("Retry-After")
	if t.last.wait <= 0 {
		return response, nil
	}
	t.notBefore = time.Now().Add(t.last.wait)
	if !t.notBefore.Before(t.until) {
		_ = response.Body.Close()
		return nil, errLater
	}
	response.Header.Set("Retry-After", strconv.FormatInt(int64((t.last.wait+time.Second-1)/time.Second), 10))
	return response, nil
}

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

// transport makes connections, with the authorities that stand in the file now.
type transport struct {
	files TLS

	mu   sync.Mutex
	pem  []byte // of the authorities in use
	base *http.Transport
	rt   http.RoundTripper // base, which distinguishes its proxy's failures
}

// newTransport makes a transport whose files can be used now.
func newTransport(files TLS) (*transport, error) {
	t := &transport{files: files}
	if files.CertFile != "" {
		if _, err := t.certificate(nil); err != nil {
			return nil, err
		}
	}
	_, err := t.current()
	return t, err
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	base, err := t.current()
	if err != nil {
		_ = r.Body.Close()
		return nil, err
	}
	return base.RoundTrip(r)
}

// current is the transport with the authorities of the file.
func (t *transport) current() (http.RoundTripper, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var pem []byte
	if t.files.CAFile != "" {
		var err error
		if pem, err = os.ReadFile(t.files.CAFile); err != nil {
			return nil, fmt.Errorf("certificate authorities: %w", err)
		}
	}
	if t.base != nil && bytes.Equal(pem, t.pem) {
		return t.rt, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.files.CAFile != "" {
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificate authorities: %s: holds no PEM certificate", t.files.CAFile)
		}
	}
	if t.files.CertFile != "" {
		c.GetClientCertificate = t.certificate
	}
	if t.base != nil {
		t.base.CloseIdleConnections()
	}
	t.pem, t.base = pem, http.DefaultTransport.(*http.Transport).Clone()
	t.base.TLSClientConfig, t.base.Proxy = c, proxyOf
	t.rt = proxy.Wrap(t.base)
	return t.rt, nil
}

// close closes connections that nobody uses any more.
func (t *transport) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.base.CloseIdleConnections()
}

// certificate reads the client's certificate, at each handshake.
func (t *transport) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(t.files.CertFile, t.files.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	return &c, nil
}

// proxyOf returns the proxy that the environment sets for a request. The library's
// errors quote the variable, which may hold a password.
func proxyOf(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("HTTP_PROXY or HTTPS_PROXY is not a valid URL of a proxy")
	}
	return u, nil
}
