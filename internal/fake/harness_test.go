package fake

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// patience is the time limit for everything that must happen.
	patience = 30 * time.Second
	// silence is how long a test waits to see that nothing happens. On a slow machine the test may miss a failure, but it
	// never reports a false one.
	silence = 50 * time.Millisecond
)

// clock is a clock that only tests advance.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// testingT has the common methods of testing.T and rapid.T.
type testingT interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
}

// simulateWithClock starts a service whose clock only the test advances.
func simulateWithClock(t testingT, o Options) (*Service, *clock) {
	t.Helper()
	c := &clock{at: time.Unix(1_700_000_000, 0)}
	return startService(t, o, c.now), c
}

// simulate starts a service on a free port and closes it at the end of the test.
func simulate(t testingT, o Options) *Service {
	t.Helper()
	return startService(t, o, time.Now)
}

func startService(t testingT, o Options, now func() time.Time) *Service {
	t.Helper()
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	s, err := simulateAt(o, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	return s
}

// client returns an HTTP client with its own connections.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// fetched is the result of a request.
type fetched struct {
	status int
	body   string
	err    error
}

func fetch(c *http.Client, method, url string) fetched {
	request, err := http.NewRequestWithContext(context.Background(), method, url, nil)
	if err != nil {
		return fetched{err: err}
	}
	response, err := c.Do(request)
	if err != nil {
		return fetched{err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 2<<20))
	return fetched{response.StatusCode, string(body), err}
}

// get fails the test unless the response is complete.
func get(t *testing.T, s *Service, path string) fetched {
	t.Helper()
	got := fetch(client(t), http.MethodGet, s.URL()+path)
	if got.err != nil {
		t.Fatalf("GET %s: %v", path, got.err)
	}
	return got
}

// begin sends a request and returns once the service has received it.
func begin(t *testing.T, s *Service, method, path string) <-chan fetched {
	t.Helper()
	before := s.Requests()[path]
	c, responses := client(t), make(chan fetched, 1)
	go func() { responses <- fetch(c, method, s.URL()+path) }()
	eventually(t, "the service receives "+path, func() bool { return s.Requests()[path] > before })
	return responses
}

func staysSilent[T any](t *testing.T, what string, responses <-chan T) {
	t.Helper()
	select {
	case got := <-responses:
		t.Fatalf("%s got the response %+v, want none", what, got)
	case <-time.After(silence):
	}
}

func await(t *testing.T, what string, responses <-chan fetched) fetched {
	t.Helper()
	select {
	case got := <-responses:
		return got
	case <-time.After(patience):
		t.Fatalf("%s: got no response within %v", what, patience)
		return fetched{}
	}
}

func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// dial opens a raw connection with a deadline.
func dial(t *testing.T, s *Service) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.DialTimeout("tcp", s.server.addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c, bufio.NewReader(c)
}

func send(t *testing.T, c net.Conn, request string) {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
}

// receive reads one complete response from a raw connection.
func receive(t *testing.T, r *bufio.Reader) *http.Response {
	t.Helper()
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response
}

// wantPanic fails the test if f returns.
func wantPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s returned, want a panic", what)
		}
	}()
	f()
}
