package blackbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// Misbehaving clients of the exporter. At the same time a well-behaved scraper must be served.

// dial opens a raw connection to the exporter.
func (p *program) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

const scrapeRequest = "GET /metrics HTTP/1.1\r\nHost: exporter\r\n\r\n"

// startHealthy starts an exporter for one healthy upstream.
func startHealthy(t *testing.T, flags ...string) (*program, *fake.Server) {
	t.Helper()
	server := start(t)
	p := serve(t, nil, append(append([]string{"--betanet.url=" + server.URL()}, unhurriedFlags...), flags...)...)
	p.awaitGood(t, "", documentBefore)
	checkLeaks(t, p, server)
	return p, server
}

// rejected returns the key of the counter of rejected requests or connections.
func rejected(reason string) string {
	return series("betanet_exporter_http_rejected_total", "reason", reason)
}

func TestAClientThatNeverEndsItsRequestIsDisconnected(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	p, _ := startHealthy(t)
	var cut sync.WaitGroup
	for range 100 {
		conn := p.dial(t)
		cut.Go(func() {
			began := time.Now()
			fmt.Fprint(conn, "GET /metrics HTTP/1.1\r\nHost: exporter\r\nX: ")
			// Each byte is progress, but there is also a limit for the whole request.
			for time.Since(began) < deadline {
				if _, err := io.WriteString(conn, "x"); err != nil {
					break
				}
				conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
				if _, err := conn.Read(make([]byte, 1<<10)); err != nil && !isTimeout(err) {
					break
				}
			}
			if took := time.Since(began); took < 5*time.Second || took > 20*time.Second {
				t.Errorf("a request that never ended was disconnected after %v, want about 10 s", took)
			}
		})
	}
	for range 20 {
		if _, err := p.fetch(); err != nil {
			t.Errorf("another scraper: %v", err)
		}
	}
	cut.Wait()
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// TestAClientThatNeverReadsIsDisconnected sends requests on a connection until the responses fill all buffers.
func TestAClientThatNeverReadsIsDisconnected(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	p, _ := startHealthy(t)
	const clients = 20
	var full sync.WaitGroup
	for range clients {
		conn := p.dial(t)
		conn.SetReadBuffer(4 << 10)
		full.Go(func() {
			conn.SetWriteDeadline(time.Now().Add(8 * time.Second))
			for {
				if _, err := io.WriteString(conn, strings.Repeat(scrapeRequest, 100)); err != nil {
					return
				}
			}
		})
	}
	full.Wait()
	if _, err := p.fetch(); err != nil {
		t.Errorf("another scraper: %v", err)
	}
	p.await(t, "", func(e exposition) error {
		return counted("slow clients", int(e.values[rejected("slow_client")]), clients)
	})
}

// TestTheOldestOfTooManyIdleConnectionsAreClosed opens three times as many connections as permitted.
func TestTheOldestOfTooManyIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	const limit, opened = 512, 1600
	p, _ := startHealthy(t)
	var all []*net.TCPConn
	for i := range opened {
		all = append(all, p.dial(t))
		if i%400 == 0 {
			if _, err := p.fetch(); err != nil {
				t.Errorf("another scraper: %v", err)
			}
		}
	}
	p.await(t, "", func(e exposition) error {
		// On a busy machine, some connections are already closed, because they sent nothing for too long.
		return errors.Join(
			counted("closed connections", int(e.values[rejected("connections")]), 100),
			e.isAtMost("process_open_fds", limit+idleDescriptors))
	})
	oldest, newest := all[0], all[len(all)-1]
	oldest.SetReadDeadline(time.Now().Add(deadline))
	if _, err := oldest.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the oldest connection: got %v, want its end", err)
	}
	fmt.Fprint(newest, scrapeRequest)
	if _, err := readScrape(newest); err != nil {
		t.Errorf("the newest connection: %v", err)
	}
	for _, conn := range all {
		conn.Close()
	}
}

func TestAClientThatDisconnectsDuringItsResponseLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	p, _ := startHealthy(t)
	for range 100 {
		conn := p.dial(t)
		fmt.Fprint(conn, strings.Repeat(scrapeRequest, 20))
		io.ReadFull(conn, make([]byte, 100))
		conn.SetLinger(0)
		conn.Close()
	}
	p.awaitGood(t, "", documentBefore)
}

