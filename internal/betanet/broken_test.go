package betanet

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestABrokenAnswerHasItsReason(t *testing.T) {
	doc := document(Metrics, nil)
	for name, c := range map[string]struct {
		talk func(net.Conn)
		want verdict
	}{
		"nothing":          {say(""), again(ReasonEOF)},
		"half a header":    {say("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"), again(ReasonEOF)},
		"half a body":      {say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + doc), again(ReasonEOF)},
		"half a chunk":     {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + doc), again(ReasonEOF)},
		"no last chunk":    {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), again(ReasonEOF)},
		"length too short": {say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + doc), again(ReasonSyntax)},

		"another protocol":       {say("SSH-2.0-OpenSSH_9.9\r\n"), again(ReasonProtocol)},
		"bad status":             {say("HTTP/1.1 2x0 OK\r\n\r\n"), again(ReasonProtocol)},
		"bad header":             {say("HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), again(ReasonProtocol)},
		"bad length":             {say("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), again(ReasonProtocol)},
		"two lengths":            {say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), again(ReasonProtocol)},
		"bad chunk":              {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + doc), again(ReasonProtocol)},
		"HTTP/2 without a word":  {say("\x00\x00\x12\x04\x00\x00\x00\x00\x00"), again(ReasonProtocol)},
		"interim without an end": {say(strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", 1000)+"\r\n\r\n", 200)), again(ReasonProtocol)},

		"a TLS alert": {say("\x15\x03\x01\x00\x02\x02\x46"), enough(ReasonTLS)},
		"reset before the answer": {func(conn net.Conn) {
			hear(conn)
			conn.(*net.TCPConn).SetLinger(0)
		}, again(ReasonReset)},
		"reset in the body": {func(conn net.Conn) {
			hear(conn)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
			// The lines are read before the reset comes: the client has asked for more.
			conn.(*net.TCPConn).SetLinger(0)
		}, again(ReasonReset)},
	} {
		t.Run(name, func(t *testing.T) {
			wantFailure(t, open(t, listen(t, c.talk)), Metrics, c.want)
		})
	}
}

func TestARefusedConnectionIsConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	if f := wantFailure(t, open(t, "http://"+addr), Metrics, again(ReasonConnect)); f.Status != 0 {
		t.Errorf("Status: got %d, want 0", f.Status)
	}
}

// A name that cannot be one is refused before any name server is asked.
func TestAnUnknownNameIsDNS(t *testing.T) {
	wantFailure(t, open(t, "http://no..name:9000"), Metrics, again(ReasonDNS))
}

// overTLS is a healthy server that speaks TLS as configured.
func overTLS(t *testing.T, config *tls.Config) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(healthy))
	s.TLS = config
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // its handshakes are meant to fail
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestACertificateOfAnUnknownAuthorityIsTLS(t *testing.T) {
	wantFailure(t, open(t, overTLS(t, nil).URL), Metrics, enough(ReasonTLS))
}

func TestACertificateOfAnotherNameIsTLS(t *testing.T) {
	s := overTLS(t, nil)
	c := open(t, s.URL)
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName = "other.invalid"
	c.kept.base.(*http.Transport).TLSClientConfig = config
	wantFailure(t, c, Metrics, enough(ReasonTLS))
	config.ServerName = "example.com" // for which the certificate is
	wantDocument(t, c, Metrics)
}

func TestNoCommonTLSVersionIsTLS(t *testing.T) {
	s := overTLS(t, &tls.Config{MinVersion: tls.VersionTLS13})
	c := open(t, s.URL)
	c.kept.base.(*http.Transport).TLSClientConfig = &tls.Config{MaxVersion: tls.VersionTLS12}
	wantFailure(t, c, Metrics, enough(ReasonTLS))
}

func TestHTTPWhereTLSIsWantedIsTLS(t *testing.T) {
	base, _ := serve(t, healthy)
	wantFailure(t, open(t, strings.Replace(base, "http:", "https:", 1)), Metrics, enough(ReasonTLS))
	other := listen(t, say("220 mail ready\r\n"))
	wantFailure(t, open(t, strings.Replace(other, "http:", "https:", 1)), Metrics, enough(ReasonTLS))
}
