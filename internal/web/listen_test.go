package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
)

const maxConns = 512

// startServer serves a handler on loopback. It returns the address and a function that
// stops the server and waits for it.
func startServer(t *testing.T, h http.Handler, metrics *exposition.ExporterMetrics) (string, func() error) {
	t.Helper()
	listeners, err := Listen(net.Listen, []string{"127.0.0.1:0"}, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s := &Server{Handler: h, MaxConns: maxConns, Exporter: metrics, Log: slog.New(slog.DiscardHandler)}
	go func() { ended <- s.Serve(ctx, listeners) }()
	stop := func() error { cancel(); return <-ended }
	t.Cleanup(cancel)
	return listeners[0].Addr().String(), stop
}

func countRejected(t *testing.T, r *exposition.Registry, reason string) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b, exposition.Text); err != nil {
		t.Fatal(err)
	}
	prefix := `betanet_exporter_http_rejected_total{reason="` + reason + `"} `
	_, after, _ := strings.Cut(b.String(), prefix)
	n, _, _ := strings.Cut(after, "\n")
	return n
}

func TestPortInUseIsReportedWithItsAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Listen(net.Listen, []string{l.Addr().String()}, false)
	if want := fmt.Sprintf("listen on %s: bind: address already in use", l.Addr()); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestShutdownLetsAScrapeInFlightFinish(t *testing.T) {
	begun := make(chan struct{})
	addr, stop := startServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		time.Sleep(100 * time.Millisecond) // the server is stopped during this
		io.WriteString(w, "whole")
	}), exposition.NewRegistry().Exporter)
	got := make(chan string)
	go func() {
		r, err := http.Get("http://" + addr)
		if err != nil {
			got <- err.Error()
			return
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		got <- string(b)
	}()
	<-begun
	if err := stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if text := <-got; text != "whole" {
		t.Errorf("got %q, want the whole response", text)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestShutdownDoesNotWaitForAHangingScrape(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	addr, stop := startServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-release
	}), exposition.NewRegistry().Exporter)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-begun
	ended := make(chan error)
	go func() { ended <- stop() }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("Serve still waits for the scrape")
	}
	close(release)
}

func TestOldestIdleConnectionsAreClosedAboveTheLimit(t *testing.T) {
	reg := registry(view(upstreamAt(""), good, breaker.Closed))
	addr, stop := startServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }), reg.Exporter)
	var all []net.Conn
	for range maxConns + 5 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
	}
	for i, c := range all[:5] {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("connection %d: got %v, want it closed", i, err)
		}
	}
	last := all[len(all)-1]
	fmt.Fprint(last, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	last.SetReadDeadline(time.Now().Add(10 * time.Second))
	r, err := http.ReadResponse(bufio.NewReader(last), nil)
	if err != nil || r.StatusCode != 200 {
		t.Errorf("the newest connection got %v, %v, want a response", r, err)
	}
	if got := countRejected(t, reg, "connections"); got != "5" {
		t.Errorf("got %s rejected connections counted, want 5", got)
	}
	if err := stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestWriteWithoutProgressFails(t *testing.T) {
	ours, theirs := net.Pipe() // nothing reads from theirs
	defer theirs.Close()
	stalls := 0
	c := &stallTimeoutConn{Conn: fastDeadlines{ours}, stalled: func() { stalls++ }}
	if _, err := c.Write([]byte("x")); err == nil || stalls != 1 {
		t.Errorf("got %v and %d stalls, want a timeout and 1", err, stalls)
	}
	ours.Close()
}

// fastDeadlines makes the write deadlines of a connection a thousand times as short.
type fastDeadlines struct{ net.Conn }

func (d fastDeadlines) SetWriteDeadline(t time.Time) error {
	return d.Conn.SetWriteDeadline(time.Now().Add(time.Until(t) / 1000))
}
