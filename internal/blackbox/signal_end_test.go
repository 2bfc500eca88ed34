package blackbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// moment is a state of an exporter in which it gets a signal.
type moment struct {
	name    string
	fault   func(*fake.Server)
	flags   []string
	reached func(exposition, *fake.Server) error
}

// longCollections configures collections that take a minute.
var longCollections = []string{"--collect.interval=2m", "--collect.timeout=1m", "--request.timeout=1m"}

func onAllPaths(b fake.Behaviour) func(*fake.Server) {
	return func(server *fake.Server) { setAll(server, b) }
}

func moments() []moment {
	const long = 60 * time.Second
	connected := func(_ exposition, server *fake.Server) error { return counted("connections", server.Accepted(), 1) }
	requested := func(_ exposition, server *fake.Server) error {
		return counted("requests", server.Requests(fake.Metrics), 1)
	}
	retrying := func(e exposition, _ *fake.Server) error {
		return e.is(series("betanet_exporter_retries_total", "endpoint", "metrics"), 1)
	}
	slow := fake.Drip([]byte(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 1000)), 10*time.Millisecond)
	return []moment{
		{"a fetch", onAllPaths(fake.HangAfter(nil)), longCollections, requested},
		{"a body", onAllPaths(fake.HangAfter(upTo("headers", "{}"))), longCollections, requested},
		{"a slow response", onAllPaths(slow), longCollections, requested},
		{"a TLS handshake", connHandler(fake.HangOnAccept), longCollections, connected},
		{"a backoff", onAllPaths(fake.Status(503, "{}")), append([]string{"--retry.backoff=50s", "--retry.max-backoff=50s"}, longCollections...), retrying},
		{"a Retry-After", onAllPaths(fake.Status(429, "{}", "Retry-After: 30")), longCollections, retrying},
		{
			"a breaker's probe", onAllPaths(fake.InTurn(fake.Status(501, "{}"), fake.Status(501, "{}"), fake.Status(501, "{}"), fake.HangAfter(nil))),
			append([]string{"--breaker.failures=1", "--breaker.open=100ms", "--retry.attempts=1"}, longCollections...),
			func(e exposition, server *fake.Server) error {
				return e.is(series("betanet_exporter_circuit_breaker_transitions_total", "endpoint", "metrics", "state", "half_open"), 1)
			},
		},
		{"a pause between collections", onAllPaths(fake.Late(long, fake.NotFound)), []string{"--collect.timeout=100ms", "--collect.interval=2m"}, func(e exposition, _ *fake.Server) error {
			return (endpoint{"", fake.Metrics}).reasons(e, "timeout")
		}},
	}
}

func TestSIGTERMEndsTheExporterAtAnyMoment(t *testing.T) {
	t.Parallel()
	for i, m := range moments() {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(fmt.Sprintf("%v in %s", sig, m.name), func(t *testing.T) {
				t.Parallel()
				if sig == syscall.SIGINT && i > 0 {
					skipUnlessWholeSuite(t)
				}
				server := start(t)
				m.fault(server)
				url := server.URL()
				if strings.Contains(m.name, "TLS") {
					url = server.TLSURL()
				}
				p := launch{}.start(t, append([]string{"--betanet.url=" + url}, m.flags...)...)
				p.await(t, "", func(e exposition) error { return m.reached(e, server) })
				p.checkEndsOn(t, sig)
			})
		}
	}
}

// TestSIGTERMLetsAScrapeInFlightFinish has a scrape of several megabytes, of which the client has read only a part. It
// runs alone, because the exporter gives the scrape less than a second.
func TestSIGTERMLetsAScrapeInFlightFinish(t *testing.T) {
	server := startMixnodes(t)
	var nodes []string
	for i := range 1000 {
		nodes = append(nodes, fmt.Sprintf(`{"id":"mixnode-%030d","status":"active","packets_processed":%d,"packets_forwarded":1,"packets_dropped":1,"uptime_seconds":1,"avg_latency_ms":1.5}`, i, i))
	}
	server.Set(fake.Mixnodes, fake.JSON("["+strings.Join(nodes, ",")+"]"))
	const upstreams = 10
	text := "upstreams:\n"
	for i := range upstreams {
		text += fmt.Sprintf("- {name: '%d', url: '%s', api: mixnodes}\n", i, server.URL())
	}
	file := filepath.Join(t.TempDir(), "betanet.yml")
	write(t, file, text)
	p := launch{}.start(t, append([]string{"--config.file=" + file}, unhurriedFlags...)...)
	p.await(t, "", func(e exposition) error { return e.is(series("betanet_fleet_upstreams", "state", "up"), upstreams) })

	conn := p.dial(t)
	conn.SetReadBuffer(64 << 10)
	conn.SetDeadline(time.Now().Add(deadline))
	io.WriteString(conn, scrapeRequest)
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 1<<10), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	signalled := time.Now()
	signal(t, p, syscall.SIGTERM)
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("the scrape in flight ended after %d bytes: %v", len(got), err)
	}
	if n := strings.Count(string(got), "\nbetanet_mixnode_up{"); n != upstreams*1000 {
		t.Errorf("the scrape in flight has %d mixnodes, want %d", n, upstreams*1000)
	}
	<-p.done
	if took := p.Ended.Sub(signalled); took > 3*time.Second {
		t.Errorf("the exporter ended %v after SIGTERM with a scrape in flight, want about a second", took)
	}
}

