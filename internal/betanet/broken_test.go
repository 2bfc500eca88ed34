package betanet

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestABrokenResponseHasItsReason(t *testing.T) {
	doc := document(Metrics, nil)
	for name, c := range map[string]struct {
		handle func(net.Conn)
		want   verdict
	}{
		"nothing":          {respondWith(""), retryable(ReasonEOF)},
		"truncated header": {respondWith("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"), retryable(ReasonEOF)},
		"truncated body":   {respondWith("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + doc), retryable(ReasonEOF)},
		"truncated chunk":  {respondWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + doc), retryable(ReasonEOF)},
		"no last chunk":    {respondWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), retryable(ReasonEOF)},
		"length too short": {respondWith("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + doc), retryable(ReasonSyntax)},

		"another protocol":          {respondWith("SSH-2.0-OpenSSH_9.9\r\n"), retryable(ReasonProtocol)},
		"bad status":                {respondWith("HTTP/1.1 2x0 OK\r\n\r\n"), retryable(ReasonProtocol)},
		"bad header":                {respondWith("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), retryable(ReasonProtocol)},
		"bad length":                {respondWith("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), retryable(ReasonProtocol)},
		"two lengths":               {respondWith("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), retryable(ReasonProtocol)},
		"bad chunk":                 {respondWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + doc), retryable(ReasonProtocol)},
		"HTTP/2":                    {respondWith("\x00\x00\x12\x04\x00\x00\x00\x00\x00"), retryable(ReasonProtocol)},
		"endless interim responses": {respondWith(strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", 1000)+"\r\n\r\n", 200)), retryable(ReasonProtocol)},

		"a TLS alert": {respondWith("\x15\x03\x01\x00\x02\x02\x46"), permanent(ReasonTLS)},
		"reset before the response": {func(conn net.Conn) {
			readRequest(conn)
			conn.(*net.TCPConn).SetLinger(0)
		}, retryable(ReasonReset)},
		"reset in the body": {func(conn net.Conn) {
			readRequest(conn)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
			// The client reads the headers before the reset.
			conn.(*net.TCPConn).SetLinger(0)
		}, retryable(ReasonReset)},
	} {
		t.Run(name, func(t *testing.T) {
			wantFailure(t, open(t, listen(t, c.handle)), Metrics, c.want)
		})
	}
}

func TestARefusedConnectionHasReasonConnect(t *testing.T) {
	if f := wantFailure(t, open(t, "http://"+closedAddress(t)), Metrics, retryable(ReasonConnect)); f.Status != 0 {
		t.Errorf("Status: got %d, want 0", f.Status)
	}
}

func TestAnUnknownNameHasReasonDNS(t *testing.T) {
	wantFailure(t, open(t, invalidName), Metrics, retryable(ReasonDNS))
}

// invalidName is a base URL whose host is rejected without a DNS request.
const invalidName = "http://no..name:9000"

func TestACertificateFromAnUnknownAuthorityHasReasonTLS(t *testing.T) {
	wantFailure(t, open(t, serveTLS(t, nil, nil).URL), Metrics, permanent(ReasonTLS))
}

func TestACertificateForAnotherNameHasReasonTLS(t *testing.T) {
	s := serveTLS(t, nil, nil)
	c := open(t, s.URL)
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName = "other.invalid"
	c.kept.base.(*http.Transport).TLSClientConfig = config
	wantFailure(t, c, Metrics, permanent(ReasonTLS))
	config.ServerName = "example.com" // as in the certificate
	wantDocument(t, c, Metrics)
}

func TestNoCommonTLSVersionHasReasonTLS(t *testing.T) {
	s := serveTLS(t, &tls.Config{MinVersion: tls.VersionTLS13}, nil)
	c := open(t, s.URL)
	c.kept.base.(*http.Transport).TLSClientConfig = &tls.Config{MaxVersion: tls.VersionTLS12}
	wantFailure(t, c, Metrics, permanent(ReasonTLS))
}

func TestAServerWithoutTLSHasReasonTLS(t *testing.T) {
	base, _ := serve(t, healthy)
	wantFailure(t, open(t, strings.Replace(base, "http:", "https:", 1)), Metrics, permanent(ReasonTLS))
	other := listen(t, respondWith("220 mail ready\r\n"))
	wantFailure(t, open(t, strings.Replace(other, "http:", "https:", 1)), Metrics, permanent(ReasonTLS))
}
