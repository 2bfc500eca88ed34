package betanet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/common/config"
)

// issued is a certificate with its key, and those that it was signed by.
type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	der  [][]byte
}

// issue makes a certificate for 127.0.0.1 and a DNS name; by is nil for a root.
func issue(t *testing.T, by *issued, until time.Time, name string) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{name},
	}
	if name == "127.0.0.1" {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	chain := [][]byte{der}
	if by != nil {
		chain = append(chain, by.der...)
	}
	return &issued{cert, key, chain}
}

func (i *issued) tls() tls.Certificate {
	return tls.Certificate{Certificate: i.der, PrivateKey: i.key}
}

func (i *issued) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.der[0]}))
}

// secured is an upstream over TLS.
func secured(t *testing.T, c *tls.Config) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(document(Metrics, nil)))
	}))
	s.TLS = c
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

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
	root := issue(t, nil, now.Add(20*time.Hour), "root")
	trust := func(i *issued) *HTTPConfig {
		return &HTTPConfig{TLSConfig: config.TLSConfig{CA: i.pem()}}
	}
	leaf := issue(t, root, now.Add(10*time.Hour), "127.0.0.1")
	intermediate := issue(t, root, now.Add(5*time.Hour), "intermediate")
	under := issue(t, intermediate, now.Add(10*time.Hour), "127.0.0.1")
	expired := issue(t, root, now.Add(-time.Hour), "127.0.0.1")
	other := issue(t, root, now.Add(7*time.Hour), "elsewhere")
	asks := func(version uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{leaf.tls()}, ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version}
	}
	plain := func(c *issued) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c.tls()}} }
	for name, c := range map[string]struct {
		server *tls.Config
		client *HTTPConfig
		want   time.Time
		reason Reason
	}{
		"valid":                           {plain(leaf), trust(root), leaf.cert.NotAfter, ""},
		"an intermediate that ends first": {plain(under), trust(root), intermediate.cert.NotAfter, ""},
		"expired":                         {plain(expired), trust(root), expired.cert.NotAfter, ReasonTLS},
		"another name":                    {plain(other), trust(root), other.cert.NotAfter, ReasonTLS},
		"unknown authority":               {plain(leaf), nil, leaf.cert.NotAfter, ReasonTLS},
		"not verified":                    {plain(expired), &HTTPConfig{TLSConfig: config.TLSConfig{InsecureSkipVerify: true}}, expired.cert.NotAfter, ""},
		"a client certificate, TLS 1.2":   {asks(tls.VersionTLS12), trust(root), leaf.cert.NotAfter, ReasonTLS},
		"a client certificate, TLS 1.3":   {asks(tls.VersionTLS13), trust(root), leaf.cert.NotAfter, ReasonTLS},
		"no certificate: versions differ": {&tls.Config{Certificates: []tls.Certificate{leaf.tls()}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, trust(root), time.Time{}, ReasonTLS},
		"without the operator's settings": {plain(expired), nil, expired.cert.NotAfter, ReasonTLS},
	} {
		t.Run(name, func(t *testing.T) {
			got, f := expiryAfter(t, secured(t, c.server).URL, c.client)
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
	root := issue(t, nil, now.Add(20*time.Hour), "root")
	var current *issued
	s := secured(t, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{current.tls()}}, nil
	}})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(u, &HTTPConfig{TLSConfig: config.TLSConfig{CA: root.pem()}}, options())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, hours := range []time.Duration{5, 10, 3} {
		current = issue(t, root, now.Add(hours*time.Hour), "127.0.0.1")
		if _, f := c.Fetch(t.Context(), Metrics, true); f != nil {
			t.Fatal(f)
		}
		if got := c.CertificateExpiry(); !got.Equal(current.cert.NotAfter) {
			t.Errorf("got %v, want %v", got, current.cert.NotAfter)
		}
	}
	s.Close()
	if _, f := c.Fetch(t.Context(), Metrics, true); failedFor(f) != ReasonConnect {
		t.Fatalf("got %v, want the upstream gone", f)
	}
	if got := c.CertificateExpiry(); !got.Equal(current.cert.NotAfter) {
		t.Errorf("got %v during an outage, want %v", got, current.cert.NotAfter)
	}
}

// The certificates of an https proxy are not the upstream's.
func TestTheCertificatesOfAProxyDoNotCount(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	root := issue(t, nil, now.Add(20*time.Hour), "root")
	leaf := issue(t, root, now.Add(10*time.Hour), "127.0.0.1")
	upstream := secured(t, &tls.Config{Certificates: []tls.Certificate{leaf.tls()}})
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
	proxy.TLS = &tls.Config{Certificates: []tls.Certificate{issue(t, root, now.Add(time.Hour), "127.0.0.1").tls()}}
	proxy.Config.ErrorLog = log.New(io.Discard, "", 0)
	proxy.StartTLS()
	defer proxy.Close()
	through := func(address string) *HTTPConfig {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return &HTTPConfig{
			TLSConfig:   config.TLSConfig{CA: root.pem()},
			ProxyConfig: config.ProxyConfig{ProxyURL: config.URL{URL: u}},
		}
	}
	got, f := expiryAfter(t, upstream.URL, through(proxy.URL))
	if f != nil || !got.Equal(leaf.cert.NotAfter) {
		t.Errorf("got %v and failure %v, want that of the upstream, %v", got, f, leaf.cert.NotAfter)
	}
	upstream.Close()
	if got, f := expiryAfter(t, upstream.URL, through(proxy.URL)); f == nil || !got.IsZero() {
		t.Errorf("got %v and failure %v, want none of an upstream that is gone", got, f)
	}
}
