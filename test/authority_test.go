package test

import (
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// newCA is a certificate that signs others, good for an hour.
func newCA() *fake.Certificate { return fake.Issue(nil, time.Now().Add(time.Hour)) }

// issueCertificate is a certificate for servers on loopback and for clients alike.
func issueCertificate(by *fake.Certificate) *fake.Certificate {
	return fake.Issue(by, time.Now().Add(time.Hour), "127.0.0.1")
}

// writeCertificate writes a certificate into a file, and its key into another.
func writeCertificate(t *testing.T, c *fake.Certificate, certFile, keyFile string) {
	t.Helper()
	if err := c.Write(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
}

// replaceFile writes a file so that nobody sees half of it.
func replaceFile(t *testing.T, file, text string) {
	t.Helper()
	if err := fake.WriteFile(file, []byte(text)); err != nil {
		t.Fatal(err)
	}
}
