package fake

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"time"
)

// Certificate is a certificate with its key, for servers and clients. It may sign others.
type Certificate struct{ tls.Certificate }

// Issue creates a certificate for IP addresses and DNS names that is valid for the 24 hours before until. It is signed by
// another certificate, or by itself if by is nil.
func Issue(by *Certificate, until time.Time, names ...string) *Certificate {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:        true, BasicConstraintsValid: true,
	}
	for _, name := range names {
		template.Subject.CommonName = name
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	parent, signer, chain := template, any(key), [][]byte(nil)
	if by != nil {
		parent, signer, chain = by.Leaf, by.PrivateKey, by.Certificate.Certificate
	}
	der := must(x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer))
	return &Certificate{tls.Certificate{
		Certificate: append([][]byte{der}, chain...), PrivateKey: key, Leaf: must(x509.ParseCertificate(der)),
	}}
}

// must panics on an error that only a bug in this file can cause.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Config returns the configuration of a server with the certificate.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.Certificate}}
}

// Pool returns a pool that trusts c and the certificates that c signed.
func (c *Certificate) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c.Leaf)
	return p
}

// PEM returns the certificate without its issuers.
func (c *Certificate) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Leaf.Raw})
}

// Write writes the certificate and its key to files, replacing each atomically.
func (c *Certificate) Write(certFile, keyFile string) error {
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(c.PrivateKey))})
	return errors.Join(WriteFile(keyFile, key), WriteFile(certFile, c.PEM()))
}

// WriteFile replaces a file atomically. The new file has mode 0600.
func WriteFile(file string, text []byte) error {
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
