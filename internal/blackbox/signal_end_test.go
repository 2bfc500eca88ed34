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

// moment is something that an exporter is in the midst of.
type moment struct {
	name  string
	fault func(*fake.Server)
	flags []string
	here  func(exposition, *fake.Server) error
}

// lasting is a collection that would take a minute.
var lasting = []string{"--collect.interval=2m", "--collect.timeout=1m", "--request.timeout=1m"}

func every(b fake.Behaviour) func(*fake.Server) {
	return func(server *fake.Server) {
		for _, path := range v1Paths {
			server.Set(path, b)
		}
	}
}

func moments() []moment {
	const long = 60 * time.Second
	asked := func(_ exposition, server *fake.Server) error {
		if server.Accepted() == 0 {
			return errors.New("the upstream is not connected")
		}
		return nil
	}
	atMetrics := func(n int) func(exposition, *fake.Server) error {
		return func(_ exposition, server *fake.Server) error {
			if got := server.Requests(fake.Metrics); got < n {
				return fmt.Errorf("got %d requests, want %d", got, n)
			}
			return nil
		}
	}
	slow := fake.Drip([]byte(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 1000)), 10*time.Millisecond)
	return []moment{
		{"the fetch", every(fake.HangAfter(nil)), lasting, atMetrics(1)},
		{"a body", every(fake.HangAfter(upTo("headers", "{}"))), lasting, atMetrics(1)},
		{"a slow answer", every(slow), lasting, atMetrics(1)},
		{"a TLS handshake", transport(fake.HangOnAccept), lasting, asked},
		{
			"a wait before a retry", every(fake.Status(503, "{}")),
			append([]string{"--retry.backoff=50s", "--retry.max-backoff=50s"}, lasting...),
			func(e exposition, _ *fake.Server) error {
				return e.is(series("betanet_exporter_retries_total", "endpoint", "metrics"), 1)
			},
		},
		{
			"a Retry-After", every(fake.Status(429, "{}", "Retry-After: 30")), lasting,
			func(e exposition, _ *fake.Server) error {
				return e.is(series("betanet_exporter_retries_total", "endpoint", "metrics"), 1)
			},
		},
		{
			"a breaker's probe", every(fake.InTurn(fake.Status(501, "{}"), fake.Status(501, "{}"), fake.Status(501, "{}"), fake.HangAfter(nil))),
			append([]string{"--breaker.failures=1", "--breaker.open=100ms", "--retry.attempts=1"}, lasting...),
			func(e exposition, server *fake.Server) error {
				return e.is(series("betanet_exporter_circuit_breaker_transitions_total", "endpoint", "metrics", "state", "half_open"), 1)
			},
		},
		{"a rest", every(fake.Late(long, fake.NotFound)), append([]string{"--collect.timeout=100ms"}, "--collect.interval=2m"), func(e exposition, _ *fake.Server) error {
			return (state{"", fake.Metrics}).reasons(e, "timeout")
		}},
	}
}

func TestSIGTERMEndsItAtAnyMoment(t *testing.T) {
	t.Parallel()
	for i, m := range moments() {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(fmt.Sprintf("%v in %s", sig, m.name), func(t *testing.T) {
				t.Parallel()
				if sig == syscall.SIGINT && i > 0 {
					inTheWholeSuiteOnly(t)
				}
				server := start(t)
				m.fault(server)
				url := server.URL()
				if strings.Contains(m.name, "TLS") {
					url = server.TLSURL()
				}
				p := surroundings{}.start(t, append([]string{"--betanet.url=" + url}, m.flags...)...)
				p.await(t, "", func(e exposition) error { return m.here(e, server) })
				p.endsOn(t, sig)
			})
		}
	}
}

