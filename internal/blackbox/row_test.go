package blackbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// row is one line of the classification table, or one of the faults that a line stands for. It is applied to a single
// endpoint of an upstream whose other two stay healthy.
type row struct {
	name   string
	path   string // set by spread if empty
	reason string // what the table says; where the client cannot always tell, two with "|" between them
	fault  func(document string) fake.Behaviour

	// resent is set where a kept connection may end before the first byte of the answer. net/http then silently sends
	// the request again, so that one attempt may be two requests.
	resent bool
}

// reasons is the accepted values of the label reason.
func (r row) reasons() []string { return strings.Split(r.reason, "|") }

// spread gives rows without a path one of the three in turn.
func spread(rows []row) []row {
	for i := range rows {
		if rows[i].path == "" {
			rows[i].path = v1Paths[i%len(v1Paths)]
		}
	}
	return rows
}

// What a row publishes before, while and after its fault. The document that comes with the fault differs from the good
// ones, so that a value taken from it would be seen.
const (
	documentBefore = 0
	documentFaulty = 1000
	documentAfter  = 2
)

// checkRows gives each row its own upstream, has a single exporter watch them all, and lets the rows run side by side.
func checkRows(t *testing.T, rows []row, flags []string, attempts func(*testing.T, *program, *fake.Server, row)) {
	var servers []*fake.Server
	var urls []string
	for range rows {
		server := start(t)
		servers, urls = append(servers, server), append(urls, server.URL())
	}
	p := watch(t, flags, urls...)
	settles(t, p, servers...)
	for i, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			checkRow(t, p, servers[i], r, attempts)
		})
	}
}

// checkRow takes one endpoint through healthy, faulty and healed.
func checkRow(t *testing.T, p *program, server *fake.Server, r row, attempts func(*testing.T, *program, *fake.Server, row)) {
	upstream := server.Addr()
	p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentBefore) })

	server.Set(r.path, r.fault(fake.Document(r.path, documentFaulty)))
	failing := p.await(t, upstream, func(e exposition) error {
		return oneBad(e, upstream, documentBefore, r.path, r.reasons()...)
	})
	attempts(t, p, server, r)
	// Some cycles later nothing has changed, in particular not the reason.
	still := p.await(t, upstream, func(e exposition) error {
		return oneBad(e, upstream, documentBefore, r.path, r.reasons()...)
	})
	if r.path == fake.Network {
		count := series("betanet_message_latency_seconds_count", "upstream", upstream)
		if before, after := failing.values[count], still.values[count]; before != after || before == 0 {
			t.Errorf("%s: got %v after %v without a fresh document, want no observation", count, after, before)
		}
	}

	publish(server, documentAfter)
	p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentAfter) })
}

// reference is a healthy path of the same upstream. It is asked exactly once in every cycle, so it counts the cycles.
func (r row) reference() string {
	if r.path == fake.Metrics {
		return fake.Nodes
	}
	return fake.Metrics
}

// watchedCycles is enough to tell one request a cycle from three.
const watchedCycles = 3

// skew is by how much a count of requests may differ from a count of cycles without a retry: one at either end of the
// time, because the endpoints are asked at the same time and on a busy machine either request may arrive first.
const skew = 2

// isRetried waits until the faulty path has had more requests than there were cycles, and never more than three a cycle.
// The process has one retry budget for all rows, so that not every cycle has three.
func isRetried(t *testing.T, p *program, server *fake.Server, r row) {
	t.Helper()
	fault0, cycle0 := server.Requests(r.path), server.Requests(r.reference())
	atMost := 3
	if r.resent {
		atMost = 6
	}
	p.await(t, server.Addr(), func(exposition) error {
		faults, cycles := server.Requests(r.path)-fault0, server.Requests(r.reference())-cycle0
		if faults <= cycles+skew {
			return fmt.Errorf("got %d requests for %s in %d cycles, want retries", faults, r.path, cycles)
		}
		return nil
	})
	cycles := server.Requests(r.reference()) - cycle0
	if faults := server.Requests(r.path) - fault0; faults > atMost*(cycles+skew) {
		t.Errorf("got %d requests for %s in %d cycles, want at most %d in each", faults, r.path, cycles, atMost)
	}
}

// isNotRetried watches some cycles and complains about every request more than one in each. The budget is no excuse
// here, because nothing else in the process retries.
func isNotRetried(t *testing.T, p *program, server *fake.Server, r row) {
	t.Helper()
	undisturbed(t, p, func() func() {
		fault0, cycle0 := server.Requests(r.path), server.Requests(r.reference())
		p.await(t, server.Addr(), func(exposition) error {
			if cycles := server.Requests(r.reference()) - cycle0; cycles < watchedCycles {
				return fmt.Errorf("got %d cycles, want %d", cycles, watchedCycles)
			}
			return nil
		})
		faults, cycles := server.Requests(r.path)-fault0, server.Requests(r.reference())-cycle0
		return func() {
			if faults < cycles-skew || faults > cycles+skew {
				t.Errorf("got %d requests for %s in %d cycles, want one in each", faults, r.path, cycles)
			}
		}
	})
}

// TestARetriedFaultIsTriedAgainInItsCycle checks the rows that the table retries, a few in a process: each process has
// one retry budget of 15, and every row needs some of it.
func TestARetriedFaultIsTriedAgainInItsCycle(t *testing.T) {
	t.Parallel()
	rows := chosen(spread(join(connectionRows(), protocolRows(), retriedStatusRows(), syntaxRows())))
	const atOnce = 12
	for from := 0; from < len(rows); from += atOnce {
		group := rows[from:min(from+atOnce, len(rows))]
		t.Run(fmt.Sprintf("rows from %d", from), func(t *testing.T) {
			t.Parallel()
			checkRows(t, group, patient, isRetried)
		})
	}
}

func TestAFaultWithoutEndIsTriedAgainInItsCycle(t *testing.T) {
	t.Parallel()
	checkRows(t, chosen(spread(timeoutRows())), quick, isRetried)
}

// TestAFaultThatWillNotGoAwayIsTriedOnceACycle checks the rows that the table does not retry.
func TestAFaultThatWillNotGoAwayIsTriedOnceACycle(t *testing.T) {
	t.Parallel()
	checkRows(t, chosen(spread(join(statusRows(), redirectRows(), headerRows(), sizeRows(), schemaRows(), valueRows()))), patient, isNotRetried)
}

// TestWhatIsUnusualButRightIsAccepted checks that the strictness goes no further than the table.
func TestWhatIsUnusualButRightIsAccepted(t *testing.T) {
	t.Parallel()
	rows := spread(acceptedRows())
	var servers []*fake.Server
	var urls []string
	for range rows {
		server := start(t)
		servers, urls = append(servers, server), append(urls, server.URL())
	}
	p := watch(t, patient, urls...)
	settles(t, p, servers...)
	for i, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			upstream, s := servers[i].Addr(), state{servers[i].Addr(), r.path}
			p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentBefore) })
			servers[i].Set(r.path, r.fault(fake.Document(r.path, documentAfter)))
			p.await(t, upstream, func(e exposition) error {
				return errors.Join(s.good(e, documentAfter), e.is(series("betanet_up", "upstream", upstream), 1))
			})
		})
	}
}

func join(lists ...[]row) []row {
	var all []row
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}
