package otlp

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/config"

	"github.com/betanet/betanet_exporter/internal/proxy"
)

// TLS names the files that TLS needs beyond what the system knows. All are read
// again when they change.
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

// newTransport makes a transport whose files can be used now. Before a request it
// reads them again, and makes new connections if they have changed.
func newTransport(files TLS) (http.RoundTripper, error) {
	c, err := config.NewTLSConfig(&config.TLSConfig{
		CAFile: files.CAFile, CertFile: files.CertFile, KeyFile: files.KeyFile, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		return nil, err
	}
	reloaded := config.TLSRoundTripperSettings{CA: reader(files.CAFile), Cert: reader(files.CertFile), Key: reader(files.KeyFile)}
	return config.NewTLSRoundTripper(c, reloaded, func(c *tls.Config) (http.RoundTripper, error) {
		base := http.DefaultTransport.(*http.Transport).Clone()
		base.TLSClientConfig, base.Proxy = c, proxyOf
		return proxy.Wrap(base), nil
	})
}

// reader returns nil, not a reader of nothing, where there is no file.
func reader(path string) config.SecretReader {
	if path == "" {
		return nil
	}
	return config.NewFileSecret(path)
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
