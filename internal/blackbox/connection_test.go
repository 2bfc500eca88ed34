package blackbox

import (
	"errors"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// ending is a way in which a persistent connection ends after a response.
type ending struct {
	name string
	end  func(document string) fake.Behaviour

	// ambiguous is set where unsolicited bytes may be taken for the response to the next request, because that request
	// was already sent, or because net/http reused the connection before it looked at the bytes it had read.
	ambiguous bool
}

func endings() []ending {
	const soon = 20 * time.Millisecond
	then := func(tail string) func(string) fake.Behaviour {
		return func(d string) fake.Behaviour { return fake.Split(healthyResponse(d), soon, []byte(tail)) }
	}
	return []ending{
		{name: "FIN at once", end: func(d string) fake.Behaviour { return fake.CutAfter(healthyResponse(d)) }},
		{name: "FIN a little later", end: func(d string) fake.Behaviour { return fake.ThenClose(then("")(d)) }},
		{name: "RST a little later", end: func(d string) fake.Behaviour { return fake.ThenReset(then("")(d)) }},
		{name: "closed as announced", end: func(d string) fake.Behaviour {
			return fake.ThenClose(fake.Typed(d, fake.JSONType, "Connection: close"))
		}},
		{name: "announced but not closed", end: typed(fake.JSONType, "Connection: close")},
		{name: "an extra response at once", end: func(d string) fake.Behaviour {
			return fake.Respond(append(healthyResponse(d), "HTTP/1.1 500 No\r\n\r\n"...))
		}, ambiguous: true},
		{name: "garbage on the idle connection", end: then("\x00\r\n"), ambiguous: true},
		{name: "a line with escapes on the idle connection", end: then("\x1b[31mlevel=ERROR\nlevel=ERROR\r\n"), ambiguous: true},
		{name: "408 on the idle connection", end: then("HTTP/1.1 408 Request Timeout\r\n\r\n"), ambiguous: true},
	}
}

// TestTheEndOfAPersistentConnectionIsNotAFailure ends each connection after a response. The next request needs a new
// connection and must not fail, however often this happens.
func TestTheEndOfAPersistentConnectionIsNotAFailure(t *testing.T) {
	for _, c := range endings() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			for _, path := range v1Paths {
				server.Set(path, c.end(fake.Document(path, documentBefore)))
			}
			p := collector(t, server)
			e := p.await(t, "", func(e exposition) error {
				return errors.Join(counted("collections", server.Requests(fake.Metrics), 6), allGood(e, "", documentBefore))
			})
			var failed float64
			for _, path := range v1Paths {
				failed += e.attempts(path, "eof") + e.attempts(path, "reset") + e.attempts(path, "connect")
				if !c.ambiguous {
					failed += e.attempts(path, "protocol") + e.attempts(path, "http_4xx") + e.attempts(path, "http_5xx")
				}
			}
			if failed != 0 {
				t.Errorf("got %v failed attempts, want none:\n%s", failed, p.log.Tail("failed"))
			}
			if got := server.Connections(fake.Metrics); got < 4 {
				t.Errorf("got %d connections, want one for each request, because the upstream closes them", got)
			}
		})
	}
}
