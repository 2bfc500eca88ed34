package betanet

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const attemptTimeout = 5 * time.Second

// inBubble runs a test in a synctest bubble against a server at the other end of a
// pipe, because real network connections would stop the fake clock.
func inBubble(t *testing.T, scheme string, handle func(net.Conn), f func(t *testing.T, c *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var handlers sync.WaitGroup
		o := options()
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			handlers.Go(func() {
				defer theirs.Close()
				handle(theirs)
			})
			return ours, nil
		}
		c := newClient(t, scheme+"://upstream:9000", nil, o)
		f(t, c)
		c.Close() // inside the bubble, which waits for its goroutines
		handlers.Wait()
	})
}

// phases returns handlers that stop responding, one for each phase of an attempt.
func phases() map[string]func(net.Conn) {
	wait := func(conn net.Conn) { io.Copy(io.Discard, conn) }
	after := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			readRequest(conn)
			io.WriteString(conn, text)
			wait(conn)
		}
	}
	return map[string]func(net.Conn){
		"request never read":        func(conn net.Conn) { time.Sleep(time.Hour) },
		"before the response":       wait,
		"in the status line":        after("HTTP/1.1 20"),
		"in the headers":            after("HTTP/1.1 200 OK\r\nContent-Type: "),
		"after an interim response": after("HTTP/1.1 100 Continue\r\n\r\n"),
		"before the body":           after("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
		"in the body":               after("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"packets_"),
		"before a chunk":            after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
		"body without length":       after("HTTP/1.0 200 OK\r\n\r\n" + document(Metrics, nil)),
		"one byte per second": func(conn net.Conn) {
			readRequest(conn)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
			for {
				if _, err := io.WriteString(conn, " "); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
	}
}

func TestTheTimeoutAppliesInEveryPhase(t *testing.T) {
	for name, handle := range phases() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "http", handle, func(t *testing.T, c *Client) { wantTimeout(t, c) })
		})
	}
}

func TestTheTimeoutAppliesInTheHandshake(t *testing.T) {
	inBubble(t, "https", func(conn net.Conn) { io.Copy(io.Discard, conn) }, func(t *testing.T, c *Client) { wantTimeout(t, c) })
}

func TestTheTimeoutAppliesToTheDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
		}
		wantTimeout(t, newClient(t, "http://upstream:9000", nil, o))
	})
}

func wantTimeout(t *testing.T, c *Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), attemptTimeout)
	defer cancel()
	begin := time.Now()
	doc, f := c.Fetch(ctx, Metrics, false)
	if doc != nil || f == nil || f.Reason != ReasonTimeout || !f.Retry || f.Ignored {
		t.Fatalf("Fetch(): got %v, %+v, want a timeout that is retried", doc, f)
	}
	if got := time.Since(begin); got != attemptTimeout {
		t.Errorf("Fetch() lasted: got %v, want %v", got, attemptTimeout)
	}
	if want := "fetch metrics: no answer in time"; f.Error() != want {
		t.Errorf("text: got %q, want %q", f, want)
	}
}

func TestACancellationIsIgnoredInEveryPhase(t *testing.T) {
	reload := errors.New("reload")
	for name, handle := range phases() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "http", handle, func(t *testing.T, c *Client) {
				parent, stop := context.WithCancelCause(t.Context())
				ctx, cancel := context.WithTimeout(parent, attemptTimeout)
				defer cancel()
				time.AfterFunc(attemptTimeout/2, func() { stop(reload) })
				begin := time.Now()
				doc, f := c.Fetch(ctx, Metrics, false)
				if doc != nil || f == nil || f.Reason != ReasonCanceled || f.Retry || !f.Ignored {
					t.Fatalf("Fetch(): got %v, %+v, want canceled, ignored, not retried", doc, f)
				}
				if !errors.Is(f, reload) {
					t.Errorf("cause: got %v, want %v", f.Err, reload)
				}
				if got := time.Since(begin); got != attemptTimeout/2 {
					t.Errorf("Fetch() lasted: got %v, want %v", got, attemptTimeout/2)
				}
			})
		})
	}
}

func TestACanceledContextMakesNoRequest(t *testing.T) {
	inBubble(t, "http", func(net.Conn) { t.Error("got a connection, want none") }, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, f := c.Fetch(ctx, Metrics, false); f == nil || f.Reason != ReasonCanceled {
			t.Errorf("Fetch(): got %v, want canceled", f)
		}
	})
}

func TestASlowResponseWithinTheTimeoutIsADocument(t *testing.T) {
	handle := func(conn net.Conn) {
		readRequest(conn)
		for _, part := range strings.SplitAfter(okResponse(document(Metrics, nil)), "\n") {
			time.Sleep(attemptTimeout / 10)
			io.WriteString(conn, part)
		}
	}
	inBubble(t, "http", handle, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithTimeout(t.Context(), attemptTimeout)
		defer cancel()
		if _, f := c.Fetch(ctx, Metrics, false); f != nil {
			t.Errorf("Fetch(): got %v, want a document", f)
		}
	})
}

func TestAnIdleConnectionIsKeptForTheIdleTimeout(t *testing.T) {
	var dials int
	handle := func(conn net.Conn) {
		dials++
		for readRequest(conn) != "" {
			io.WriteString(conn, okResponse(document(Metrics, nil)))
		}
	}
	inBubble(t, "http", handle, func(t *testing.T, c *Client) {
		for _, step := range []struct {
			idle time.Duration
			want int
		}{{0, 1}, {time.Minute - 1, 1}, {time.Minute + 1, 2}} {
			time.Sleep(step.idle)
			if _, f := c.Fetch(t.Context(), Metrics, false); f != nil {
				t.Fatal(f)
			}
			if dials != step.want {
				t.Errorf("connections after an idle time of %v: got %d, want %d", step.idle, dials, step.want)
			}
			synctest.Wait() // for the connection to become idle
		}
	})
}
