package betanet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
)

// proxySecret is the password of every proxy in these tests. No text may show it.
const proxySecret = "s3cr3t-canary"

// throughProxy makes the client of an upstream behind a proxy that trusts every
// certificate.
func throughProxy(t *testing.T, upstream, proxy string) *Client {
	t.Helper()
	return clientOf(t, upstream, &HTTPConfig{
		ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, proxy)},
		TLSConfig:   config.TLSConfig{InsecureSkipVerify: true},
	})
}

func clientOf(t *testing.T, upstream string, h *HTTPConfig) *Client {
	t.Helper()
	base, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(base, h, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// proxyURL is the URL of a proxy with credentials in it.
func proxyURL(t *testing.T, base string) config.URL {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("user", proxySecret)
	return config.URL{URL: u}
}

// connectProxy is a proxy that answers every request with a status, and makes a
// tunnel if that is 200.
func connectProxy(t *testing.T, status int) (base string) {
	t.Helper()
	base, _ = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if status != http.StatusOK {
			w.Header().Set("Retry-After", "100")
			http.Error(w, "no way: "+proxySecret, status)
			return
		}
		tunnel(w, r.Host)
	})
	return base
}

func tunnel(w http.ResponseWriter, to string) {
	upstream, err := net.Dial("tcp", to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer upstream.Close()
	w.WriteHeader(http.StatusOK)
	client, rest, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	go func() {
		defer upstream.Close()
		_, _ = io.Copy(upstream, rest)
	}()
	_, _ = io.Copy(client, upstream)
}

// wantProxyFailure checks reason and text, and that neither credentials nor
// anything of the proxy's answer is taken for the upstream's.
func wantProxyFailure(t *testing.T, c *Client, want verdict, text string) {
	t.Helper()
	f := wantFailure(t, c, Metrics, want)
	if got := f.Error(); got != "fetch metrics: "+text {
		t.Errorf("text: got %q, want %q", got, "fetch metrics: "+text)
	}
	if strings.Contains(f.Error(), proxySecret) || strings.Contains(f.Error(), "user") {
		t.Errorf("text: got %q, want no credentials", f)
	}
	if f.RetryAfter != "" || f.Status != 0 {
		t.Errorf("got status %d and Retry-After %q, want none of the proxy's", f.Status, f.RetryAfter)
	}
}

// hostOf strips the scheme of a base URL.
func hostOf(base string) string {
	_, host, _ := strings.Cut(base, "://")
	return host
}

// nowhere is an upstream on either scheme that is not asked, because the proxy
// before it fails.
var nowhere = []string{"https://upstream.invalid:9000", "http://upstream.invalid:9000"}

func TestAProxyThatRefusesToConnectIsProxy(t *testing.T) {
	upstream := overTLS(t, nil).URL
	for status, want := range map[int]verdict{
		400: enough(ReasonProxy), 401: enough(ReasonProxy), 403: enough(ReasonProxy), 407: enough(ReasonProxy), 429: enough(ReasonProxy),
		204: again(ReasonProxy), 302: again(ReasonProxy), 500: again(ReasonProxy), 502: again(ReasonProxy), 503: again(ReasonProxy), 504: again(ReasonProxy),
	} {
		proxy := connectProxy(t, status)
		wantProxyFailure(t, throughProxy(t, upstream, proxy), want, fmt.Sprint("proxy ", hostOf(proxy), " answered CONNECT with status ", status, " ", http.StatusText(status)))
	}
	proxy := connectProxy(t, 470)
	wantProxyFailure(t, throughProxy(t, upstream, proxy), enough(ReasonProxy), "proxy "+hostOf(proxy)+" answered CONNECT with status 470")
}

func TestWhatFailsBehindAProxyIsNotProxy(t *testing.T) {
	proxy := connectProxy(t, http.StatusOK)
	wantDocument(t, throughProxy(t, overTLS(t, nil).URL, proxy), Metrics)

	plain, _ := serve(t, healthy)
	wantFailure(t, throughProxy(t, strings.Replace(plain, "http:", "https:", 1), proxy), Metrics, enough(ReasonTLS))
	cut := listen(t, say(""))
	wantFailure(t, throughProxy(t, strings.Replace(cut, "http:", "https:", 1), proxy), Metrics, again(ReasonEOF))
	forbids := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer forbids.Close()
	wantFailure(t, throughProxy(t, forbids.URL, proxy), Metrics, enough(ReasonAuth))
}

// Over plain HTTP the answer of a proxy cannot be distinguished from that of the
// upstream.
func TestARefusalOverPlainHTTPIsTakenForTheUpstreams(t *testing.T) {
	f := wantFailure(t, throughProxy(t, nowhere[1], connectProxy(t, http.StatusForbidden)), Metrics, enough(ReasonAuth))
	if f.Status != http.StatusForbidden {
		t.Errorf("Status: got %d, want 403", f.Status)
	}
}

func TestAProxyThatCannotBeReachedIsProxy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	for _, upstream := range nowhere {
		for _, scheme := range []string{"http", "https", "socks5"} {
			wantProxyFailure(t, throughProxy(t, upstream, scheme+"://"+addr), again(ReasonProxy), "proxy "+addr+": connect: connection refused")
		}
		// A name that cannot be one is refused before any name server is asked.
		for scheme, port := range map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"} {
			wantProxyFailure(t, throughProxy(t, upstream, scheme+"://no..name"), again(ReasonProxy), "proxy no..name:"+port+": lookup no..name: no such host")
		}
	}
}

