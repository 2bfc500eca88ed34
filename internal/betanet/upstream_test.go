package betanet

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// testTimeout is the timeout of waits that must succeed.
const testTimeout = time.Minute

// options returns the options that most clients use.
func options() Options {
	return Options{UserAgent: "betanet_exporter/test", IdleTimeout: time.Minute}
}

// newClient returns a client that is closed when the test ends.
func newClient(t *testing.T, base string, h *HTTPConfig, o Options) *Client {
	t.Helper()
	c, err := NewClient(parseURL(t, base), h, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func open(t *testing.T, base string) *Client {
	t.Helper()
	return newClient(t, base, nil, options())
}

func parseURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// fetch makes one attempt and checks that it has exactly one result.
func fetch(t *testing.T, c *Client, e Endpoint, fresh bool) (*Document, *Failure) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	doc, f := c.Fetch(ctx, e, fresh)
	if (doc == nil) == (f == nil) {
		t.Fatalf("Fetch(%v): got %v, %v, want exactly one of them", e, doc, f)
	}
	return doc, f
}

func wantDocument(t *testing.T, c *Client, e Endpoint) {
	t.Helper()
	if _, f := fetch(t, c, e, false); f != nil {
		t.Errorf("Fetch(%v): got %v (%s), want a document", e, f, f.Reason)
	}
}

// wantFailure makes an attempt that must fail.
func wantFailure(t *testing.T, c *Client, e Endpoint, want verdict) *Failure {
	t.Helper()
	doc, f := fetch(t, c, e, false)
	if f == nil {
		t.Fatalf("Fetch(%v): got %v, want %s", e, doc, want.reason)
	}
	if got := (verdict{f.Reason, f.Retry, f.Ignored}); got != want {
		t.Errorf("Fetch(%v): got %+v (%v), want %+v", e, got, f, want)
	}
	return f
}

// wantDocumentIf makes an attempt that must return a document if accepted, and fail
// otherwise.
func wantDocumentIf(t *testing.T, accepted bool, c *Client, failure verdict) {
	t.Helper()
	if accepted {
		wantDocument(t, c, Metrics)
	} else {
		wantFailure(t, c, Metrics, failure)
	}
}

// serve starts an HTTP server and counts its connections.
func serve(t *testing.T, h http.HandlerFunc) (base string, connections *atomic.Int32) {
	t.Helper()
	connections = new(atomic.Int32)
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, connections
}

// healthy serves a valid document for each endpoint.
func healthy(w http.ResponseWriter, r *http.Request) {
	for e := range NumEndpoints {
		if r.URL.Path == e.Path() {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, document(e, nil))
			return
		}
	}
	http.NotFound(w, r)
}

// okResponse returns an HTTP response with status 200 and a body.
func okResponse(body string, headers ...string) string {
	text := "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
	for _, h := range headers {
		text += h + "\r\n"
	}
	return text + "\r\n" + body
}

// listen starts a server that calls handle for each connection and then closes it. It
// is for responses that a real HTTP server would not send.
func listen(t *testing.T, handle func(net.Conn)) (base string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var handlers sync.WaitGroup
	handlers.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			handlers.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(testTimeout))
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		handlers.Wait()
	})
	return "http://" + l.Addr().String()
}

// readRequest reads a request with one read, like the published mixnodes server.
func readRequest(conn net.Conn) string {
	b := make([]byte, 4096)
	n, _ := conn.Read(b)
	return string(b[:n])
}

// respondWith returns a handler for listen that reads one request and writes a text.
func respondWith(text string) func(net.Conn) {
	return func(conn net.Conn) {
		readRequest(conn)
		io.WriteString(conn, text)
	}
}

// serveTLS starts an HTTPS server. If h is nil, the handler is healthy.
func serveTLS(t *testing.T, config *tls.Config, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	if h == nil {
		h = healthy
	}
	s := httptest.NewUnstartedServer(h)
	s.TLS = config
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // some handshakes must fail
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// closedAddress returns an address that refuses connections.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
