package otlp

import (
	"crypto/tls"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// newCA returns a new certificate authority.
func newCA() *fake.Certificate { return fake.Issue(nil, time.Now().Add(time.Hour)) }

// serveTLS serves a receiver with a certificate issued by ca, and requires a client
// certificate issued by ca.
func serveTLS(t *testing.T, r *receiver, ca *fake.Certificate) *url.URL {
	t.Helper()
	s := httptest.NewUnstartedServer(r)
	s.TLS = fake.Issue(ca, time.Now().Add(time.Hour), "127.0.0.1").Config()
	s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool()
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL + "/v1/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// writeClientCert writes a new client certificate issued by ca.
func writeClientCert(t *testing.T, ca *fake.Certificate, files TLS) {
	t.Helper()
	if err := fake.Issue(ca, time.Now().Add(time.Hour)).Write(files.CertFile, files.KeyFile); err != nil {
		t.Fatal(err)
	}
}

// writeCA writes the certificate of ca to a file.
func writeCA(t *testing.T, path string, ca *fake.Certificate) {
	t.Helper()
	if err := fake.WriteFile(path, ca.PEM()); err != nil {
		t.Fatal(err)
	}
}

// clientTransport writes the files of a client that uses ca, and returns a transport that
// reads them.
func clientTransport(t *testing.T, ca *fake.Certificate) (TLS, http.RoundTripper) {
	t.Helper()
	dir := t.TempDir()
	files := TLS{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	writeCA(t, files.CAFile, ca)
	writeClientCert(t, ca, files)
	rt, err := newTransport(files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup((&http.Client{Transport: rt}).CloseIdleConnections)
	return files, rt
}

// TestTLSFilesAreReadAgainWhenTheyChange moves first the receiver and then the client
// to another authority.
func TestTLSFilesAreReadAgainWhenTheyChange(t *testing.T) {
	before, after := newCA(), newCA()
	files, rt := clientTransport(t, before)
	r := new(receiver)
	o := options(new(recorder))
	o.TLS, o.Endpoint = files, serveTLS(t, r, before)
	if got := push(t, o, rt); got.Result != Success {
		t.Fatalf("with the first authority: got %+v, want a success", got)
	}
	o.Endpoint = serveTLS(t, r, after)
	if got := push(t, o, rt); got.Result != Failure || !strings.Contains(got.Err.Error(), "certificate signed by unknown authority") {
		t.Errorf("with an authority that is not in the file: got %+v, want a failure", got)
	}
	writeCA(t, files.CAFile, after)
	if got := push(t, o, rt); got.Result != Failure || !strings.Contains(got.Err.Error(), "tls: ") {
		t.Errorf("with the old certificate of the client: got %+v, want a failure", got)
	}
	writeClientCert(t, after, files)
	if got := push(t, o, rt); got.Result != Success {
		t.Errorf("with the new authority and certificate: got %+v, want a success", got)
	}
	if n := len(r.allRequests()); n != 2 {
		t.Errorf("got %d requests, want 2", n)
	}
}

// A connection with the old certificate must not be reused.
func TestChangedCertificateIsUsedForTheNextPush(t *testing.T) {
	ca := newCA()
	files, rt := clientTransport(t, ca)
	r, o := new(receiver), options(new(recorder))
	o.Endpoint = serveTLS(t, r, ca)
	var serials []*big.Int
	for range 2 {
		if got := push(t, o, rt); got.Result != Success {
			t.Fatalf("got %+v, want a success", got)
		}
		requests := r.allRequests()
		serials = append(serials, requests[len(requests)-1].TLS.PeerCertificates[0].SerialNumber)
		writeClientCert(t, ca, files)
	}
	if serials[0].Cmp(serials[1]) == 0 {
		t.Error("the second push used the old certificate")
	}
}

// TestVariablesDoNotOverrideOptions sets the variables that the SDK reads. Only Settings
// decides which of them apply.
func TestVariablesDoNotOverrideOptions(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writeCA(t, ca, newCA())
	for name, value := range map[string]string{
		"ENDPOINT": "https://elsewhere:1", "METRICS_ENDPOINT": "https://elsewhere:2/x", "HEADERS": "x-from-variable=1",
		"COMPRESSION": "gzip", "CERTIFICATE": ca, "INSECURE": "false", "TIMEOUT": "1",
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_"+name, value)
	}
	r := new(receiver)
	if got := push(t, options(new(recorder)), r); got.Result != Success {
		t.Fatal(got)
	}
	request := r.allRequests()[0]
	if got := request.URL.String(); got != "http://receiver/v1/metrics" {
		t.Errorf("got a push to %s, want http://receiver/v1/metrics", got)
	}
	if request.Header.Get("X-From-Variable") != "" || request.Header.Get("Content-Encoding") != "" {
		t.Errorf("got headers %v, want none from the variables", request.Header)
	}
}

func TestErrorsNameTheUnusableFile(t *testing.T) {
	dir := t.TempDir()
	empty, missing := filepath.Join(dir, "empty.pem"), filepath.Join(dir, "none")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, files := range map[string]TLS{
		"unable to read CA cert: unable to read file " + missing + ": open " + missing + ": no such file or directory":                               {CAFile: missing},
		"unable to use specified CA cert file " + empty:                                                                                              {CAFile: empty},
		"unable to use specified client cert (file " + empty + ") & key (file " + empty + "): tls: failed to find any PEM data in certificate input": {CertFile: empty, KeyFile: empty},
		"unable to read specified client cert: unable to read file " + missing + ": open " + missing + ": no such file or directory":                 {CertFile: missing, KeyFile: empty},
	} {
		if _, err := newTransport(files); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