// TestSIGTERMDuringStartupEndsTheExporter sends the signal later and later. The first ones precede the signal handler, so
// the kernel ends the process. After later ones the process must end itself.
func TestSIGTERMDuringStartupEndsTheExporter(t *testing.T) {
	t.Parallel()
	server := start(t)
	rounds, step := 6, 100*time.Millisecond
	if wholeSuite() {
		rounds, step = 60, 12*time.Millisecond
	}
	handled := 0
	for i := range rounds {
		p := launch{}.spawn(t, "--betanet.url="+server.URL())
		p.ownCheck = true
		<-time.After(time.Duration(i) * step)
		signalled := time.Now()
		p.Cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(deadline):
			t.Fatalf("the exporter did not end on a SIGTERM %v after its start", time.Duration(i)*step)
		}
		var exit *exec.ExitError
		bySystem := errors.As(p.err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGTERM
		if bySystem && len(p.log.Lines()) == 0 {
			continue
		}
		handled++
		if took := p.Ended.Sub(signalled); took > 2500*time.Millisecond {
			t.Errorf("after a SIGTERM %v after its start, the exporter took %v to end", time.Duration(i)*step, took)
		}
		p.checkEnd(t)
	}
	t.Logf("%d of %d exporters handled the signal", handled, rounds)
}

// TestARestartAfterSIGKILLInventsNothing kills the process at different times, while the counters of the upstreams grow.
func TestARestartAfterSIGKILLInventsNothing(t *testing.T) {
	t.Parallel()
	first, second := start(t), start(t)
	args := []string{
		"--betanet.url=" + first.URL(), "--betanet.url=" + second.URL(), "--collect.interval=50ms", "--collect.timeout=45ms",
		"--breaker.failures=1000000",
	}
	rounds := 4
	if wholeSuite() {
		rounds = 25
	}
	for i := range rounds {
		id := 100 + 10*i
		publish(first, id)
		publish(second, id)
		p := launch{}.start(t, args...)
		began := time.Now()
		for seen := false; !seen || time.Since(began) < time.Duration(i%5)*70*time.Millisecond; {
			e, err := p.fetch()
			if err == nil {
				err = errors.Join(checkFresh(e, first.Addr(), id), checkFresh(e, second.Addr(), id))
			}
			if err != nil {
				t.Fatalf("after %d restarts: %v", i, err)
			}
			seen = allGood(e, first.Addr(), id) == nil && allGood(e, second.Addr(), id) == nil
			if time.Since(began) > deadline {
				t.Fatalf("after %d restarts: no values\n%s", i, p.logTail())
			}
		}
		p.kill()
	}
}

// checkFresh returns an error if an exposition has more than a process can know after a single document from each path.
func checkFresh(e exposition, upstream string, id int) error {
	var all []error
	for _, path := range v1Paths {
		if st := (endpoint{upstream, path}); st.noValues(e) != nil {
			all = append(all, st.values(e, id))
		}
	}
	if resets, ok := e.values[series("betanet_exporter_upstream_resets_total", "upstream", upstream)]; ok && resets != 0 {
		all = append(all, fmt.Errorf("%s: got %v counter resets, want none", upstream, resets))
	}
	for _, name := range []string{"messages", "packets_dropped", "bytes_transmitted", "bytes_received"} {
		all = append(all, e.is("betanet_fleet_"+name+"_total", 0))
	}
	return errors.Join(all...)
}