func TestTLSToAProxyThatFailsIsProxy(t *testing.T) {
	plain, _ := serve(t, healthy)
	untrusted := overTLS(t, nil).URL
	for _, upstream := range nowhere {
		wantProxyFailure(t, throughProxy(t, upstream, "https://"+hostOf(plain)), again(ReasonProxy),
			"proxy "+hostOf(plain)+": tls: first record does not look like a TLS handshake")
		c := clientOf(t, upstream, &HTTPConfig{ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, untrusted)}})
		wantProxyFailure(t, c, again(ReasonProxy),
			"proxy "+hostOf(untrusted)+": tls: failed to verify certificate: x509: certificate signed by unknown authority")
		if at := c.CertificateExpiry(); !at.IsZero() {
			t.Errorf("%s: expiry of the certificate: got %v of the proxy, want none", upstream, at)
		}
	}
}

func TestAProxyThatBreaksOffIsProxy(t *testing.T) {
	upstream := overTLS(t, nil).URL
	for text, talk := range map[string]func(net.Conn){
		"unexpected EOF": say(""),
		`malformed HTTP response "SSH-2.0-OpenSSH_9.9"`: say("SSH-2.0-OpenSSH_9.9\r\n"),
		"read: connection reset by peer": func(conn net.Conn) {
			hear(conn)
			conn.(*net.TCPConn).SetLinger(0)
		},
	} {
		proxy := listen(t, talk)
		wantProxyFailure(t, throughProxy(t, upstream, proxy), again(ReasonProxy), "proxy "+hostOf(proxy)+": "+text)
	}
}

func TestASOCKSProxyThatRefusesIsProxy(t *testing.T) {
	for _, upstream := range nowhere {
		proxy := listen(t, func(conn net.Conn) {
			hear(conn)
			_, _ = conn.Write([]byte{5, 0}) // version 5, no authentication
			hear(conn)
			_, _ = conn.Write([]byte{5, 2, 0, 1, 0, 0, 0, 0, 0, 0}) // not allowed
			hear(conn)
		})
		wantProxyFailure(t, throughProxy(t, upstream, "socks5://"+hostOf(proxy)), again(ReasonProxy),
			"proxy "+hostOf(proxy)+": SOCKS: unknown error connection not allowed by ruleset")
	}
}

// A time-out remains one, whatever did not answer.
func TestAProxyThatIsSilentIsTimeout(t *testing.T) {
	silent := hostOf(listen(t, func(conn net.Conn) {
		for hear(conn) != "" {
		}
	}))
	for _, scheme := range []string{"http", "https", "socks5"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, f := throughProxy(t, nowhere[0], scheme+"://"+silent).Fetch(ctx, Metrics, false)
		cancel()
		if f == nil || f.Reason != ReasonTimeout || !f.Retry {
			t.Errorf("%s: got %v, want timeout, retried", scheme, f)
		}
	}
}

func TestTheClientOfAListNamesAProxyThatFails(t *testing.T) {
	proxy := connectProxy(t, http.StatusForbidden)
	c, err := HTTPClient(&HTTPConfig{ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, proxy)}}, "betanet_exporter/test", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	_, err = c.Get("https://sd.invalid/targets")
	want := "proxy " + hostOf(proxy) + " answered CONNECT with status 403 Forbidden"
	if err == nil || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), proxySecret) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestTheEnvironmentAloneSetsNoProxy asks for an upstream whose name cannot be
// one, so that only a proxy can give its documents.
func TestTheEnvironmentAloneSetsNoProxy(t *testing.T) {
	proxy, _ := serve(t, healthy)
	const upstream = "http://no..name:9000"
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("HTTP_PROXY", proxy)
	wantFailure(t, open(t, upstream), Metrics, again(ReasonDNS))
	wantFailure(t, clientOf(t, upstream, &HTTPConfig{}), Metrics, again(ReasonDNS))

	fromEnvironment := &HTTPConfig{ProxyConfig: config.ProxyConfig{ProxyFromEnvironment: true}}
	wantDocument(t, clientOf(t, upstream, fromEnvironment), Metrics)
	t.Setenv("NO_PROXY", "no..name")
	wantFailure(t, clientOf(t, upstream, fromEnvironment), Metrics, again(ReasonDNS))
}

func TestNoProxyNamesWhatIsAskedDirectly(t *testing.T) {
	proxy, _ := serve(t, healthy)
	for excluded, through := range map[string]bool{"": true, "other": true, "no..name": false, "no..name:9000": false, "no..name:1": true, "*": false} {
		h := &HTTPConfig{ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, proxy), NoProxy: excluded}}
		_, f := fetch(t, clientOf(t, "http://no..name:9000", h), Metrics, false)
		if got := f == nil; got != through {
			t.Errorf("no_proxy %q: through the proxy: got %v (%v), want %v", excluded, got, f, through)
		}
	}
}
