package betanet

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/prometheus/common/config"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// expiryAfter returns CertificateExpiry after one attempt.
func expiryAfter(t *testing.T, base string, h *HTTPConfig) (time.Time, *Failure) {
	t.Helper()
	c := newClient(t, base, h, options())
	if got := c.CertificateExpiry(); !got.IsZero() {
		t.Errorf("before the first handshake: got %v, want none", got)
	}
	_, f := c.Fetch(t.Context(), Metrics, false)
	return c.CertificateExpiry(), f
}

func reasonIn(f *Failure) Reason {
	if f == nil {
		return ""
	}
	return f.Reason
}

func trust(c *fake.Certificate) *HTTPConfig {
	return &HTTPConfig{TLSConfig: config.TLSConfig{CA: string(c.PEM())}}
}

// serving returns the configuration of a server with the certificate.
func serving(c *fake.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.Certificate}}
}

func TestCertificateExpiryIsTheEarliest(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	root := fake.Issue(nil, now.Add(20*time.Hour), "root")
	leaf := fake.Issue(root, now.Add(10*time.Hour), "127.0.0.1")
	intermediate := fake.Issue(root, now.Add(5*time.Hour), "intermediate")
	chained := fake.Issue(intermediate, now.Add(10*time.Hour), "127.0.0.1")
	expired := fake.Issue(root, now.Add(-time.Hour), "127.0.0.1")
	other := fake.Issue(root, now.Add(7*time.Hour), "elsewhere")
	requiresCertificate := func(version uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{leaf.Certificate}, ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version}
	}
	for name, c := range map[string]struct {
		server *tls.Config
		client *HTTPConfig
		want   time.Time
		reason Reason
	}{
		"valid":                              {serving(leaf), trust(root), leaf.Leaf.NotAfter, ""},
		"an intermediate that expires first": {serving(chained), trust(root), intermediate.Leaf.NotAfter, ""},
		"expired":                            {serving(expired), trust(root), expired.Leaf.NotAfter, ReasonTLS},
		"another name":                       {serving(other), trust(root), other.Leaf.NotAfter, ReasonTLS},
		"unknown authority":                  {serving(leaf), nil, leaf.Leaf.NotAfter, ReasonTLS},
		"not verified":                       {serving(expired), &HTTPConfig{TLSConfig: config.TLSConfig{InsecureSkipVerify: true}}, expired.Leaf.NotAfter, ""},
		"a client certificate, TLS 1.2":      {requiresCertificate(tls.VersionTLS12), trust(root), leaf.Leaf.NotAfter, ReasonTLS},
		"a client certificate, TLS 1.3":      {requiresCertificate(tls.VersionTLS13), trust(root), leaf.Leaf.NotAfter, ReasonTLS},
		"no common TLS version":              {&tls.Config{Certificates: []tls.Certificate{leaf.Certificate}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, trust(root), time.Time{}, ReasonTLS},
		"expired, unknown authority":         {serving(expired), nil, expired.Leaf.NotAfter, ReasonTLS},
	} {
		t.Run(name, func(t *testing.T) {
			got, f := expiryAfter(t, serveTLS(t, c.server, nil).URL, c.client)
			if !got.Equal(c.want) || reasonIn(f) != c.reason {
				t.Errorf("got %v and failure %v, want %v and reason %q", got, f, c.want, c.reason)
			}
		})
	}
}

func TestPlainHTTPHasNoCertificateExpiry(t *testing.T) {
	base, _ := serve(t, healthy)
	if got, _ := expiryAfter(t, base, nil); !got.IsZero() {
		t.Errorf("got %v, want none", got)
	}
}

// The expiry is kept during an outage. A new certificate replaces it, even if it expires
// earlier.
func TestOnlyTheLastCertificatesCount(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	root := fake.Issue(nil, now.Add(20*time.Hour), "root")
	var current *fake.Certificate
	s := serveTLS(t, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return serving(current), nil }}, nil)
	c := newClient(t, s.URL, trust(root), options())
	for _, hours := range []time.Duration{5, 10, 3} {
		current = fake.Issue(root, now.Add(hours*time.Hour), "127.0.0.1")
		if _, f := c.Fetch(t.Context(), Metrics, true); f != nil {
			t.Fatal(f)
		}
		if got := c.CertificateExpiry(); !got.Equal(current.Leaf.NotAfter) {
			t.Errorf("got %v, want %v", got, current.Leaf.NotAfter)
		}
	}
	s.Close()
	if _, f := c.Fetch(t.Context(), Metrics, true); reasonIn(f) != ReasonConnect {
		t.Fatalf("got %v, want reason connect", f)
	}
	if got := c.CertificateExpiry(); !got.Equal(current.Leaf.NotAfter) {
		t.Errorf("got %v during an outage, want %v", got, current.Leaf.NotAfter)
	}
}

func TestTheCertificatesOfAProxyDoNotCount(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	root := fake.Issue(nil, now.Add(20*time.Hour), "root")
	leaf := fake.Issue(root, now.Add(10*time.Hour), "127.0.0.1")
	upstream := serveTLS(t, serving(leaf), nil)
	proxy := serveTLS(t, serving(fake.Issue(root, now.Add(time.Hour), "127.0.0.1")), tunnel)
	h := trust(root)
	h.ProxyConfig.ProxyURL = config.URL{URL: parseURL(t, proxy.URL)}
	if got, f := expiryAfter(t, upstream.URL, h); f != nil || !got.Equal(leaf.Leaf.NotAfter) {
		t.Errorf("got %v and failure %v, want %v", got, f, leaf.Leaf.NotAfter)
	}
	upstream.Close()
	if got, f := expiryAfter(t, upstream.URL, h); f == nil || !got.IsZero() {
		t.Errorf("got %v and failure %v, want none from an unreachable upstream", got, f)
	}
}
