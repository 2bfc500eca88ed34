package blackbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// defectAttempts is the number of attempts in a collection that is retried. With more, an exporter would not have the
// retry budget for all defects of a field.
const defectAttempts = 2

// attempts returns the number of attempts in a collection with the defect: only broken syntax is retried.
func (d defect) attempts() int {
	if d.reason == "json_syntax" {
		return defectAttempts
	}
	return 1
}

// defectScenario is an exporter in the process of the test, with one upstream for each defect of a field.
type defectScenario struct {
	field
	defects []defect
	servers []*fake.Server
	p       *program
}

// TestEveryFieldOfEveryDocumentIsChecked begins with a defective document, of which nothing may be exposed. Then the
// defect ends, comes back and ends again. The fields are not checked in parallel, because that many requests at a time
// would time out on a busy machine with the race detector.
func TestEveryFieldOfEveryDocumentIsChecked(t *testing.T) {
	for _, f := range fields {
		t.Run(strings.TrimPrefix(f.path+"/"+f.name, "/"), func(t *testing.T) {
			s := &defectScenario{field: f, defects: f.defects()}
			s.start(t)
			s.await(t, func(e exposition, upstream string, d defect) error { return s.neverGood(e, upstream, d.reason) })
			s.heal(documentBefore)
			s.awaitHealthy(t, documentBefore)
			goroutines := s.p.goroutines()
			s.inject(t)
			s.checkDefects(t)
			s.heal(documentAfter)
			s.awaitHealthy(t, documentAfter)
			s.checkLeaks(t, goroutines)
		})
	}
}

func (s *defectScenario) start(t *testing.T) {
	t.Helper()
	var names, urls []string
	for range s.defects {
		server := start(t)
		if s.path == fake.Mixnodes {
			setAll(server, fake.ThenClose(fake.NotFound))
		}
		s.servers, names, urls = append(s.servers, server), append(names, server.Addr()), append(urls, server.URL())
	}
	s.inject(t)
	s.p = inProcess(t, names, slices.Concat(flagsFor(urls...), commonFlags[1:], []string{
		"--collect.timeout=50s", "--request.timeout=40s", fmt.Sprint("--retry.attempts=", defectAttempts),
	})...)
}

func (s *defectScenario) inject(t *testing.T) {
	t.Helper()
	for i, d := range s.defects {
		s.servers[i].Set(s.path, fake.JSON(s.defective(t, d.member)))
	}
}

// heal publishes document id at the v1 paths, or the mixnodes document, which has no id.
func (s *defectScenario) heal(id int) {
	for _, server := range s.servers {
		if s.path == fake.Mixnodes {
			server.Set(s.path, fake.JSON(fake.MixnodesDocument))
		} else {
			publish(server, id)
		}
	}
}

// await waits until want returns nil for every upstream.
func (s *defectScenario) await(t *testing.T, want func(e exposition, upstream string, d defect) error) exposition {
	t.Helper()
	return s.p.await(t, "", func(e exposition) error {
		var all []error
		for i, d := range s.defects {
			if err := want(e, s.servers[i].Addr(), d); err != nil {
				all = append(all, fmt.Errorf("%s: %w", d.name, err))
			}
		}
		return errors.Join(all...)
	})
}

func (s *defectScenario) awaitHealthy(t *testing.T, id int) {
	t.Helper()
	s.await(t, func(e exposition, upstream string, _ defect) error {
		if s.path == fake.Mixnodes {
			return mixnodes(e, upstream)
		}
		return allGood(e, upstream, id)
	})
}

