package betanet

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// requestOf returns the first packet of a request.
func requestOf(t *testing.T, basePath string, e Endpoint) string {
	t.Helper()
	var request string
	received := make(chan struct{})
	base := listen(t, func(conn net.Conn) {
		request = readRequest(conn)
		fmt.Fprint(conn, okResponse(document(e, nil), "Connection: close"))
		close(received)
	})
	wantDocument(t, open(t, base+basePath), e)
	<-received
	return request
}

// The published server reads only once, so a request must be one packet.
func TestARequestIsOneSmallPacketForJSONWithoutCompression(t *testing.T) {
	for _, e := range allEndpoints {
		request := requestOf(t, "", e)
		if len(request) >= 512 || !strings.HasSuffix(request, "\r\n\r\n") {
			t.Errorf("%v: got %d bytes %q, want a complete request of less than 512", e, len(request), request)
		}
		if want := "GET " + e.Path() + " HTTP/1.1\r\n"; !strings.HasPrefix(request, want) {
			t.Errorf("%v: got %q, want it to begin with %q", e, request, want)
		}
		for _, want := range []string{"\r\nAccept: application/json\r\n", "\r\nUser-Agent: betanet_exporter/test\r\n", "\r\nHost: 127.0.0.1:"} {
			if !strings.Contains(request, want) {
				t.Errorf("%v: got %q, want it to contain %q", e, request, want)
			}
		}
		for _, header := range []string{"accept-encoding", "content-length", "transfer-encoding", "cookie", "authorization"} {
			if strings.Contains(strings.ToLower(request), header) {
				t.Errorf("%v: got %q, want no %s", e, request, header)
			}
		}
	}
}

func TestTheBasePathIsKept(t *testing.T) {
	for path, want := range map[string]string{
		"": "/mixnodes", "/": "/mixnodes", "/p": "/p/mixnodes", "/p/": "/p/mixnodes",
		"/a/b": "/a/b/mixnodes", "/a//": "/a/mixnodes", "/a%20b": "/a%20b/mixnodes", "/a%2Fb": "/a%2Fb/mixnodes",
	} {
		got, _, _ := strings.Cut(strings.TrimPrefix(requestOf(t, path, Mixnodes), "GET "), " ")
		if got != want {
			t.Errorf("base path %q: got %q, want %q", path, got, want)
		}
	}
}

func TestNewClientDoesNotChangeTheURL(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "localhost:9000", Path: "/p/"}
	if _, err := NewClient(u, nil, Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "http://localhost:9000/p/"; u.String() != want {
		t.Errorf("URL: got %v, want %v", u, want)
	}
}

// The upstream is not on loopback, because the variables never apply to loopback.
func TestProxyVariablesAreIgnoredByDefault(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://proxy.invalid:3128")
	}
	t.Setenv("NO_PROXY", "")
	for _, base := range []string{"http://upstream.invalid:9000", "https://upstream.invalid:9000"} {
		var dialed []string
		o := options()
		o.Dial = func(_ context.Context, _, addr string) (net.Conn, error) {
			dialed = append(dialed, addr)
			return nil, &net.OpError{Op: "dial", Err: net.UnknownNetworkError("tested")}
		}
		c := newClient(t, base, nil, o)
		fresh, err := c.fresh()
		if err != nil {
			t.Fatal(err)
		}
		if c.kept.base.(*http.Transport).Proxy != nil || fresh.base.(*http.Transport).Proxy != nil {
			// The dials below may not show it, because net/http reads the environment
			// once per process, perhaps in another test.
			t.Error("Proxy of a transport: got a function, want nil")
		}
		for _, e := range allEndpoints {
			wantFailure(t, c, e, retryable(ReasonConnect))
		}
		for _, got := range dialed {
			if want := "upstream.invalid:9000"; got != want {
				t.Errorf("dialed: got %q, want %q", got, want)
			}
		}
	}
}

