package betanet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
)

// proxySecret is the password of proxies. No error may contain it.
const proxySecret = "s3cr3t-canary"

// throughProxy returns a client that uses a proxy and trusts every certificate.
func throughProxy(t *testing.T, upstream, proxy string) *Client {
	t.Helper()
	return newClient(t, upstream, &HTTPConfig{
		ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, proxy)},
		TLSConfig:   config.TLSConfig{InsecureSkipVerify: true},
	}, options())
}

// proxyURL returns the URL of a proxy with credentials.
func proxyURL(t *testing.T, base string) config.URL {
	t.Helper()
	u := parseURL(t, base)
	u.User = url.UserPassword("user", proxySecret)
	return config.URL{URL: u}
}

// connectProxy starts a proxy that responds with a status, and opens a tunnel if it is
// 200.
func connectProxy(t *testing.T, status int) (base string) {
	t.Helper()
	base, _ = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if status != http.StatusOK {
			w.Header().Set("Retry-After", "100")
			http.Error(w, "no way: "+proxySecret, status)
			return
		}
		tunnel(w, r)
	})
	return base
}

func tunnel(w http.ResponseWriter, r *http.Request) {
	upstream, err := net.Dial("tcp", r.Host)
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

// wantProxyFailure checks the reason and text of a failure, and that no part of the
// proxy's response is reported as the upstream's.
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
		t.Errorf("got status %d and Retry-After %q, want none from the proxy", f.Status, f.RetryAfter)
	}
}

// hostOf returns a base URL without its scheme.
func hostOf(base string) string {
	_, host, _ := strings.Cut(base, "://")
	return host
}

// unreached lists upstreams that are never reached, because their proxy fails.
var unreached = []string{"https://upstream.invalid:9000", "http://upstream.invalid:9000"}

func TestAProxyThatRefusesCONNECTHasReasonProxy(t *testing.T) {
	upstream := serveTLS(t, nil, nil).URL
	for status, want := range map[int]verdict{
		400: permanent(ReasonProxy), 401: permanent(ReasonProxy), 403: permanent(ReasonProxy), 407: permanent(ReasonProxy), 429: permanent(ReasonProxy),
		204: retryable(ReasonProxy), 302: retryable(ReasonProxy), 500: retryable(ReasonProxy), 502: retryable(ReasonProxy), 503: retryable(ReasonProxy), 504: retryable(ReasonProxy),
	} {
		proxy := connectProxy(t, status)
		wantProxyFailure(t, throughProxy(t, upstream, proxy), want, fmt.Sprint("proxy ", hostOf(proxy), " responded to CONNECT with status ", status, " ", http.StatusText(status)))
	}
	proxy := connectProxy(t, 470)
	wantProxyFailure(t, throughProxy(t, upstream, proxy), permanent(ReasonProxy), "proxy "+hostOf(proxy)+" responded to CONNECT with status 470")
}

func TestAFailureBehindAProxyDoesNotHaveReasonProxy(t *testing.T) {
	proxy := connectProxy(t, http.StatusOK)
	wantDocument(t, throughProxy(t, serveTLS(t, nil, nil).URL, proxy), Metrics)

	plain, _ := serve(t, healthy)
	wantFailure(t, throughProxy(t, strings.Replace(plain, "http:", "https:", 1), proxy), Metrics, permanent(ReasonTLS))
	cut := listen(t, respondWith(""))
	wantFailure(t, throughProxy(t, strings.Replace(cut, "http:", "https:", 1), proxy), Metrics, retryable(ReasonEOF))
	forbids := serveTLS(t, nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	wantFailure(t, throughProxy(t, forbids.URL, proxy), Metrics, permanent(ReasonAuth))
}

// The response of a proxy looks like a response of the upstream.
func TestARefusalByAProxyOverPlainHTTPDoesNotHaveReasonProxy(t *testing.T) {
	f := wantFailure(t, throughProxy(t, unreached[1], connectProxy(t, http.StatusForbidden)), Metrics, permanent(ReasonAuth))
	if f.Status != http.StatusForbidden {
		t.Errorf("Status: got %d, want 403", f.Status)
	}
}

func TestAnUnreachableProxyHasReasonProxy(t *testing.T) {
	addr := closedAddress(t)
	for _, upstream := range unreached {
		for _, scheme := range []string{"http", "https", "socks5"} {
			wantProxyFailure(t, throughProxy(t, upstream, scheme+"://"+addr), retryable(ReasonProxy), "proxy "+addr+": connect: connection refused")
		}
		// An invalid name is rejected without a DNS request.
		for scheme, port := range map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"} {
			wantProxyFailure(t, throughProxy(t, upstream, scheme+"://no..name"), retryable(ReasonProxy), "proxy no..name:"+port+": lookup no..name: no such host")
		}
	}
}

