package blackbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// faultCase is a fault and its expected reason. The fault applies to one endpoint of an upstream whose other two stay
// healthy, or to the upstream as a whole.
type faultCase struct {
	name   string
	path   string // set by assignPaths if empty
	reason string // or two, separated by "|", if the client cannot always distinguish them
	fault  func(document string) fake.Behaviour
	whole  func(*fake.Server) // instead of path and fault

	tls     bool // the upstream speaks TLS while it is healthy
	retried bool
}

// reasons returns the accepted values of the label reason.
func (r faultCase) reasons() []string { return strings.Split(r.reason, "|") }

// paths returns the paths that fail.
func (r faultCase) paths() []string {
	if r.whole != nil {
		return v1Paths
	}
	return []string{r.path}
}

// assignPaths assigns the three paths in turn to the cases without a path.
func assignPaths(cases []faultCase) []faultCase {
	for i := range cases {
		if cases[i].path == "" {
			cases[i].path = v1Paths[i%len(v1Paths)]
		}
	}
	return cases
}

func markRetried(cases []faultCase) []faultCase {
	for i := range cases {
		cases[i].retried = true
	}
	return cases
}

// allCases returns the table of faults.
func allCases() []faultCase {
	return append(assignPaths(slices.Concat(
		markRetried(slices.Concat(connectionCases(), protocolCases(), forgedReasonCases(), retriedStatusCases(), syntaxCases(), timeoutCases())),
		statusCases(), redirectCases(), headerCases(), sizeCases(), schemaCases(), valueCases())), upstreamCases()...)
}

// The IDs of the documents before, during and after a fault. The faulty document differs from the good ones, so that a
// value from it would be noticed.
const (
	documentBefore = 0
	documentFaulty = 1000
	documentAfter  = 2
)

// inject begins the fault.
func (r faultCase) inject(server *fake.Server) {
	if r.whole != nil {
		r.whole(server)
	} else {
		server.Set(r.path, r.fault(fake.Document(r.path, documentFaulty)))
	}
}

// heal ends the fault and publishes document id.
func (r faultCase) heal(t *testing.T, server *fake.Server, id int) {
	t.Helper()
	publish(server, id)
	if r.whole == nil {
		return
	}
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	server.SetConnHandler(r.healthy())
}

func (r faultCase) healthy() fake.ConnHandler {
	if r.tls {
		return fake.TLS(trusted.Config())
	}
	return fake.Plain
}

func (r faultCase) url(server *fake.Server) string {
	if r.tls {
		return server.TLSURL()
	}
	return server.URL()
}

// bad requires the state promised during the fault, with the values of an earlier document.
func (r faultCase) bad(e exposition, upstream string) error {
	return someBad(e, upstream, documentBefore, r.paths(), r.reasons()...)
}

// check injects the fault into a healthy upstream and calls during. Afterwards the state, including the reason, must be
// unchanged.
func (r faultCase) check(t *testing.T, p *program, server *fake.Server, upstream string, during func(first exposition)) (last exposition) {
	t.Helper()
	bad := func(e exposition) error { return r.bad(e, upstream) }
	r.inject(server)
	first := p.await(t, upstream, bad)
	during(first)
	last = p.await(t, upstream, bad)
	if slices.Contains(r.paths(), fake.Network) {
		checkNoObservation(t, first, last, upstream)
	}
	return last
}

// checkNoObservation checks that no latency was observed between two expositions, and that some were before.
func checkNoObservation(t *testing.T, first, last exposition, upstream string) {
	t.Helper()
	count := series("betanet_message_latency_seconds_count", "upstream", upstream)
	if before, after := first.values[count], last.values[count]; before != after || before == 0 {
		t.Errorf("%s: got %v after %v without a new document, want no observation", count, after, before)
	}
}

// checkHealed ends the fault and waits until the upstream is healthy.
func (r faultCase) checkHealed(t *testing.T, p *program, server *fake.Server, upstream string) {
	t.Helper()
	r.heal(t, server, documentAfter)
	p.awaitGood(t, upstream, documentAfter)
}

