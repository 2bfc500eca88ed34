package test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// credentials has the credentials that the services of the example accept.
type credentials struct {
	mu                            sync.Mutex
	password, token, clientSecret string
	minSerial                     int64  // lowest serial number of an accepted client certificate
	issued                        string // current OAuth2 access token
}

func (c *credentials) set(change func(*credentials)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// accepts reports whether a request to a service has its credentials.
func (c *credentials) accepts(name string, r *http.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch name {
	case "password":
		user, password, _ := r.BasicAuth()
		return user == "exporter" && password == c.password
	case "token":
		return r.Header.Get("Authorization") == "Bearer "+c.token
	case "certificate":
		return len(r.TLS.VerifiedChains) > 0 && r.TLS.PeerCertificates[0].SerialNumber.Int64() >= c.minSerial
	case "oauth2":
		return c.issued != "" && r.Header.Get("Authorization") == "Bearer "+c.issued
	default:
		return true
	}
}

// issue responds with a token, valid for a second, in exchange for the client secret.
func (c *credentials) issue(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, secret, _ := r.BasicAuth(); id != "exporter" || secret != c.clientSecret {
		http.Error(w, `{"error": "invalid_client"}`, http.StatusUnauthorized)
		return
	}
	c.issued = fmt.Sprintf("issued-for-%s", c.clientSecret)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token": %q, "token_type": "Bearer", "expires_in": 1}`, c.issued)
}

// startTLS starts a TLS server that requires no client certificate, but verifies one that is sent.
func startTLS(t *testing.T, ca *fake.Certificate, h http.Handler) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{issueCertificate(ca).Certificate}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: ca.Pool()}
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// startProxy starts a proxy that connects to only one address and counts its connections.
func startProxy(t *testing.T, to string) (address string, used *atomic.Int64) {
	t.Helper()
	used = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != to {
			http.Error(w, "not allowed", http.StatusForbidden)
			return
		}
		server, err := net.Dial("tcp", to)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer server.Close()
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		used.Add(1)
		fmt.Fprint(client, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(server, client)
		io.Copy(client, server)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), used
}

// TestSecuredExampleAuthenticates runs services, in front of a simulator, that accept the
// credentials in the files of the example. Then they accept only new credentials, which the
// exporter must read from the replaced files without a reload.
func TestSecuredExampleAuthenticates(t *testing.T) {
	ca := newCA()
	simulator, err := url.Parse(simulate(t, "v1")[0])
	if err != nil {
		t.Fatal(err)
	}
	accepted := &credentials{password: "canary-password", token: "canary-token", clientSecret: "canary-client"}
	forward := httputil.NewSingleHostReverseProxy(simulator)
	names := []string{"password", "token", "certificate", "oauth2", "proxied"}
	text := examples(t)["secured/config.yml"]
	addresses := map[string]string{}
	for _, name := range names {
		addresses[name] = startTLS(t, ca, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !accepted.accepts(name, r) {
				http.Error(w, "not authenticated", http.StatusForbidden)
				return
			}
			forward.ServeHTTP(w, r)
		}))
		replaced := regexp.MustCompile(`(name: `+name+`\n    url: https://)\S+`).ReplaceAllString(text, "${1}"+addresses[name])
		if replaced == text {
			t.Fatalf("the example has no service %s", name)
		}
		text = replaced
	}
	proxy, used := startProxy(t, addresses["proxied"])
	for placeholder, address := range map[string]string{"10.0.0.5": startTLS(t, ca, http.HandlerFunc(accepted.issue)), "10.0.0.7:3128": proxy} {
		if !strings.Contains(text, placeholder) {
			t.Fatalf("the example has no %s", placeholder)
		}
		text = strings.ReplaceAll(text, placeholder, address)
	}

	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	writeSecrets := func() {
		accepted.mu.Lock()
		defer accepted.mu.Unlock()
		replaceFile(t, path("betanet.password"), accepted.password)
		replaceFile(t, path("betanet.token"), accepted.token)
		replaceFile(t, path("oauth2.secret"), accepted.clientSecret)
	}
	replaceFile(t, path("config.yml"), text)
	replaceFile(t, path("betanet-ca.crt"), string(ca.PEM()))
	writeCertificate(t, issueCertificate(ca), path("exporter.crt"), path("exporter.key"))
	writeSecrets()
	p, base := startExporter(t, "--config.file="+path("config.yml"), "--collect.interval=1s", "--log.level=debug",
		"--breaker.failures=1000000", "--betanet.api=v1")
	waitUp := func(want ...string) {
		t.Helper()
		waitForBody(t, fmt.Sprintf("%v are up", want), base+"/metrics", func(text string) error {
			var got []string
			for _, m := range regexp.MustCompile(`(?m)^betanet_up{upstream="(\w+)"} 1$`).FindAllStringSubmatch(text, -1) {
				got = append(got, m[1])
			}
			if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				return fmt.Errorf("%v are up", got)
			}
			return nil
		})
	}
	waitUp(names...)
	if used.Load() == 0 {
		t.Error("the proxy was not used")
	}

	next := issueCertificate(ca)
	accepted.set(func(c *credentials) {
		c.password, c.token, c.clientSecret = "canary-password-2", "canary-token-2", "canary-client-2"
		c.issued, c.minSerial = "", next.Leaf.SerialNumber.Int64()
	})
	waitUp("proxied")
	metrics := mustGet(t, base+"/metrics")
	for _, name := range names[:4] {
		if want := fmt.Sprintf(`betanet_exporter_endpoint_failing{endpoint="metrics",reason="auth",upstream=%q} 1`, name); !strings.Contains(metrics, want) {
			t.Errorf("%s is missing", want)
		}
	}
	writeSecrets()
	writeCertificate(t, next, path("exporter.crt"), path("exporter.key"))
	waitUp(names...)

	for _, path := range []string{"/metrics", "/", "/api/v1/status", "/upstream/password", "/upstream/oauth2", "/health/details"} {
		if body, err := get(base + path); err != nil || strings.Contains(body, "canary") {
			t.Errorf("%s shows a secret or cannot be fetched: %v", path, err)
		}
	}
	if p.log.Contains("canary") {
		t.Errorf("the log shows a secret:\n%s", &p.log)
	}
}