func TestAFailedHandshakeWithAProxyHasReasonProxy(t *testing.T) {
	plain, _ := serve(t, healthy)
	untrusted := serveTLS(t, nil, nil).URL
	for _, upstream := range unreached {
		wantProxyFailure(t, throughProxy(t, upstream, "https://"+hostOf(plain)), retryable(ReasonProxy),
			"proxy "+hostOf(plain)+": tls: first record does not look like a TLS handshake")
		c := newClient(t, upstream, &HTTPConfig{ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, untrusted)}}, options())
		wantProxyFailure(t, c, retryable(ReasonProxy),
			"proxy "+hostOf(untrusted)+": tls: failed to verify certificate: x509: certificate signed by unknown authority")
		if at := c.CertificateExpiry(); !at.IsZero() {
			t.Errorf("%s: expiry of the certificate: got %v from the proxy, want none", upstream, at)
		}
	}
}

func TestAProxyThatDisconnectsHasReasonProxy(t *testing.T) {
	upstream := serveTLS(t, nil, nil).URL
	for text, handle := range map[string]func(net.Conn){
		"unexpected EOF": respondWith(""),
		`malformed HTTP response "SSH-2.0-OpenSSH_9.9"`: respondWith("SSH-2.0-OpenSSH_9.9\r\n"),
		"read: connection reset by peer": func(conn net.Conn) {
			readRequest(conn)
			conn.(*net.TCPConn).SetLinger(0)
		},
	} {
		proxy := listen(t, handle)
		wantProxyFailure(t, throughProxy(t, upstream, proxy), retryable(ReasonProxy), "proxy "+hostOf(proxy)+": "+text)
	}
}

func TestASOCKSProxyThatRefusesHasReasonProxy(t *testing.T) {
	for _, upstream := range unreached {
		proxy := listen(t, func(conn net.Conn) {
			readRequest(conn)
			_, _ = conn.Write([]byte{5, 0}) // version 5, no authentication
			readRequest(conn)
			_, _ = conn.Write([]byte{5, 2, 0, 1, 0, 0, 0, 0, 0, 0}) // not allowed
			readRequest(conn)
		})
		wantProxyFailure(t, throughProxy(t, upstream, "socks5://"+hostOf(proxy)), retryable(ReasonProxy),
			"proxy "+hostOf(proxy)+": SOCKS: unknown error connection not allowed by ruleset")
	}
}

func TestAnUnresponsiveProxyHasReasonTimeout(t *testing.T) {
	silent := hostOf(listen(t, func(conn net.Conn) {
		for readRequest(conn) != "" {
		}
	}))
	for _, scheme := range []string{"http", "https", "socks5"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, f := throughProxy(t, unreached[0], scheme+"://"+silent).Fetch(ctx, Metrics, false)
		cancel()
		if f == nil || f.Reason != ReasonTimeout || !f.Retry {
			t.Errorf("%s: got %v, want timeout, retried", scheme, f)
		}
	}
}

func TestTheErrorOfAnHTTPClientNamesTheProxy(t *testing.T) {
	proxy := connectProxy(t, http.StatusForbidden)
	c, err := HTTPClient(&HTTPConfig{ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, proxy)}}, "betanet_exporter/test", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	_, err = c.Get("https://sd.invalid/targets")
	want := "proxy " + hostOf(proxy) + " responded to CONNECT with status 403 Forbidden"
	if err == nil || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), proxySecret) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// The host name of the upstream is invalid, so its documents can only come from a proxy.
func TestProxyVariablesApplyOnlyIfConfigured(t *testing.T) {
	proxy, _ := serve(t, healthy)
	const upstream = invalidName
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("HTTP_PROXY", proxy)
	wantFailure(t, open(t, upstream), Metrics, retryable(ReasonDNS))
	wantFailure(t, newClient(t, upstream, &HTTPConfig{}, options()), Metrics, retryable(ReasonDNS))

	fromEnvironment := &HTTPConfig{ProxyConfig: config.ProxyConfig{ProxyFromEnvironment: true}}
	wantDocument(t, newClient(t, upstream, fromEnvironment, options()), Metrics)
	t.Setenv("NO_PROXY", "no..name")
	wantFailure(t, newClient(t, upstream, fromEnvironment, options()), Metrics, retryable(ReasonDNS))
}

func TestNoProxyExcludesHosts(t *testing.T) {
	proxy, _ := serve(t, healthy)
	for excluded, through := range map[string]bool{"": true, "other": true, "no..name": false, "no..name:9000": false, "no..name:1": true, "*": false} {
		h := &HTTPConfig{ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, proxy), NoProxy: excluded}}
		_, f := fetch(t, newClient(t, invalidName, h, options()), Metrics, false)
		if got := f == nil; got != through {
			t.Errorf("no_proxy %q: through the proxy: got %v (%v), want %v", excluded, got, f, through)
		}
	}
}
