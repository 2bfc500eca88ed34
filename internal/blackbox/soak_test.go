package blackbox

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// Environment variables for a longer soak: its duration, such as 10m, and the seed of an earlier one.
const (
	soakLength = "BETANET_SOAK"
	soakSeed   = "BETANET_SOAK_SEED"
)

// A soak has an interval of 20 ms instead of 15 s, so that two minutes have as many collections as a day.
const (
	soakUpstreams = 5
	soakStale     = 2 * time.Second // age at which values expire
	soakSlack     = time.Second     // tolerated delay on a busy machine
)

func soakDuration(t *testing.T) time.Duration {
	t.Helper()
	if text := os.Getenv(soakLength); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("%s: %v", soakLength, err)
		}
		return d
	}
	if wholeSuite() {
		return 2 * time.Minute
	}
	return 8 * time.Second
}

func newSoakSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv(soakSeed)
	if text == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", soakSeed, err)
	}
	return seed
}

// soak is a run and the results of its scrapes so far.
type soak struct {
	p       *program
	ledgers []*ledger
	highest exposition       // the last value of every series that was ever exposed
	latest  map[endpoint]int // the order of the latest exposed document
	counts  map[string]int   // how often the scrapes showed each situation
}

// TestADayOfFaultsBreaksNoPromise lets upstreams fail, heal and restart at random and checks every scrape.
func TestADayOfFaultsBreaksNoPromise(t *testing.T) {
	t.Parallel()
	length, seed := soakDuration(t), newSoakSeed(t)
	t.Logf("%v with %s=%d", length, soakSeed, seed)
	s := &soak{latest: map[endpoint]int{}, counts: map[string]int{}}
	args := []string{
		"--collect.interval=20ms", "--collect.timeout=18ms", "--request.timeout=18ms", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
		"--breaker.open=200ms", "--cache.max-stale=" + soakStale.String(),
	}
	var servers []*fake.Server
	for range soakUpstreams {
		l := openLedger(t)
		s.ledgers, servers = append(s.ledgers, l), append(servers, l.Server)
		args = append(args, "--betanet.url="+l.URL())
	}
	s.p = launch{}.start(t, args...)
	checkLeaks(t, s.p, servers...)

	ended := make(chan struct{})
	var changing sync.WaitGroup
	for i, l := range s.ledgers {
		changing.Go(func() { l.changeUntil(t, rand.New(rand.NewPCG(seed, uint64(i))), ended, i == 0) })
	}
	end := sync.OnceFunc(func() {
		close(ended)
		changing.Wait()
	})
	defer end()
	third := s.run(t, time.Now().Add(length/3))
	last := s.run(t, time.Now().Add(length-length/3))
	end()
	t.Logf("%v", s.counts)
	t.Logf("after a third %+v, at the end %+v", third, last)
	for _, seen := range []string{"values", "no values", "outages", "falls", "open"} {
		if s.counts[seen] == 0 {
			t.Errorf("count of %q: got 0, want at least 1", seen)
		}
	}
	if last.memory > third.memory*3/2+32<<20 {
		t.Errorf("memory grew from %d to %d MiB", third.memory>>20, last.memory>>20)
	}
	if last.threads > third.threads+10 {
		t.Errorf("threads grew from %d to %d", third.threads, last.threads)
	}

	for _, l := range s.ledgers {
		l.heal(t)
		publish(l.Server, documentAfter)
	}
	s.p.await(t, "", func(e exposition) error {
		all := []error{e.is(series("betanet_fleet_upstreams", "state", "up"), soakUpstreams)}
		for _, server := range servers {
			all = append(all, allGood(e, server.Addr(), documentAfter))
		}
		return errors.Join(all...)
	})
}

// changeUntil changes an upstream at random until ended is closed. With outageFirst, it begins with an outage in which
// values expire.
func (l *ledger) changeUntil(t *testing.T, r *rand.Rand, ended <-chan struct{}, outageFirst bool) {
	pause := func(d time.Duration) bool {
		select {
		case <-ended:
			return false
		case <-time.After(d):
			return true
		}
	}
	if outageFirst {
		pause(500 * time.Millisecond)
		l.mark(true, v1Paths...)
		l.Refuse()
		pause(2*soakStale + soakSlack)
		l.heal(t)
	}
	for {
		d := time.Duration(20+r.IntN(300)) * time.Millisecond
		if r.IntN(40) == 0 {
			d = 2*soakStale + soakSlack
		}
		if !pause(d) {
			return
		}
		l.change(t, r)
	}
}