func TestOnlyConnectionsOfV1AreKept(t *testing.T) {
	type step struct {
		e     Endpoint
		fresh bool
	}
	for name, c := range map[string]struct {
		steps []step
		want  int32 // connections
	}{
		"v1":                             {[]step{{e: Metrics}, {e: Nodes}, {e: Network}, {e: Metrics}, {e: Nodes}, {e: Network}}, 1},
		"mixnodes after v1":              {[]step{{e: Metrics}, {e: Mixnodes}, {e: Mixnodes}, {e: Mixnodes}}, 4},
		"fresh between kept connections": {[]step{{e: Metrics}, {Metrics, true}, {Metrics, true}, {e: Metrics}}, 3},
	} {
		base, connections := serve(t, healthy)
		client := open(t, base)
		for _, s := range c.steps {
			if _, f := fetch(t, client, s.e, s.fresh); f != nil {
				t.Fatal(f)
			}
		}
		if got := connections.Load(); got != c.want {
			t.Errorf("%s: connections: got %d, want %d", name, got, c.want)
		}
	}
}

// The endpoints of a slow upstream are collected in parallel.
func TestParallelConnectionsOfV1AreAllKept(t *testing.T) {
	arrived := make(chan struct{}, len(V1.Endpoints()))
	resume := make(chan struct{})
	base, connections := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-resume
		healthy(w, r)
	})
	c := open(t, base)
	for range 5 {
		var users sync.WaitGroup
		for _, e := range V1.Endpoints() {
			users.Go(func() { wantDocument(t, c, e) })
		}
		for range V1.Endpoints() {
			<-arrived
		}
		for range V1.Endpoints() {
			resume <- struct{}{}
		}
		users.Wait()
	}
	if got, want := int(connections.Load()), len(V1.Endpoints()); got != want {
		t.Errorf("connections: got %d, want %d", got, want)
	}
}

// The published mixnodes server closes each connection without notice.
func TestAServerMayCloseConnectionsWithoutNotice(t *testing.T) {
	for _, e := range []Endpoint{Metrics, Mixnodes} {
		var requests atomic.Int32
		c := open(t, listen(t, func(conn net.Conn) {
			if readRequest(conn) != "" {
				requests.Add(1)
			}
			fmt.Fprint(conn, okResponse(document(e, nil)))
		}))
		for range 5 {
			wantDocument(t, c, e)
		}
		if got := requests.Load(); e == Mixnodes && got != 5 {
			t.Errorf("%v: requests: got %d, want 5", e, got)
		}
	}
}

func TestCloseClosesIdleConnections(t *testing.T) {
	closed := make(chan struct{})
	c := open(t, listen(t, func(conn net.Conn) {
		readRequest(conn)
		fmt.Fprint(conn, okResponse(document(Metrics, nil)))
		if readRequest(conn) == "" {
			close(closed)
		}
	}))
	wantDocument(t, c, Metrics)
	c.Close()
	<-closed // the connection's deadline bounds the wait
}

func TestAClientIsSafeForConcurrentUse(t *testing.T) {
	base, _ := serve(t, healthy)
	c := open(t, base)
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for range 10 {
				for _, e := range allEndpoints {
					if doc, f := c.Fetch(t.Context(), e, i%2 == 0); f != nil || doc.Endpoint != e {
						t.Errorf("Fetch(%v): got %v, %v, want its document", e, doc, f)
					}
				}
			}
		})
	}
	users.Wait()
}

func TestOnlyThePathOfTheEndpointIsRequested(t *testing.T) {
	var mu sync.Mutex
	seen := make(map[string]int)
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.Method+" "+r.URL.Path]++
		mu.Unlock()
		http.Redirect(w, r, "/status", http.StatusFound)
	})
	c := open(t, base)
	for _, e := range allEndpoints {
		wantFailure(t, c, e, permanent(ReasonRedirect))
	}
	for _, e := range allEndpoints {
		if got := seen["GET "+e.Path()]; got != 1 {
			t.Errorf("requests of %s: got %d, want 1", e.Path(), got)
		}
	}
	if len(seen) != len(allEndpoints) {
		t.Errorf("requests: got %v, want only the four paths", seen)
	}
}
