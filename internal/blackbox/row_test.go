package blackbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// row is one line of the classification table, or one of the faults that a line stands for. It is applied to a single
// endpoint of an upstream whose other two stay healthy, or to the upstream as a whole.
type row struct {
	name   string
	path   string // set by spread if empty
	reason string // as in the table; where the client cannot always tell, two with "|" between them
	fault  func(document string) fake.Behaviour
	whole  func(*fake.Server) // in place of path and fault

	tls     bool // the upstream speaks TLS while it is healthy
	retried bool
}

// reasons is the accepted values of the label reason.
func (r row) reasons() []string { return strings.Split(r.reason, "|") }

// paths are those that fail.
func (r row) paths() []string {
	if r.whole != nil {
		return v1Paths
	}
	return []string{r.path}
}

// spread gives rows without a path one of the three in turn.
func spread(rows []row) []row {
	for i := range rows {
		if rows[i].path == "" {
			rows[i].path = v1Paths[i%len(v1Paths)]
		}
	}
	return rows
}

func retried(rows []row) []row {
	for i := range rows {
		rows[i].retried = true
	}
	return rows
}

// allRows is the table of faults.
func allRows() []row {
	return append(spread(slices.Concat(
		retried(slices.Concat(connectionRows(), protocolRows(), forgedReasonRows(), retriedStatusRows(), syntaxRows(), timeoutRows())),
		statusRows(), redirectRows(), headerRows(), sizeRows(), schemaRows(), valueRows())), wholeRows()...)
}

// What a row publishes before, while and after its fault. The document that comes with the fault differs from the good
// ones, so that a value taken from it would be seen.
const (
	documentBefore = 0
	documentFaulty = 1000
	documentAfter  = 2
)

// begin begins the fault.
func (r row) begin(server *fake.Server) {
	if r.whole != nil {
		r.whole(server)
	} else {
		server.Set(r.path, r.fault(fake.Document(r.path, documentFaulty)))
	}
}

// heal ends the fault.
func (r row) heal(t *testing.T, server *fake.Server, id int) {
	t.Helper()
	publish(server, id)
	if r.whole == nil {
		return
	}
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	server.SetTransport(r.healthy())
}

func (r row) healthy() fake.Transport {
	if r.tls {
		return fake.TLS(trusted.Config())
	}
	return fake.Plain
}

func (r row) url(server *fake.Server) string {
	if r.tls {
		return server.TLSURL()
	}
	return server.URL()
}

// never and bad are what is promised while the fault is there, without an earlier document and with one.
func (r row) never(e exposition, upstream string) error {
	return failing(e, upstream, documentBefore, r.paths(), func(s state) error { return s.never(e, r.reasons()...) })
}

func (r row) bad(e exposition, upstream string) error {
	return someBad(e, upstream, documentBefore, r.paths(), r.reasons()...)
}

// check takes an upstream through healthy, faulty and healed. Later, after what meanwhile does, nothing has changed, in
// particular not the reason.
func (r row) check(t *testing.T, p *program, server *fake.Server, upstream string, meanwhile func(first exposition)) (still exposition) {
	t.Helper()
	p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentBefore) })
	r.begin(server)
	first := p.await(t, upstream, func(e exposition) error { return r.bad(e, upstream) })
	meanwhile(first)
	still = p.await(t, upstream, func(e exposition) error { return r.bad(e, upstream) })
	if slices.Contains(r.paths(), fake.Network) {
		count := series("betanet_message_latency_seconds_count", "upstream", upstream)
		if before, after := first.values[count], still.values[count]; before != after || before == 0 {
			t.Errorf("%s: got %v after %v without a fresh document, want no observation", count, after, before)
		}
	}
	return still
}

// healed is the end of a check.
func (r row) healed(t *testing.T, p *program, server *fake.Server, upstream string) {
	t.Helper()
	r.heal(t, server, documentAfter)
	p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentAfter) })
}