func TestAnInvalidRequestIsRejected(t *testing.T) {
	t.Parallel()
	p, _ := startHealthy(t)
	big := strings.Repeat("x", 64<<10)
	for name, c := range map[string]struct {
		request string
		want    string // possible prefixes of the status line, separated by "|"
	}{
		"a header of 64 KiB":         {"GET /metrics HTTP/1.1\r\nHost: e\r\nX: " + big + "\r\n\r\n", "HTTP/1.1 431"},
		"ten thousand headers":       {"GET /metrics HTTP/1.1\r\nHost: e\r\n" + strings.Repeat("A: b\r\n", 10_000) + "\r\n", "HTTP/1.1 431"},
		"a path of 64 KiB":           {"GET /" + big + " HTTP/1.1\r\nHost: e\r\n\r\n", "HTTP/1.1 431|HTTP/1.1 414"},
		"not HTTP":                   {"SSH-2.0-OpenSSH_9.9\r\n\r\n", "HTTP/1.1 400"},
		"TLS on a plain port":        {"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + big, "HTTP/1.0 400|HTTP/1.1 400|HTTP/1.1 431"},
		"no host":                    {"GET /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
		"two hosts":                  {"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400"},
		"a newline in a header name": {"GET /metrics HTTP/1.1\r\nHost: a\r\nA\nB: c\r\n\r\n", "HTTP/1.1 400"},
		"two lengths":                {"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 400"},
		"an unknown coding":          {"GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", "HTTP/1.1 501"},
		"HTTP/2 with prior knowledge": {
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "HTTP/1.1 505|HTTP/1.1 400|HTTP/1.1 405|HTTP/1.1 404",
		},
		"a body that never comes": {"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", "HTTP/1.1 200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := p.dial(t)
			conn.SetDeadline(time.Now().Add(deadline))
			go io.WriteString(conn, c.request)
			got, _ := bufio.NewReader(conn).ReadString('\n')
			for want := range strings.SplitSeq(c.want, "|") {
				if strings.HasPrefix(got, want) {
					return
				}
			}
			t.Errorf("got %q, want %s", got, c.want)
		})
	}
}

func TestOnlyGETAndHEADAreAllowed(t *testing.T) {
	t.Parallel()
	p, _ := startHealthy(t)
	for _, path := range []string{"/metrics", "/health", "/health/details", "/api/v1/status", "/-/healthy", "/-/ready", "/probe?target=x", "/sd", "/", "/upstream/x"} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
			if got, _, err := p.request(method, path); err != nil || got != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: got %d %v, want 405", method, path, got, err)
			}
		}
	}
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"HEAD", "/", 200},
		{"POST", "/-/reload", 403}, // by default
		{"POST", "/nothing", 404},
		{"GET", "/debug/pprof/", 404}, // by default
		{"GET", "/probe", 400},
	} {
		if got, _, err := p.request(c.method, c.path); err != nil || got != c.want {
			t.Errorf("%s %s: got %d %v, want %d", c.method, c.path, got, err, c.want)
		}
	}
}

// TestAStampedeOfScrapersReachesNoUpstream has an upstream that hangs and is collected once an hour, so that only a
// scraper could cause another request.
func TestAStampedeOfScrapersReachesNoUpstream(t *testing.T) {
	t.Parallel()
	server := start(t)
	setAll(server, fake.HangAfter(nil))
	p := serve(t, nil, "--betanet.url="+server.URL(), "--collect.interval=1h", "--collect.timeout=20s", "--request.timeout=20s", "--retry.attempts=1")
	p.await(t, "", func(exposition) error {
		for _, path := range v1Paths {
			if server.Requests(path) != 1 {
				return errors.New("the first collection has not begun")
			}
		}
		return nil
	})
	var scrapers sync.WaitGroup
	var served, refused atomic.Int64
	for range 100 {
		scrapers.Go(func() {
			for range 10 {
				began := time.Now()
				switch status, _, err := p.request("GET", "/metrics"); {
				case err != nil:
					t.Errorf("a scrape: %v", err)
					return
				case status == http.StatusOK:
					served.Add(1)
				case status == http.StatusServiceUnavailable:
					refused.Add(1)
				default:
					t.Errorf("got status %d, want 200 or 503", status)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("a scrape took %v, want no wait for the upstream", took)
				}
			}
		})
	}
	scrapers.Wait()
	e := p.await(t, "", func(e exposition) error {
		return e.is(rejected("max_requests"), float64(refused.Load()))
	})
	if got := served.Load() + refused.Load(); got != 1000 || served.Load() == 0 {
		t.Errorf("got %d responses, %d of them with values, want 1000", got, served.Load())
	}
	for _, path := range v1Paths {
		if got := server.Requests(path); got != 1 {
			t.Errorf("%s got %d requests, want only the one of the first collection", path, got)
		}
	}
	if got := e.values["betanet_exporter_collections_total"]; got != 1 {
		t.Errorf("got %v collections, want 1", got)
	}
}
