package betanet

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/common/config"

	"github.com/betanet/betanet_exporter/internal/proxy"
)

// HTTPConfig configures credentials, TLS, proxy and headers. Its settings for
// redirects and HTTP/2 are ignored, and both are off. Files are reread when they change.
type HTTPConfig = config.HTTPClientConfig

// transport sends requests over the connections of base. Each endpoint has its own
// round tripper for credentials, because the one for OAuth2 is not safe for
// concurrent use.
type transport struct {
	base       http.RoundTripper
	byEndpoint [NumEndpoints]http.RoundTripper
}

func newTransport(o Options, h *HTTPConfig, keep bool) (*transport, error) {
	base, err := newBase(h, o.prepare, func() *http.Transport { return o.transport(keep) })
	if err != nil {
		return nil, err
	}
	t := &transport{base: base}
	for e := range t.byEndpoint {
		t.byEndpoint[e] = withCredentials(base, h)
	}
	return t, nil
}

// newBase returns a round tripper with the configured TLS and proxy. It creates a new
// transport when a certificate file has changed, and calls prepare for each transport.
func newBase(h *HTTPConfig, prepare func(*http.Transport), transport func() *http.Transport) (http.RoundTripper, error) {
	if h == nil {
		t := transport()
		prepare(t)
		return t, nil
	}
	tlsConfig, err := config.NewTLSConfig(&h.TLSConfig)
	if err != nil {
		return nil, fmt.Errorf("tls_config: %w", err)
	}
	files := config.TLSRoundTripperSettings{CA: file(h.TLSConfig.CAFile), Cert: file(h.TLSConfig.CertFile), Key: file(h.TLSConfig.KeyFile)}
	rt, err := config.NewTLSRoundTripper(tlsConfig, files, func(c *tls.Config) (http.RoundTripper, error) {
		t := transport()
		p := h.ProxyConfig // a copy, because p.Proxy changes it and reloads compare it
		t.TLSClientConfig, t.Proxy, t.ProxyConnectHeader = c, p.Proxy(), p.GetProxyConnectHeader()
		prepare(t)
		return proxy.Wrap(t), nil
	})
	if err != nil {
		return nil, fmt.Errorf("tls_config: %w", err)
	}
	return rt, nil
}

// transport returns a transport that is tuned for small responses from many upstreams.
func (o Options) transport(keep bool) *http.Transport {
	http1 := new(http.Protocols)
	http1.SetHTTP1(true)
	return &http.Transport{
		DialContext:            o.Dial,
		DisableKeepAlives:      !keep,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    int(NumEndpoints),
		IdleConnTimeout:        o.IdleTimeout,
		Protocols:              http1,
		ReadBufferSize:         1 << 10,
		WriteBufferSize:        1 << 10,
	}
}

// withCredentials wraps a round tripper to add credentials and headers. Files with
// secrets are read for each request.
func withCredentials(rt http.RoundTripper, h *HTTPConfig) http.RoundTripper {
	if h == nil {
		return rt
	}
	if a := h.Authorization; a != nil {
		rt = config.NewAuthorizationCredentialsRoundTripper(a.Type, secret(string(a.Credentials), a.CredentialsFile), rt)
	}
	if b := h.BasicAuth; b != nil {
		rt = config.NewBasicAuthRoundTripper(secret(b.Username, b.UsernameFile), secret(string(b.Password), b.PasswordFile), rt)
	}
	if h.OAuth2 != nil {
		o := *h.OAuth2 // a copy, as in newBase
		key := secret(string(o.ClientSecret), o.ClientSecretFile)
		if o.GrantType == jwtBearer {
			key = secret(string(o.ClientCertificateKey), o.ClientCertificateKeyFile)
		}
		rt = config.NewOAuth2RoundTripper(key, &o, rt, config.WithDialContextFunc(proxy.Dial))
	}
	if h.HTTPHeaders != nil {
		p := h.ProxyConfig // a copy, as in newBase
		rt = &headers{h.HTTPHeaders, p.Proxy(), rt}
	}
	return rt
}

// jwtBearer is the grant type of RFC 7523, in which the client signs with a key.
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// secret returns a reader of the file at path or, if path is empty, of text.
func secret(text, path string) config.SecretReader {
	if path != "" {
		return bomTrimmer{config.NewFileSecret(path)}
	}
	return config.NewInlineSecret(text)
}

// file returns a reader of a file, or nil for an empty path.
func file(path string) config.SecretReader {
	if path == "" {
		return nil
	}
	return config.NewFileSecret(path)
}

// HTTPClient returns a client for servers other than upstreams, such as http_sd
// servers. It follows no redirects. h and dial may be nil. HTTPClient returns an error if
// certificates cannot be read.
func HTTPClient(h *HTTPConfig, userAgent string, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*http.Client, error) {
	o := Options{Dial: dial, IdleTimeout: 5 * time.Minute}
	rt, err := newBase(h, func(*http.Transport) {}, func() *http.Transport { return o.transport(true) })
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Transport:     config.NewUserAgentRoundTripper(userAgent, withCredentials(rt, h)),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
