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

// authority returns a new certificate authority.
func authority() *fake.Certificate { return fake.Issue(nil, time.Now().Add(time.Hour)) }

// serveTLS serves a receiver with a certificate of the authority, and requires client
// certificates.
func serveTLS(t *testing.T, r *receiver, by *fake.Certificate) *url.URL {
	t.Helper()
	s := httptest.NewUnstartedServer(r)
	s.TLS = fake.Issue(by, time.Now().Add(time.Hour), "127.0.0.1").Config()
	s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, by.Pool()
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL + "/v1/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// writeClientCert writes a new client certificate of the authority.
func writeClientCert(t *testing.T, by *fake.Certificate, files TLS) {
	t.Helper()
	if err := fake.Issue(by, time.Now().Add(time.Hour)).Write(files.CertFile, files.KeyFile); err != nil {
		t.Fatal(err)
	}
}

// writeCA writes the certificate of an authority to a file.
func writeCA(t *testing.T, path string, by *fake.Certificate) {
	t.Helper()
	if err := fake.WriteFile(path, by.PEM()); err != nil {
		t.Fatal(err)
	}
}

// clientTransport writes the files of a client of the authority, and returns a transport
// that uses them.
func clientTransport(t *testing.T, by *fake.Certificate) (TLS, http.RoundTripper) {
	t.Helper()
	dir := t.TempDir()
	files := TLS{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	writeCA(t, files.CAFile, by)
	writeClientCert(t, by, files)
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
	before, after := authority(), authority()
	files, rt := clientTransport(t, before)
	r := new(receiver)
	o := options(new(recorder))
	o.TLS, o.Endpoint = files, serveTLS(t, r, before)
	if got := push(t, o, rt); got.Result != Success {
		t.Fatalf("with the first authority: %+v", got)
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
	a := authority()
	files, rt := clientTransport(t, a)
	r, o := new(receiver), options(new(recorder))
	o.Endpoint = serveTLS(t, r, a)
	var serials []*big.Int
	for range 2 {
		if got := push(t, o, rt); got.Result != Success {
			t.Fatalf("got %+v, want a success", got)
		}
		requests := r.allRequests()
		serials = append(serials, requests[len(requests)-1].TLS.PeerCertificates[0].SerialNumber)
		writeClientCert(t, a, files)
	}
	if serials[0].Cmp(serials[1]) == 0 {
		t.Error("the second push used the old certificate")
	}
}

// TestVariablesDoNotOverrideOptions sets the variables that the SDK reads. Only Settings
// decides which of them apply.
func TestVariablesDoNotOverrideOptions(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writeCA(t, ca, authority())
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
		t.Errorf("pushed to %s", got)
	}
	if request.Header.Get("X-From-Variable") != "" || request.Header.Get("Content-Encoding") != "" {
		t.Errorf("got headers %v, want none from the variables", request.Header)
	}
}

func TestErrorsNameTheUnusableFile(t *testing.T) {
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