// flags returns flags for an exporter in the process of the test. Attempts do not time out, however busy the machine is,
// unless the fault never ends.
func (r faultCase) flags(t *testing.T, server *fake.Server) []string {
	t.Helper()
	limit := "--request.timeout=40s"
	if r.reason == "timeout" {
		limit = "--request.timeout=500ms"
	}
	flags := append([]string{"--collect.timeout=50s", limit, fmt.Sprint("--retry.attempts=", r.attempts())}, commonFlags[1:]...)
	if !r.tls {
		return append(flags, "--betanet.url="+server.URL())
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ca.pem"), roots)
	write(t, filepath.Join(dir, "betanet.yml"), "upstreams: [{url: '"+server.TLSURL()+"', http_client: {tls_config: {ca_file: ca.pem}}}]")
	return append(flags, "--config.file="+filepath.Join(dir, "betanet.yml"))
}

// attempts returns the number of attempts in a collection that is retried.
func (r faultCase) attempts() int {
	if r.whole != nil {
		return 2
	}
	return 3
}

// TestEveryFaultHasItsReason injects each fault of the table into the upstream of an exporter in the process of the
// test. The fault is active at startup, when no series of the endpoint may be exposed, not even with 0; it ends and
// comes back. Each attempt is counted by its reason and retried only if the case is retried. Afterwards the exporter
// has no connections and no more goroutines than before. After all faults together, no more descriptors are open than
// before.
func TestEveryFaultHasItsReason(t *testing.T) {
	client.CloseIdleConnections()
	before := descriptors()
	t.Cleanup(func() { // after the cases, and before parallel tests start
		client.CloseIdleConnections()
		for end := time.Now().Add(deadline); descriptors() > before+8; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("got %d open descriptors, want at most 8 more than the %d before the faults", descriptors(), before)
			}
		}
	})
	for _, r := range allCases() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.checkInProcess(t, start(t))
		})
	}
}

func (r faultCase) checkInProcess(t *testing.T, server *fake.Server) {
	t.Helper()
	r.inject(server)
	p := inProcess(t, []string{server.Addr()}, r.flags(t, server)...)
	upstream := "" // an upstream in a flag has no label
	if r.tls {
		upstream = server.Addr()
	}
	p.await(t, upstream, func(e exposition) error {
		return failing(e, upstream, documentBefore, r.paths(), func(s endpoint) error { return s.neverGood(e, r.reasons()...) })
	})
	r.heal(t, server, documentBefore)
	p.awaitGood(t, upstream, documentBefore)
	goroutines := p.goroutines()
	var first exposition
	var rounds int
	requests := map[string]int{}
	last := r.check(t, p, server, upstream, func(e exposition) {
		first, rounds = e, p.rounds
		for _, path := range r.paths() {
			requests[path] = server.Requests(path)
		}
	})
	collections, attempts := p.rounds-rounds, 1
	if r.retried {
		attempts = r.attempts()
	}
	for _, path := range r.paths() {
		r.checkCounters(t, first, last, path, collections, attempts)
		// net/http repeats a request itself if a kept connection ends before the first byte of the response. On a busy
		// machine an attempt may time out before it has sent a request.
		got, want := server.Requests(path)-requests[path], collections*attempts
		if r.whole == nil && (got < want && r.reason != "timeout" || got > 2*want || !r.retried && got > want) {
			t.Errorf("got %d requests for %s in %d collections, want %d attempts in each", got, path, collections, attempts)
		}
	}
	r.checkHealed(t, p, server, upstream)
	publishOnce(server, documentAfter)
	p.await(t, upstream, func(e exposition) error {
		return errors.Join(isClosed(server), p.checkGoroutines(goroutines), allGood(e, upstream, documentAfter))
	})
}

// checkCounters checks that all attempts at a path are counted under the reason, and all but the first of each collection
// as retries.
func (r faultCase) checkCounters(t *testing.T, first, last exposition, path string, collections, attempts int) {
	t.Helper()
	var got float64
	for _, reason := range r.reasons() {
		got += last.attempts(path, reason) - first.attempts(path, reason)
	}
	if want := float64(collections * attempts); got != want {
		t.Errorf("got %v attempts at %s that ended in %s in %d collections, want %v", got, path, r.reason, collections, want)
	}
	retries := series("betanet_exporter_retries_total", "endpoint", endpoints[path])
	if got, want := last.values[retries]-first.values[retries], float64(collections*(attempts-1)); got != want {
		t.Errorf("%s: got %v more in %d collections, want %v", retries, got, collections, want)
	}
	if got := last.attempts(path, "success") - first.attempts(path, "success"); got != 0 {
		t.Errorf("got %v attempts at %s that ended in success, want none", got, path)
	}
}

// TestUnusualButValidResponsesAreAccepted checks that the exporter is not stricter than documented.
func TestUnusualButValidResponsesAreAccepted(t *testing.T) {
	for _, r := range assignPaths(acceptedCases()) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			p := collector(t, server)
			p.awaitGood(t, "", documentBefore)
			server.Set(r.path, r.fault(fake.Document(r.path, documentAfter)))
			p.await(t, "", func(e exposition) error {
				return errors.Join((endpoint{"", r.path}).good(e, documentAfter), e.is("betanet_up", 1))
			})
		})
	}
}
