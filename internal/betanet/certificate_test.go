package betanet

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/common/config"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// expiryAfter is what a client knows after one attempt.
func expiryAfter(t *testing.T, address string, h *HTTPConfig) (time.Time, *Failure) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(u, h, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if got := c.CertificateExpiry(); !got.IsZero() {
		t.Errorf("before the first handshake: got %v, want none", got)
	}
	_, f := c.Fetch(t.Context(), Metrics, false)
	return c.CertificateExpiry(), f
}

func failedFor(f *Failure) Reason {
	if f == nil {
		return ""
	}
	return f.Reason
}

func TestTheFirstCertificateToExpireIsKnown(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	root := fake.Issue(nil, now.Add(20*time.Hour), "root")
	trust := func(i *fake.Certificate) *HTTPConfig {
		return &HTTPConfig{TLSConfig: config.TLSConfig{CA: string(i.PEM())}}
	}
	leaf := fake.Issue(root, now.Add(10*time.Hour), "127.0.0.1")
	intermediate := fake.Issue(root, now.Add(5*time.Hour), "intermediate")
	under := fake.Issue(intermediate, now.Add(10*time.Hour), "127.0.0.1")
	expired := fake.Issue(root, now.Add(-time.Hour), "127.0.0.1")
	other := fake.Issue(root, now.Add(7*time.Hour), "elsewhere")
	asks := func(version uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{leaf.Certificate}, ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version}
	}
	plain := func(c *fake.Certificate) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{c.Certificate}}
	}
	for name, c := range map[string]struct {
		server *tls.Config
		client *HTTPConfig
		want   time.Time
		reason Reason
	}{
		"valid":                           {plain(leaf), trust(root), leaf.Leaf.NotAfter, ""},
		"an intermediate that ends first": {plain(under), trust(root), intermediate.Leaf.NotAfter, ""},
		"expired":                         {plain(expired), trust(root), expired.Leaf.NotAfter, ReasonTLS},
		"another name":                    {plain(other), trust(root), other.Leaf.NotAfter, ReasonTLS},
		"unknown authority":               {plain(leaf), nil, leaf.Leaf.NotAfter, ReasonTLS},
		"not verified":                    {plain(expired), &HTTPConfig{TLSConfig: config.TLSConfig{InsecureSkipVerify: true}}, expired.Leaf.NotAfter, ""},
		"a client certificate, TLS 1.2":   {asks(tls.VersionTLS12), trust(root), leaf.Leaf.NotAfter, ReasonTLS},
		"a client certificate, TLS 1.3":   {asks(tls.VersionTLS13), trust(root), leaf.Leaf.NotAfter, ReasonTLS},
		"no certificate: versions differ": {&tls.Config{Certificates: []tls.Certificate{leaf.Certificate}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, trust(root), time.Time{}, ReasonTLS},
		"without the operator's settings": {plain(expired), nil, expired.Leaf.NotAfter, ReasonTLS},
	} {
		t.Run(name, func(t *testing.T) {
			got, f := expiryAfter(t, overTLS(t, c.server).URL, c.client)
			if !got.Equal(c.want) || failedFor(f) != c.reason {
				t.Errorf("got %v and failure %v, want %v and reason %q", got, f, c.want, c.reason)
			}
		})
	}
}

func TestAnUpstreamOverPlainHTTPHasNoCertificate(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if got, _ := expiryAfter(t, s.URL, nil); !got.IsZero() {
		t.Errorf("got %v, want none", got)
	}
}

// The last value stays while the upstream cannot be reached, and a renewed
// certificate replaces it, also by one that ends earlier.
func TestTheLastCertificatesCount(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	root := fake.Issue(nil, now.Add(20*time.Hour), "root")
	var current *fake.Certificate
	s := overTLS(t, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{current.Certificate}}, nil
	}})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(u, &HTTPConfig{TLSConfig: config.TLSConfig{CA: string(root.PEM())}}, options())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
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
	if _, f := c.Fetch(t.Context(), Metrics, true); failedFor(f) != ReasonConnect {
		t.Fatalf("got %v, want the upstream gone", f)
	}
	if got := c.CertificateExpiry(); !got.Equal(current.Leaf.NotAfter) {
		t.Errorf("got %v during an outage, want %v", got, current.Leaf.NotAfter)
	}
}

// The certificates of an https proxy are not the upstream's.
func TestTheCertificatesOfAProxyDoNotCount(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	root := fake.Issue(nil, now.Add(20*time.Hour), "root")
	leaf := fake.Issue(root, now.Add(10*time.Hour), "127.0.0.1")
	upstream := overTLS(t, &tls.Config{Certificates: []tls.Certificate{leaf.Certificate}})
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer to.Close()
		w.WriteHeader(http.StatusOK)
		from, sent, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer from.Close()
		go io.Copy(to, sent) // with what the server has already read of it
		io.Copy(from, to)
	}))
	proxy.TLS = &tls.Config{Certificates: []tls.Certificate{fake.Issue(root, now.Add(time.Hour), "127.0.0.1").Certificate}}
	proxy.Config.ErrorLog = log.New(io.Discard, "", 0)
	proxy.StartTLS()
	defer proxy.Close()
	through := func(address string) *HTTPConfig {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return &HTTPConfig{
			TLSConfig:   config.TLSConfig{CA: string(root.PEM())},
			ProxyConfig: config.ProxyConfig{ProxyURL: config.URL{URL: u}},
		}
	}
	got, f := expiryAfter(t, upstream.URL, through(proxy.URL))
	if f != nil || !got.Equal(leaf.Leaf.NotAfter) {
		t.Errorf("got %v and failure %v, want that of the upstream, %v", got, f, leaf.Leaf.NotAfter)
	}
	upstream.Close()
	if got, f := expiryAfter(t, upstream.URL, through(proxy.URL)); f == nil || !got.IsZero() {
		t.Errorf("got %v and failure %v, want none of an upstream that is gone", got, f)
	}
}
