package fake

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func startServer(t *testing.T) (*Server, *http.Client) {
	t.Helper()
	s, err := Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig:        &tls.Config{RootCAs: x509.NewCertPool()},
	}
	t.Cleanup(func() {
		s.Close()
		transport.CloseIdleConnections() // after Close, because a dial may still be on its way
	})
	return s, &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// attempt makes one request and returns status, body and error.
func attempt(c *http.Client, url string) (int, string, error) {
	got := fetch(c, http.MethodGet, url)
	return got.status, got.body, got.err
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func TestANewServerIsHealthy(t *testing.T) {
	s, c := startServer(t)
	for _, path := range []string{Metrics, Nodes, Network} {
		want := Document(path, 0)
		status, body, err := attempt(c, s.URL()+path)
		if status != 200 || body != want || err != nil {
			t.Errorf("%s: got %v %q %v, want 200 %q", path, status, body, err, want)
		}
	}
	if status, _, err := attempt(c, s.URL()+Mixnodes); status != 404 || err != nil {
		t.Errorf("%s: got %v %v, want 404", Mixnodes, status, err)
	}
}

func TestARequestIsCountedOnItsPath(t *testing.T) {
	s, c := startServer(t)
	for range 3 {
		attempt(c, s.URL()+Metrics)
	}
	attempt(c, s.URL()+Nodes)
	got := []int{s.Requests(Metrics), s.Requests(Nodes), s.Requests(Network), s.Connections(Metrics), s.Connections(Nodes), s.Accepted()}
	if want := []int{3, 1, 0, 1, 1, 1}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUnexpectedRequestsAreListed(t *testing.T) {
	s, c := startServer(t)
	attempt(c, s.URL()+"/status")
	attempt(c, s.URL()+Metrics+"?a=b")
	posted, err := c.Post(s.URL()+Nodes, "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	posted.Body.Close()
	want := []string{"path /status", "query a=b", "method POST", "a request with a body"}
	if got := s.Unexpected(); !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestABehaviourCanBeChangedOnAnOpenConnection(t *testing.T) {
	s, c := startServer(t)
	attempt(c, s.URL()+Metrics)
	s.Set(Metrics, Status(503, "{}"))
	status, _, err := attempt(c, s.URL()+Metrics)
	if status != 503 || err != nil || s.Accepted() != 1 {
		t.Errorf("got %v %v on connection %d, want 503 on connection 1", status, err, s.Accepted())
	}
}

func TestAServerListensAgainOnTheSamePort(t *testing.T) {
	for name, c := range map[string]struct {
		unreachable func(*Server) error
		want        func(error) bool
	}{
		"after refused connections": {
			func(s *Server) error { s.Refuse(); return nil }, func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) },
		},
		"after a full backlog": {(*Server).FillBacklog, isTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := startServer(t)
			attempt(client, s.URL()+Metrics)
			client.Timeout = 500 * time.Millisecond
			if err := c.unreachable(s); err != nil {
				t.Fatal(err)
			}
			if _, _, err := attempt(client, s.URL()+Metrics); !c.want(err) {
				t.Errorf("got %v while the server is unreachable, want another error", err)
			}
			if err := s.Listen(); err != nil {
				t.Fatal(err)
			}
			client.Timeout = patience
			if status, _, err := attempt(client, s.URL()+Metrics); status != 200 {
				t.Errorf("got %v %v, want 200", status, err)
			}
		})
	}
}

func TestABehaviourCausesItsErrorInAClient(t *testing.T) {
	ok := Response{Body: Document(Metrics, 0)}.Bytes()
	half := ok[:len(ok)-5]
	is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	oneOf := func(a, b func(error) bool) func(error) bool { return func(err error) bool { return a(err) || b(err) } }
	text := func(s string) func(error) bool {
		return func(err error) bool { return err != nil && strings.Contains(err.Error(), s) }
	}
	for name, c := range map[string]struct {
		fault Behaviour
		want  func(error) bool
	}{
		"FIN before the response":   {CutAfter(nil), is(io.EOF)},
		"FIN between headers":       {CutAfter(ok[:17]), is(io.ErrUnexpectedEOF)},
		"FIN in the body":           {CutAfter(half), is(io.ErrUnexpectedEOF)},
		"RST before the response":   {ResetAfter(nil), is(syscall.ECONNRESET)},
		"RST between headers":       {ResetAfter(ok[:17]), oneOf(is(syscall.ECONNRESET), is(io.ErrUnexpectedEOF))}, // net/http may lose the first error
		"RST in the body":           {ResetAfter(half), is(syscall.ECONNRESET)},
		"no response":               {HangAfter(nil), isTimeout},
		"no body":                   {HangAfter(half), isTimeout},
		"dripping":                  {Drip(ok, 50*time.Millisecond), isTimeout},
		"late":                      {Late(time.Minute, JSON("{}")), isTimeout},
		"headers over 64 KiB":       {Endless([]byte("HTTP/1.1 200 OK\r\n"), []byte("A: b\r\n")), text("headers exceeded")},
		"flood of 1xx":              {Endless(nil, []byte("HTTP/1.1 100 Continue\r\n\r\n")), text("headers exceeded")},
		"bad chunk":                 {Respond(Response{Header: []string{"Transfer-Encoding: chunked"}, Body: "zz\r\n{}"}.Bytes()), text("chunk")},
		"Content-Length too long":   {CutAfter(Response{Header: []string{"Content-Length: 90"}, Body: "{}"}.Bytes()), is(io.ErrUnexpectedEOF)},
		"endless body, well formed": {Endless(Response{NoLength: true}.Bytes(), []byte(strings.Repeat(" ", 1<<15))), is(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := startServer(t)
			if c.want(os.ErrDeadlineExceeded) {
				client.Timeout = time.Second
			}
			s.Set(Metrics, c.fault)
			if _, _, err := attempt(client, s.URL()+Metrics); !c.want(err) {
				t.Errorf("got %v, want the error of this fault", err)
			}
		})
	}
}

func TestAnyStatusCodeCanBeSent(t *testing.T) {
	s, c := startServer(t)
	for _, code := range []int{101, 204, 206, 302, 304, 429, 505, 999} {
		s.Set(Metrics, Status(code, "{}", "Retry-After: 1"))
		if status, _, err := attempt(c, s.URL()+Metrics); status != code || err != nil && code != 101 {
			t.Errorf("got %v %v, want %v", status, err, code)
		}
	}
}

func TestAConnHandlerAppliesToLaterConnections(t *testing.T) {
	trusted, expired := Issue(nil, time.Now().Add(time.Hour), "127.0.0.1"), Issue(nil, time.Now().Add(-time.Hour), "127.0.0.1")
	for name, c := range map[string]struct {
		handler ConnHandler
		want    string
	}{
		"trusted":           {TLS(trusted.Config()), "200 <nil>"},
		"expired":           {TLS(expired.Config()), "certificate has expired"},
		"plain HTTP":        {HTTPToTLS, "server gave HTTP response to HTTPS client"},
		"garbage":           {TLSGarbage, "tls: "},
		"alert":             {TLSAlert, "remote error: tls: unexpected message"},
		"RST":               {ResetOnAccept, "reset by peer"},
		"late RST":          {ResetOnFirstBytes, "reset by peer"},
		"FIN":               {CutOnFirstBytes, "EOF"},
		"no handshake":      {HangOnAccept, "Client.Timeout"},
		"TLS on plain port": {Plain, "0 Get "}, // no status, but an error, which depends on how the connection ends
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := startServer(t)
			if c.want == "Client.Timeout" {
				client.Timeout = time.Second
			}
			pool := client.Transport.(*http.Transport).TLSClientConfig.RootCAs
			pool.AddCert(trusted.Leaf)
			pool.AddCert(expired.Leaf)
			s.SetConnHandler(c.handler)
			status, _, err := attempt(client, s.TLSURL()+Metrics)
			if got := fmt.Sprint(status, " ", err); !strings.Contains(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestCloseEndsHangingBehaviours(t *testing.T) {
	s, c := startServer(t)
	c.Timeout = 0
	s.Set(Metrics, HangAfter(nil))
	s.Set(Nodes, Endless([]byte("HTTP/1.1 200 OK\r\n\r\n"), []byte(" ")))
	s.Set(Network, Drip([]byte(strings.Repeat(" ", 9)), time.Hour))
	ended := make(chan error)
	for _, path := range []string{Metrics, Network} {
		go func() {
			_, _, err := attempt(c, s.URL()+path)
			ended <- err
		}()
	}
	eventually(t, "both requests arrive", func() bool { return s.Requests(Metrics)+s.Requests(Network) == 2 })
	stuck, err := c.Get(s.URL() + Nodes) // without reading, so that the server's write blocks
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Body.Close()
	s.Close()
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("got nil, want an error: the server was closed")
		}
	}
}

func TestASplitResponseArrivesComplete(t *testing.T) {
	s, c := startServer(t)
	s.Set(Metrics, Split(Response{Body: "{}"}.Bytes()[:20], time.Millisecond, Response{Body: "{}"}.Bytes()[20:]))
	if status, body, err := attempt(c, s.URL()+Metrics); status != 200 || body != "{}" || err != nil {
		t.Errorf("got %v %q %v, want 200 {}", status, body, err)
	}
}

func TestAResetAfterAResponseEndsTheConnection(t *testing.T) {
	s, c := startServer(t)
	s.Set(Metrics, ThenReset(Split(Response{Body: "{}"}.Bytes(), 10*time.Millisecond, nil)))
	for range 2 {
		if status, _, err := attempt(c, s.URL()+Metrics); status != 200 || err != nil {
			t.Errorf("got %v %v, want 200", status, err)
		}
		eventually(t, "the connection ends", func() bool { return s.OpenConnections() == 0 })
	}
	if got := s.Accepted(); got != 2 {
		t.Errorf("got %d connections, want 2", got)
	}
}

func TestInTurnRepeatsTheLastBehaviour(t *testing.T) {
	s, c := startServer(t)
	s.Set(Metrics, InTurn(Status(500, ""), Status(502, ""), JSON("{}")))
	var got []int
	for range 4 {
		status, _, _ := attempt(c, s.URL()+Metrics)
		got = append(got, status)
	}
	if want := []int{500, 502, 200, 200}; !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