// checkDefects checks the state while all defects are active, and the number of attempts and requests for each of them.
func (s *defectScenario) checkDefects(t *testing.T) {
	t.Helper()
	stale := func(e exposition, upstream string, d defect) error { return s.stale(e, upstream, d.reason) }
	first, rounds := s.await(t, stale), s.p.rounds
	var requests []int
	for _, server := range s.servers {
		requests = append(requests, server.Requests(s.path))
	}
	last := s.await(t, stale)
	collections := s.p.rounds - rounds
	increase := func(key string) int { return int(last.values[key] - first.values[key]) }
	attempts, retries := map[string]int{}, 0
	for i, d := range s.defects {
		attempts[d.reason] += d.attempts() * collections
		retries += (d.attempts() - 1) * collections
		if got, want := s.servers[i].Requests(s.path)-requests[i], d.attempts()*collections; got != want {
			t.Errorf("%s: got %d requests in %d collections, want %d", d.name, got, collections, want)
		}
		if s.path == fake.Network {
			checkNoObservation(t, first, last, s.servers[i].Addr())
		}
	}
	for _, reason := range []string{"json_syntax", "schema", "value", "success"} {
		if got := increase(s.key("betanet_exporter_attempts_total", "result", reason)); got != attempts[reason] {
			t.Errorf("got %d attempts that ended in %s in %d collections, want %d", got, reason, collections, attempts[reason])
		}
	}
	if got := increase(s.key("betanet_exporter_retries_total")); got != retries {
		t.Errorf("got %d retries in %d collections, want %d", got, collections, retries)
	}
}

// checkLeaks checks that no connection and no goroutine of the defects remains.
func (s *defectScenario) checkLeaks(t *testing.T, goroutines int) {
	t.Helper()
	for _, server := range s.servers {
		if s.path != fake.Mixnodes { // mixnodes closes every connection anyway
			publishOnce(server, documentAfter)
		}
	}
	s.p.await(t, "", func(exposition) error {
		all := []error{s.p.checkGoroutines(goroutines)}
		for _, server := range s.servers {
			all = append(all, isClosed(server))
		}
		return errors.Join(all...)
	})
}

// key returns the key of a series of the field's endpoint.
func (f field) key(name string, labels ...string) string {
	e := endpoints[f.path]
	if f.path == fake.Mixnodes {
		e = "mixnodes"
	}
	return series(name, append(labels, "endpoint", e)...)
}

// neverGood requires that nothing of the document is exposed and that the endpoint fails for the reason. A mixnodes
// document with a defect leaves the API undecided, so that the v1 endpoints fail instead.
func (f field) neverGood(e exposition, upstream, reason string) error {
	paths, reasons := []string{f.path}, []string{reason}
	if f.path == fake.Mixnodes {
		paths, reasons = v1Paths, []string{"http_4xx"}
	}
	return errors.Join(noMixnodes(e, upstream), failing(e, upstream, documentBefore, paths, func(s endpoint) error {
		return s.neverGood(e, reasons...)
	}))
}

// stale requires the values of the last good document, marked as stale, and that the endpoint fails for the reason.
func (f field) stale(e exposition, upstream, reason string) error {
	if f.path != fake.Mixnodes {
		return someBad(e, upstream, documentBefore, []string{f.path}, reason)
	}
	seriesOf := func(name string, labels ...string) string {
		return series(name, append(labels, "upstream", upstream)...)
	}
	return errors.Join(
		e.is(seriesOf("betanet_up"), 0),
		e.is(f.key("betanet_exporter_endpoint_up", "upstream", upstream), 0),
		e.is(seriesOf("betanet_exporter_data_stale"), 1),
		e.is(f.key("betanet_exporter_endpoint_failing", "upstream", upstream, "reason", reason), 1),
		e.is(seriesOf("betanet_messages_total"), 60),
		e.is(seriesOf("betanet_packets_dropped_total"), 6),
		e.is(seriesOf("betanet_mixnode_up", "mixnode", "mixnode-b"), 1),
		e.is(seriesOf("betanet_mixnode_packets_forwarded_total", "mixnode", "mixnode-b"), 18),
		e.is(seriesOf("betanet_exporter_upstream_resets_total"), 0),
	)
}
