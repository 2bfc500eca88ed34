package fake

import (
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
	"testing"
	"time"
)

func TestACertificateIsTrustedByWhatTrustsItsAuthority(t *testing.T) {
	authority := Issue(nil, time.Now().Add(time.Hour))
	leaf := Issue(authority, time.Now().Add(time.Hour), "127.0.0.1", "upstream.test")
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	if err := leaf.Write(cert, key); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "upstream.test"} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: authority.Pool(), DNSName: name}); err != nil {
			t.Errorf("%s: got %v, want it trusted", name, err)
		}
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: Issue(nil, time.Now().Add(time.Hour)).Pool()}); err == nil {
		t.Error("another authority trusts the certificate")
	}
	if err := leaf.Write(filepath.Join(cert, "none"), key); err == nil {
		t.Error("got no error for a file that cannot be written")
	}
}