// collected is how an exporter in the process of the test is set up. An attempt never runs into its limit, however busy
// the machine is, unless the fault has no end.
func (r row) collected(t *testing.T, server *fake.Server) []string {
	t.Helper()
	limit := "--request.timeout=40s"
	if r.reason == "timeout" {
		limit = "--request.timeout=500ms"
	}
	flags := append([]string{"--collect.timeout=50s", limit, fmt.Sprint("--retry.attempts=", r.attempts())}, common[1:]...)
	if !r.tls {
		return append(flags, "--betanet.url="+server.URL())
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ca.pem"), roots)
	write(t, filepath.Join(dir, "betanet.yml"), "upstreams: [{url: '"+server.TLSURL()+"', http_client: {tls_config: {ca_file: ca.pem}}}]")
	return append(flags, "--config.file="+filepath.Join(dir, "betanet.yml"))
}

// attempts are those of a collection, as many as the process has retries for.
func (r row) attempts() int {
	if r.whole != nil {
		return 2
	}
	return 3
}

// TestEveryFaultHasItsReason takes an upstream through each fault of the table, with an exporter of its own in the process
// of the test. The fault is there from the start, so that nothing of the endpoint may be shown, not even a 0; it ends, and
// comes back. Each attempt is counted by its reason, and is made again only where the table wants it.
func TestEveryFaultHasItsReason(t *testing.T) {
	for _, r := range allRows() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.checkCollected(t, start(t))
		})
	}
}

func (r row) checkCollected(t *testing.T, server *fake.Server) {
	t.Helper()
	r.begin(server)
	p := inProcess(t, []string{server.Addr()}, r.collected(t, server)...)
	upstream := "" // the one that a flag names has no label
	if r.tls {
		upstream = server.Addr()
	}
	p.await(t, upstream, func(e exposition) error { return r.never(e, upstream) })
	r.heal(t, server, documentBefore)
	var first exposition
	var rounds int
	requests := map[string]int{}
	still := r.check(t, p, server, upstream, func(e exposition) {
		first, rounds = e, p.rounds
		for _, path := range r.paths() {
			requests[path] = server.Requests(path)
		}
	})
	attempted := 1
	if r.retried {
		attempted = r.attempts()
	}
	for _, path := range r.paths() {
		r.isCounted(t, first, still, path, p.rounds-rounds, attempted)
		// net/http sends a request again by itself if a kept connection ends before the first byte of the answer; an attempt
		// that is to time out may do so on a busy machine before there is a request.
		got, want := server.Requests(path)-requests[path], (p.rounds-rounds)*attempted
		if r.whole == nil && (got < want && r.reason != "timeout" || got > 2*want || !r.retried && got > want) {
			t.Errorf("got %d requests for %s in %d collections, want %d attempts in each", got, path, p.rounds-rounds, attempted)
		}
	}
	r.healed(t, p, server, upstream)
	publishOnce(server, documentAfter)
	p.await(t, upstream, func(e exposition) error { return errors.Join(isLeft(server), allGood(e, upstream, documentAfter)) })
}

// isCounted complains unless all attempts at a path are counted by the reason, and all but the first of a collection as
// retries.
func (r row) isCounted(t *testing.T, first, still exposition, path string, collections, attempted int) {
	t.Helper()
	var got float64
	for _, reason := range r.reasons() {
		got += attempts(still, path, reason) - attempts(first, path, reason)
	}
	if want := float64(collections * attempted); got != want {
		t.Errorf("got %v attempts at %s that ended in %s in %d collections, want %v", got, path, r.reason, collections, want)
	}
	retries := series("betanet_exporter_retries_total", "endpoint", endpoints[path])
	if got, want := still.values[retries]-first.values[retries], float64(collections*(attempted-1)); got != want {
		t.Errorf("%s: got %v more in %d collections, want %v", retries, got, collections, want)
	}
	if got := attempts(still, path, "success") - attempts(first, path, "success"); got != 0 {
		t.Errorf("got %v attempts at %s that ended in success, want none", got, path)
	}
}

// TestWhatIsUnusualButRightIsAccepted checks that the strictness goes no further than the table.
func TestWhatIsUnusualButRightIsAccepted(t *testing.T) {
	for _, r := range spread(acceptedRows()) {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			p := alone(t, server)
			p.await(t, "", func(e exposition) error { return allGood(e, "", documentBefore) })
			server.Set(r.path, r.fault(fake.Document(r.path, documentAfter)))
			p.await(t, "", func(e exposition) error {
				return errors.Join((state{"", r.path}).good(e, documentAfter), e.is("betanet_up", 1))
			})
		})
	}
}