// usage is the memory in bytes and the number of threads of the process.
type usage struct{ memory, threads int }

// run checks scrapes until end and returns the usage at that time.
func (s *soak) run(t *testing.T, end time.Time) usage {
	t.Helper()
	for failures := 0; time.Now().Before(end); <-time.After(10 * time.Millisecond) {
		began := time.Now()
		broken := s.broken()
		e, err := s.p.fetch()
		if err == nil {
			err = s.check(e, began, broken)
		}
		if err != nil {
			t.Errorf("scrape %d: %v", s.counts["scrapes"], err)
			if failures++; failures > 5 {
				t.FailNow()
			}
		}
	}
	return usage{s.p.procStatus(t, "VmRSS") << 10, s.p.procStatus(t, "Threads")}
}

// broken returns the endpoints that have been failing long enough to be down, and the start of each failure.
func (s *soak) broken() map[endpoint]time.Time {
	since := map[endpoint]time.Time{}
	for _, l := range s.ledgers {
		for _, path := range v1Paths {
			if at := l.brokenSince(path); !at.IsZero() && time.Since(at) > soakSlack {
				since[endpoint{l.name, path}] = at
			}
		}
	}
	return since
}

// check checks a scrape that began at a given time. The endpoints in broken must be down.
func (s *soak) check(e exposition, began time.Time, broken map[endpoint]time.Time) error {
	s.counts["scrapes"]++
	all := []error{noneFell(s.highest, e)}
	if states := e.sum("betanet_fleet_upstreams"); states != soakUpstreams {
		all = append(all, fmt.Errorf("betanet_fleet_upstreams: got %v in all states, want %d", states, soakUpstreams))
	}
	for _, l := range s.ledgers {
		l.mu.Lock()
		resets := series("betanet_exporter_upstream_resets_total", "upstream", l.name)
		if most := float64(2 * l.restarts); e.values[resets] > most {
			all = append(all, fmt.Errorf("%s: got %v, want at most %v", resets, e.values[resets], most))
		}
		l.mu.Unlock()
		for _, path := range v1Paths {
			st := endpoint{l.name, path}
			all = append(all, st.consistent(e), s.values(st, l, e, began))
			if since, ok := broken[st]; ok && l.brokenSince(path).Equal(since) {
				s.counts["outages"]++
				all = append(all, st.isDown(e))
			}
			if current, _ := st.breaker(e); current != "" {
				s.counts[current]++
			}
		}
	}
	s.highest = e.carry(s.highest)
	return errors.Join(all...)
}

// isDown requires that an endpoint is down, with no values or stale ones.
func (s endpoint) isDown(e exposition) error {
	up := e.is(s.key("betanet_exporter_endpoint_up"), 0)
	if s.noValues(e) == nil {
		return up
	}
	return errors.Join(up, e.is(s.stale(), 1))
}

// values requires that the values of an endpoint are a whole document of the ledger, not too old, and not older than the
// one that was exposed last.
func (s *soak) values(st endpoint, l *ledger, e exposition, began time.Time) error {
	of := map[string]string{fake.Metrics: "betanet_messages_total", fake.Nodes: "betanet_mixnode_active", fake.Network: "betanet_bytes_transmitted_total"}[st.path]
	got, ok := e.values[series(of, "upstream", st.upstream)]
	if !ok {
		s.counts["no values"]++
		return st.noValues(e)
	}
	s.counts["values"]++
	id := int(got - exposed(st.path, 0)[of])
	at, order, ok := l.entry(st.path, id)
	if !ok {
		return fmt.Errorf("%s of %s is not from any document: %v", of, st.upstream, got)
	}
	err := st.values(e, id)
	if age := began.Sub(at); age > soakStale+soakSlack {
		err = errors.Join(err, fmt.Errorf("%s of %s is %v old, want at most %v", of, st.upstream, age, soakStale))
	}
	if before, seen := s.latest[st]; seen && order < before {
		err = errors.Join(err, fmt.Errorf("%s of %s is from document %d, after one from document %d", of, st.upstream, order, before))
	}
	if was, seen := s.highest.values[series(of, "upstream", st.upstream)]; seen && got < was {
		s.counts["falls"]++
	}
	s.latest[st] = order
	return err
}

// carry returns e with the series that only an earlier exposition has.
func (e exposition) carry(before exposition) exposition {
	all := exposition{maps.Clone(before.values), e.failing}
	if all.values == nil {
		all.values = map[string]float64{}
	}
	maps.Copy(all.values, e.values)
	return all
}