// TestSIGTERMLetsAScrapeInFlightFinish has a scrape of many megabytes, of which the client has read a little.
func TestSIGTERMLetsAScrapeInFlightFinish(t *testing.T) {
	t.Parallel()
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
	p := surroundings{}.start(t, append([]string{"--config.file=" + file}, unhurried...)...)
	p.await(t, "", func(e exposition) error { return e.is(series("betanet_fleet_upstreams", "state", "up"), upstreams) })

	conn := p.dial(t)
	conn.SetReadBuffer(64 << 10)
	conn.SetDeadline(time.Now().Add(deadline))
	io.WriteString(conn, scrapeRequest)
	answer := bufio.NewReaderSize(conn, 1<<10)
	response, err := http.ReadResponse(answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	asked := time.Now()
	signal(t, p, syscall.SIGTERM)
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("the scrape in flight ended after %d bytes: %v", len(got), err)
	}
	if n := strings.Count(string(got), "\nbetanet_mixnode_up{"); n != upstreams*1000 {
		t.Errorf("the scrape in flight has %d mixnodes, want %d", n, upstreams*1000)
	}
	<-p.done
	if took := p.ended.Sub(asked); took > 3*time.Second {
		t.Errorf("with a scrape in flight it ended after %v, want a second", took)
	}
}

// TestSIGTERMEndsItWhileItStarts asks at moments that are further and further from the start. The earliest are before there
// is a program to hear of it, and the system ends it; afterwards it is to end by itself.
func TestSIGTERMEndsItWhileItStarts(t *testing.T) {
	t.Parallel()
	server := start(t)
	rounds, step := 6, 100*time.Millisecond
	if whole() {
		rounds, step = 60, 12*time.Millisecond
	}
	own := 0
	for i := range rounds {
		p := surroundings{}.begin(t, "--betanet.url="+server.URL())
		p.kept = true
		<-time.After(time.Duration(i) * step) // the moment is what is varied
		asked := time.Now()
		p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(deadline):
			t.Fatalf("it does not end on a SIGTERM %v after its start", time.Duration(i)*step)
		}
		var exit *exec.ExitError
		bySystem := errors.As(p.err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGTERM
		if bySystem && len(p.log.all()) == 0 {
			continue
		}
		own++
		if took := p.ended.Sub(asked); took > 2500*time.Millisecond {
			t.Errorf("a SIGTERM %v after its start: it ended %v later", time.Duration(i)*step, took)
		}
		p.checkEnd(t)
	}
	t.Logf("%d of %d ended by themselves", own, rounds)
}

// TestASIGKILLAndARestartInventNothing ends the process at moments that nobody chose, while documents go on growing.
func TestASIGKILLAndARestartInventNothing(t *testing.T) {
	t.Parallel()
	first, second := start(t), start(t)
	args := []string{
		"--betanet.url=" + first.URL(), "--betanet.url=" + second.URL(), "--collect.interval=50ms", "--collect.timeout=45ms",
		"--breaker.failures=1000000",
	}
	rounds := 4
	if whole() {
		rounds = 25
	}
	for i := range rounds {
		id := 100 + 10*i
		publish(first, id)
		publish(second, id)
		p := surroundings{}.start(t, args...)
		began := time.Now()
		for seen := false; !seen || time.Since(began) < time.Duration(i%5)*70*time.Millisecond; {
			e, err := p.fetch()
			if err == nil {
				err = errors.Join(untouched(e, first.Addr(), id), untouched(e, second.Addr(), id))
			}
			if err != nil {
				t.Fatalf("after %d restarts: %v", i, err)
			}
			seen = allGood(e, first.Addr(), id) == nil && allGood(e, second.Addr(), id) == nil
			if time.Since(began) > deadline {
				t.Fatalf("after %d restarts no values\n%s", i, p.log.lines(""))
			}
		}
		p.kill()
	}
}

// untouched complains about anything that a process that has seen only one document cannot know.
func untouched(e exposition, upstream string, id int) error {
	var all []error
	for _, path := range v1Paths {
		if st := (state{upstream, path}); st.noValues(e) != nil {
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
