package blackbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// attempts is the counter of attempts at a path that ended in result.
func attempts(e exposition, path, result string) float64 {
	return e.values[series("betanet_exporter_attempts_total", "endpoint", endpoints[path], "result", result)]
}

// sumOf adds up the series of a name.
func sumOf(e exposition, name string) float64 {
	var sum float64
	for key, value := range e.values {
		if key == name || strings.HasPrefix(key, name+"{") {
			sum += value
		}
	}
	return sum
}

func TestAnUpstreamThatIsNotThereAtTheStartIsAbsentUntilItComes(t *testing.T) {
	t.Parallel()
	inTheWholeSuiteOnly(t)
	server := start(t)
	upstream := server.Addr()
	server.Refuse()
	p := watch(t, patient, server.URL())
	settles(t, p, server)
	e := p.await(t, upstream, func(e exposition) error { return allNever(e, upstream, "connect") })
	for _, path := range v1Paths {
		if attempts(e, path, "connect") == 0 {
			t.Errorf("%s: got no attempt that ended in connect, want some", path)
		}
	}
	for range 2 { // it comes, goes and comes back
		if err := server.Listen(); err != nil {
			t.Fatal(err)
		}
		p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentBefore) })
		server.Refuse()
		p.await(t, upstream, func(e exposition) error { return allBad(e, upstream, documentBefore, "connect") })
	}
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	publish(server, documentAfter)
	p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentAfter) })
}

// ending is a way in which a kept connection ends after an answer.
type ending struct {
	name string
	end  func(document string) fake.Behaviour

	// mistakable is set where the unasked bytes are taken for an answer, if a request is already on its way: rightly, or
	// because net/http had read them with the answer before and gave the connection on before it looked.
	mistakable bool
}

func endings() []ending {
	const soon = 20 * time.Millisecond
	then := func(tail string) func(string) fake.Behaviour {
		return func(d string) fake.Behaviour { return fake.Split(healthyAnswer(d), soon, []byte(tail)) }
	}
	return []ending{
		{name: "FIN at once", end: func(d string) fake.Behaviour { return fake.CutAfter(healthyAnswer(d)) }},
		{name: "FIN a little later", end: func(d string) fake.Behaviour { return fake.ThenClose(then("")(d)) }},
		{name: "RST a little later", end: func(d string) fake.Behaviour { return fake.ThenReset(then("")(d)) }},
		{name: "as announced", end: func(d string) fake.Behaviour {
			return fake.ThenClose(fake.Typed(d, fake.JSONType, "Connection: close"))
		}},
		{name: "announced and not done", end: typed(fake.JSONType, "Connection: close")},
		{name: "an answer too many at once", end: func(d string) fake.Behaviour {
			return fake.Respond(append(healthyAnswer(d), "HTTP/1.1 500 No\r\n\r\n"...))
		}, mistakable: true},
		{name: "garbage on the idle connection", end: then("\x00\r\n"), mistakable: true},
		{name: "a line with escapes on the idle connection", end: then("\x1b[31mlevel=ERROR\nlevel=ERROR\r\n"), mistakable: true},
		{name: "408 on the idle connection", end: then("HTTP/1.1 408 Request Timeout\r\n\r\n"), mistakable: true},
	}
}

// TestWhatEndsAKeptConnectionIsNoFailure has upstreams that end each connection after an answer in some way. The next
// request needs another connection, and is no failure, however often this happens.
func TestWhatEndsAKeptConnectionIsNoFailure(t *testing.T) {
	t.Parallel()
	inTheWholeSuiteOnly(t)
	for _, c := range endings() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			for _, path := range v1Paths {
				server.Set(path, c.end(fake.Document(path, documentBefore)))
			}
			p := serve(t, nil, append([]string{"--betanet.url=" + server.URL()}, brisk("--request.timeout=900ms")...)...)
			settles(t, p, server)
			e := p.await(t, "", func(e exposition) error {
				if n := server.Requests(fake.Metrics); n < 6 {
					return fmt.Errorf("got %d cycles, want 6", n)
				}
				return allGood(e, "", documentBefore)
			})
			var failed float64
			for _, path := range v1Paths {
				failed += attempts(e, path, "eof") + attempts(e, path, "reset") + attempts(e, path, "connect")
				if !c.mistakable {
					failed += attempts(e, path, "protocol") + attempts(e, path, "http_4xx") + attempts(e, path, "http_5xx")
				}
			}
			if failed != 0 {
				t.Errorf("got %v attempts that failed, want none:\n%s", failed, p.log.lines("failed"))
			}
			if got := server.Connections(fake.Metrics); got < 4 {
				t.Errorf("got %d connections, want one for each request: the upstream has not ended them", got)
			}
		})
	}
}

// TestASYNWithoutAnAnswerIsATimeout is for an upstream whose queue of connections is full, or that is behind a firewall.
func TestASYNWithoutAnAnswerIsATimeout(t *testing.T) {
	t.Parallel()
	server := start(t)
	upstream := server.Addr()
	p := watch(t, quick, server.URL())
	settles(t, p, server)
	p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentBefore) })

	if err := server.FillBacklog(); err != nil {
		t.Fatal(err)
	}
	first := p.await(t, upstream, func(e exposition) error { return allBad(e, upstream, documentBefore, "timeout") })
	p.await(t, upstream, func(e exposition) error {
		all := []error{allBad(e, upstream, documentBefore, "timeout")}
		for _, path := range v1Paths {
			if got := attempts(e, path, "timeout") - attempts(first, path, "timeout"); got < 3 {
				all = append(all, fmt.Errorf("%s: got %v more attempts that ended in timeout, want 3", path, got))
			}
		}
		return errors.Join(all...)
	})

	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	publish(server, documentAfter)
	p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentAfter) })
}
