package otlp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates, those of a server on loopback and of clients.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	cert, key := a.sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.cert, a.key = cert, key
	return a
}

// sign makes a certificate with its key, signed by itself where there is no
// authority yet.
func (a *authority) sign(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "test"}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed, key
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// server is a receiver that has a certificate of the authority, and wants one of
// clients.
func (a *authority) server(r *receiver, clients *authority) *url.URL {
	a.t.Helper()
	cert, key := a.sign(&x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	s := httptest.NewUnstartedServer(r)
	s.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: clients.pool(),
	}
	s.Config.ErrorLog = nil
	s.StartTLS()
	a.t.Cleanup(s.Close)
	u, err := url.Parse(s.URL + "/v1/metrics")
	if err != nil {
		a.t.Fatal(err)
	}
	return u
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// write writes the certificate of a client of the authority.
func (a *authority) write(files TLS) {
	a.t.Helper()
	cert, key := a.sign(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	writePEM(a.t, files.CertFile, "CERTIFICATE", cert.Raw)
	writePEM(a.t, files.KeyFile, "PRIVATE KEY", der)
}

// TestTLSFilesAreReadAgainWhenTheyChange moves a receiver from one authority to
// another, and the client's certificate too.
func TestTLSFilesAreReadAgainWhenTheyChange(t *testing.T) {
	dir := t.TempDir()
	files := TLS{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	before, after := newAuthority(t), newAuthority(t)
	writePEM(t, files.CAFile, "CERTIFICATE", before.cert.Raw)
	before.write(files)
	r := new(receiver)
	o := options(new(outcome))
	o.TLS, o.Endpoint = files, before.server(r, before)
	rt, err := newTransport(files)
	if err != nil {
		t.Fatal(err)
	}
	defer (&http.Client{Transport: rt}).CloseIdleConnections()
	if got := push(t, o, rt); got.Result != Success {
		t.Fatalf("with the first authority: %+v", got)
	}
	o.Endpoint = after.server(r, after)
	if got := push(t, o, rt); got.Result != Failure || !strings.Contains(got.Err.Error(), "certificate signed by unknown authority") {
		t.Errorf("with an authority that is not in the file: got %+v, want a failure", got)
	}
	writePEM(t, files.CAFile, "CERTIFICATE", after.cert.Raw)
	if got := push(t, o, rt); got.Result != Failure || !strings.Contains(got.Err.Error(), "tls: ") {
		t.Errorf("with the old certificate of the client: got %+v, want a failure", got)
	}
	after.write(files)
	if got := push(t, o, rt); got.Result != Success {
		t.Errorf("with the new authority and certificate: got %+v, want a success", got)
	}
	if n := len(r.asked()); n != 2 {
		t.Errorf("%d requests arrived, want 2", n)
	}
}

// A receiver that knows a connection by its certificate must not see the old one on
// a connection that was kept.
func TestAChangedCertificateIsUsedAtTheNextPush(t *testing.T) {
	dir := t.TempDir()
	files := TLS{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	a := newAuthority(t)
	writePEM(t, files.CAFile, "CERTIFICATE", a.cert.Raw)
	a.write(files)
	r, o := new(receiver), options(new(outcome))
	o.Endpoint = a.server(r, a)
	rt, err := newTransport(files)
	if err != nil {
		t.Fatal(err)
	}
	defer (&http.Client{Transport: rt}).CloseIdleConnections()
	var serials []*big.Int
	for range 2 {
		if got := push(t, o, rt); got.Result != Success {
			t.Fatalf("got %+v, want a success", got)
		}
		requests := r.asked()
		serials = append(serials, requests[len(requests)-1].TLS.PeerCertificates[0].SerialNumber)
		a.write(files)
	}
	if serials[0].Cmp(serials[1]) == 0 {
		t.Error("the second push had the certificate from before the change")
	}
}

// TestOptionsAloneDecide sets the variables that the SDK would read by itself:
// which of them hold is decided where all settings are.
func TestOptionsAloneDecide(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writePEM(t, ca, "CERTIFICATE", newAuthority(t).cert.Raw)
	for name, value := range map[string]string{
		"ENDPOINT": "https://elsewhere:1", "METRICS_ENDPOINT": "https://elsewhere:2/x", "HEADERS": "x-of-variable=1",
		"COMPRESSION": "gzip", "CERTIFICATE": ca, "INSECURE": "false", "TIMEOUT": "1",
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_"+name, value)
	}
	r := new(receiver)
	if got := push(t, options(new(outcome)), r); got.Result != Success {
		t.Fatal(got)
	}
	request := r.asked()[0]
	if got := request.URL.String(); got != "http://receiver/v1/metrics" {
		t.Errorf("pushed to %s", got)
	}
	if request.Header.Get("X-Of-Variable") != "" || request.Header.Get("Content-Encoding") != "" {
		t.Errorf("got headers %v, want none of the variables", request.Header)
	}
}

func TestFilesThatCannotBeUsedAreNamed(t *testing.T) {
	dir := t.TempDir()
	empty, none := filepath.Join(dir, "empty.pem"), filepath.Join(dir, "none")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, files := range map[string]TLS{
		"unable to read CA cert: unable to read file " + none + ": open " + none + ": no such file or directory":                                     {CAFile: none},
		"unable to use specified CA cert file " + empty:                                                                                              {CAFile: empty},
		"unable to use specified client cert (file " + empty + ") & key (file " + empty + "): tls: failed to find any PEM data in certificate input": {CertFile: empty, KeyFile: empty},
		"unable to read specified client cert: unable to read file " + none + ": open " + none + ": no such file or directory":                       {CertFile: none, KeyFile: empty},
	} {
		if _, err := newTransport(files); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
