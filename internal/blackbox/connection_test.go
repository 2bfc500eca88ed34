package blackbox

import (
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
// request needs another connection, and is not a failure, however often this happens.
func TestWhatEndsAKeptConnectionIsNoFailure(t *testing.T) {
	for _, c := range endings() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			for _, path := range v1Paths {
				server.Set(path, c.end(fake.Document(path, documentBefore)))
			}
			p := alone(t, server)
			e := p.await(t, "", func(e exposition) error {
				if n := server.Requests(fake.Metrics); n < 6 {
					return fmt.Errorf("got %d collections, want 6", n)
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
