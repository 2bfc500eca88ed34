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

// HTTPConfig is what an operator says about connections to an upstream:
// credentials, TLS, proxy and headers. Redirects are refused and HTTP/2 is off,
// whatever it says. Secrets in files are read anew when they change.
type HTTPConfig = config.HTTPClientConfig

// transport is how documents are asked for. Each endpoint has its own round
// tripper for the credentials, because that of OAuth2 is not safe for several
// requests at the same time; all share the connections of base.
type transport struct {
	base http.RoundTripper
	by   [NumEndpoints]http.RoundTripper
}

// newTransport makes a transport with our limits, under the TLS, the proxy and
// the credentials of the operator.
func newTransport(o Options, h *HTTPConfig, keep bool) (*transport, error) {
	base, err := newBase(h, o.watch, func() *http.Transport { return o.transport(keep) })
	if err != nil {
		return nil, err
	}
	t := &transport{base: base}
	for e := range t.by {
		t.by[e] = withCredentials(base, h)
	}
	return t, nil
}

// newBase makes a round tripper with the operator's TLS and proxy over what
// transport makes, again when a file of certificates has changed. It shows watch
// each transport before that is in use.
func newBase(h *HTTPConfig, watch func(*http.Transport), transport func() *http.Transport) (http.RoundTripper, error) {
	if h == nil {
		t := transport()
		watch(t)
		return t, nil
	}
	tlsConfig, err := config.NewTLSConfig(&h.TLSConfig)
	if err != nil {
		return nil, fmt.Errorf("tls_config: %w", err)
	}
	files := config.TLSRoundTripperSettings{CA: file(h.TLSConfig.CAFile), Cert: file(h.TLSConfig.CertFile), Key: file(h.TLSConfig.KeyFile)}
	rt, err := config.NewTLSRoundTripper(tlsConfig, files, func(c *tls.Config) (http.RoundTripper, error) {
		t := transport()
		p := h.ProxyConfig // a copy: common keeps something in it, and upstreams are compared
		t.TLSClientConfig, t.Proxy, t.ProxyConnectHeader = c, p.Proxy(), p.GetProxyConnectHeader()
		watch(t)
		return proxy.Wrap(t), nil
	})
	if err != nil {
		return nil, fmt.Errorf("tls_config: %w", err)
	}
	return rt, nil
}

// transport is net/http's, tuned for small answers of many upstreams.
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
		ReadBufferSize:         1 << 10, // documents are small, upstreams many
		WriteBufferSize:        1 << 10,
	}
}

// withCredentials puts the round trippers of common around ours, which read
// secrets of files at each request.
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
		o := *h.OAuth2 // as with the proxy
		key := secret(string(o.ClientSecret), o.ClientSecretFile)
		if o.GrantType == jwtBearer {
			key = secret(string(o.ClientCertificateKey), o.ClientCertificateKeyFile)
		}
		rt = config.NewOAuth2RoundTripper(key, &o, rt, config.WithDialContextFunc(proxy.Dial))
	}
	if h.HTTPHeaders != nil {
		p := h.ProxyConfig // as above
		rt = &headers{h.HTTPHeaders, p.Proxy(), rt}
	}
	return rt
}

// jwtBearer is the grant of RFC 7523, which signs with a key.
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

func secret(text, path string) config.SecretReader {
	if path != "" {
		return unmarked{config.NewFileSecret(path)}
	}
	return config.NewInlineSecret(text)
}

// file is nil, not a reader of nothing, where there is no file.
func file(path string) config.SecretReader {
	if path == "" {
		return nil
	}
	return config.NewFileSecret(path)
}

// HTTPClient returns a client for what is not an upstream, such as a list of
// them: with the operator's settings, nil for none, under a user agent, and
// without redirects. dial makes its connections, nil for the network's.
func HTTPClient(h *HTTPConfig, userAgent string, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*http.Client, error) {
	rt, err := newBase(h, func(*http.Transport) {}, func() *http.Transport { return Options{Dial: dial, IdleTimeout: 5 * time.Minute}.transport(true) })
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: config.NewUserAgentRoundTripper(userAgent, withCredentials(rt, h)), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}
