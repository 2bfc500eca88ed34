package betanet

import (
	"context"
	"io"
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

// patience bounds what must come; reaching it is a failure.
const patience = time.Minute

// options are those of the clients below, unless a test is about them.
func options() Options {
	return Options{UserAgent: "betanet_exporter/test", IdleTimeout: time.Minute}
}

// open makes the client of an upstream; the test closes it.
func open(t *testing.T, base string) *Client {
	t.Helper()
	return openWith(t, base, options())
}

func openWith(t *testing.T, base string, o Options) *Client {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(u, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// fetch makes one attempt and checks that it has exactly one result.
func fetch(t *testing.T, c *Client, e Endpoint, fresh bool) (*Document, *Failure) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
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

// wantFailure makes an attempt that must fail in the given way.
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

// serve answers over HTTP; connections counts those that were opened.
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

// healthy answers every endpoint with a valid document.
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

// answer is a whole HTTP answer with the given body.
func answer(body string, headers ...string) string {
	text := "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
	for _, h := range headers {
		text += h + "\r\n"
	}
	return text + "\r\n" + body
}

// listen accepts connections and hands each to talk, for answers that no HTTP
// server would give. The connection is closed when talk returns.
func listen(t *testing.T, talk func(net.Conn)) (base string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			talks.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		talks.Wait()
	})
	return "http://" + l.Addr().String()
}

// hear reads a request with one read, as the published mixnodes server does.
func hear(conn net.Conn) string {
	b := make([]byte, 4096)
	n, _ := conn.Read(b)
	return string(b[:n])
}

// say is a talk that hears one request and answers with the given bytes.
func say(text string) func(net.Conn) {
	return func(conn net.Conn) {
		hear(conn)
		io.WriteString(conn, text)
	}
}
