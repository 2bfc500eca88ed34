package test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// authClient is a client of an exporter with access control. Each request uses a new
// connection.
type authClient struct {
	tls            *tls.Config
	user, password string
}

// get returns the response and its body.
func (c authClient) get(url string) (*http.Response, string, error) {
	transport := &http.Transport{TLSClientConfig: c.tls, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, "", err
	}
	if c.user != "" {
		request.SetBasicAuth(c.user, c.password)
	}
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// startSecured starts an exporter with one of the examples in examples/web, in a directory
// with the files that the example refers to. address (host and port) serves everything, and health
// (a base URL) only the health checks.
func startSecured(t *testing.T, example string, ca *fake.Certificate) (dir, address, health string) {
	t.Helper()
	dir = t.TempDir()
	replaceFile(t, filepath.Join(dir, example), examples(t)["web/"+example])
	writeCertificate(t, issueCertificate(ca), filepath.Join(dir, "exporter.crt"), filepath.Join(dir, "exporter.key"))
	replaceFile(t, filepath.Join(dir, "clients-ca.crt"), string(ca.PEM()))
	upstream := simulate(t, "v1")[0]
	// serve waits for the health address, which needs no password.
	_, urls := serve(t, loopback, "/-/ready", binary, func(port string) []string {
		address = "127.0.0.1:" + freePort(t, loopback)
		return []string{
			"--betanet.url=" + upstream, "--web.listen-address=" + address, "--web.health-address=127.0.0.1:" + port,
			"--web.config.file=" + filepath.Join(dir, example),
		}
	})
	return dir, address, urls[0]
}

func TestTLSExampleReloadsCertificates(t *testing.T) {
	ca := newCA()
	dir, address, _ := startSecured(t, "tls.yml", ca)
	c := authClient{tls: &tls.Config{RootCAs: ca.Pool()}}
	first, body, err := c.get("https://" + address + "/metrics")
	if err != nil || first.StatusCode != http.StatusOK || !strings.Contains(body, "betanet_up 1") {
		t.Fatalf("got %v, %v:\n%.300s", first, err, body)
	}
	if first.ProtoMajor != 2 {
		t.Errorf("got %s, want HTTP/2", first.Proto)
	}
	if got := first.Header.Get("Strict-Transport-Security"); got == "" {
		t.Error("Strict-Transport-Security is missing")
	}
	page, body, err := c.get("https://" + address + "/")
	if err != nil || !strings.Contains(page.Header.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(body, "<h1>") {
		t.Errorf("the status page: got %v, %v", page, err)
	}
	if _, _, err := (authClient{tls: &tls.Config{RootCAs: newCA().Pool()}}).get("https://" + address + "/metrics"); err == nil {
		t.Error("a client that trusts another CA got a response")
	}
	if r, _, err := c.get("http://" + address + "/metrics"); err != nil || r.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS: got %v, %v, want status 400", r, err)
	}

	writeCertificate(t, issueCertificate(ca), filepath.Join(dir, "exporter.crt"), filepath.Join(dir, "exporter.key"))
	wait(t, "the new certificate", func() error {
		r, _, err := c.get("https://" + address + "/-/healthy")
		if err != nil {
			return err // the key is not replaced yet
		}
		if was, is := first.TLS.PeerCertificates[0].SerialNumber, r.TLS.PeerCertificates[0].SerialNumber; is.Cmp(was) == 0 {
			return fmt.Errorf("the serial number is still %v", is)
		}
		return nil
	})
}

func TestMutualTLSExampleRequiresACertificate(t *testing.T) {
	ca, others := newCA(), newCA()
	_, address, health := startSecured(t, "mutual-tls.yml", ca)
	with := func(pairs ...tls.Certificate) authClient {
		return authClient{tls: &tls.Config{RootCAs: ca.Pool(), Certificates: pairs}}
	}
	if r, body, err := with(issueCertificate(ca).Certificate).get("https://" + address + "/metrics"); err != nil || r.StatusCode != http.StatusOK || !strings.Contains(body, "betanet_up 1") {
		t.Errorf("with a certificate from our CA: got %v, %v", r, err)
	}
	for who, c := range map[string]authClient{"no certificate": with(), "a certificate from another CA": with(issueCertificate(others).Certificate)} {
		if r, _, err := c.get("https://" + address + "/metrics"); err == nil {
			t.Errorf("with %s: got status %s", who, r.Status)
		}
	}
	checkHealthAddress(t, health)
}

func TestPasswordExampleRequiresThePassword(t *testing.T) {
	ca := newCA()
	_, address, health := startSecured(t, "password.yml", ca)
	trust := &tls.Config{RootCAs: ca.Pool()}
	for _, path := range []string{"/metrics", "/", "/health", "/-/ready", "/api/v1/status", "/sd", "/probe?target=x", "/upstream/x", "/nowhere"} {
		for who, c := range map[string]authClient{"no password": {tls: trust}, "a wrong password": {trust, "prometheus", "change-you"}, "another user": {trust, "admin", "change-me"}} {
			if r, _, err := c.get("https://" + address + path); err != nil || r.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s with %s: got %v, %v, want status 401", path, who, r, err)
			}
		}
	}
	r, body, err := authClient{trust, "prometheus", "change-me"}.get("https://" + address + "/metrics")
	if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(body, "betanet_up 1") {
		t.Errorf("with the password: got %v, %v", r, err)
	}
	checkHealthAddress(t, health)
}

// checkHealthAddress checks that the health address serves health checks and nothing else.
func checkHealthAddress(t *testing.T, address string) {
	t.Helper()
	for path, want := range map[string]int{
		"/health": http.StatusOK, "/-/healthy": http.StatusOK, "/-/ready": http.StatusOK,
		"/metrics": http.StatusNotFound, "/": http.StatusNotFound, "/health/details": http.StatusNotFound, "/api/v1/status": http.StatusNotFound,
	} {
		if r, _, err := (authClient{}).get(address + path); err != nil || r.StatusCode != want {
			t.Errorf("%s at the health address: got %v, %v, want status %d", path, r, err, want)
		}
	}
}
