package blackbox

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// resources has the number of open descriptors and the number of threads of a process.
type resources struct{ descriptors, threads int }

// resources returns the current resources. It does not scrape them, because the process metrics may be a second old.
func (p *program) resources() (resources, error) {
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Cmd.Process.Pid))
	if err != nil {
		return resources{}, err
	}
	threads, err := p.Process.Status("Threads")
	return resources{len(files), threads}, err
}

// checkResources returns an error if a process uses more than limit.
func (p *program) checkResources(limit resources) error {
	got, err := p.resources()
	if err == nil && (got.descriptors > limit.descriptors || got.threads > limit.threads) {
		err = fmt.Errorf("got %+v, want at most %+v", got, limit)
	}
	return err
}

// moreThreads is the number of threads that may be added. Go starts a thread when all others are busy, and never ends
// it. A fault that takes effect at once is collected atOnceCollections times, so that a thread leaked by each attempt
// is noticed.
const (
	moreThreads       = 8
	atOnceCollections = 10
)

// leakScenario is a process with two upstreams, one with HTTP and one with HTTPS, which get one fault after another.
type leakScenario struct {
	p          *program
	plain, tls *fake.Server
	limit      resources // after each fault
}

// startLeakScenario starts a process with GOMAXPROCS=2, because with more CPUs it may need more threads.
func startLeakScenario(t *testing.T, flags ...string) *leakScenario {
	t.Helper()
	s := &leakScenario{plain: start(t), tls: start(t), limit: resources{math.MaxInt, math.MaxInt}}
	s.tls.SetConnHandler(fake.TLS(trusted.Config()))
	s.p = serve(t, []string{trustRoots(t), "GOMAXPROCS=2"}, slices.Concat(flagsFor(s.plain.URL(), s.tls.TLSURL()), flags, commonFlags[1:],
		[]string{"--collect.interval=1h", "--collect.timeout=50s", "--cache.ttl=0", "--retry.attempts=2"})...)
	s.awaitReleased(t, s.plain)
	s.awaitReleased(t, s.tls)
	before, err := s.p.resources()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the resources of a process are not available here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.limit = resources{before.descriptors, before.threads + moreThreads}
	return s
}

// collectOnly selects the upstream that is collected before each scrape.
func (s *leakScenario) collectOnly(server *fake.Server) { s.p.onDemand = []string{server.Addr()} }

// awaitReleased waits until an upstream is healthy and has no connections, and the process is within its limit.
func (s *leakScenario) awaitReleased(t *testing.T, server *fake.Server) {
	t.Helper()
	publishOnce(server, documentBefore)
	s.collectOnly(server)
	s.p.await(t, server.Addr(), func(e exposition) error {
		return errors.Join(allGood(e, server.Addr(), documentBefore), isClosed(server), s.p.checkResources(s.limit))
	})
}

// check injects a fault for some collections, ends it, and checks that the process releases its resources.
func (s *leakScenario) check(t *testing.T, r faultCase, collections int) {
	t.Helper()
	server := s.plain
	if r.tls {
		server = s.tls
	}
	publish(server, documentBefore)
	r.inject(server)
	s.collectOnly(server)
	for range collections {
		s.p.await(t, server.Addr(), func(e exposition) error { return r.bad(e, server.Addr()) })
	}
	r.heal(t, server, documentBefore)
	s.awaitReleased(t, server)
}

// TestAProcessReleasesItsResourcesAfterEachFault runs the whole table in two processes: one with a short timeout, for the
// faults that never end, and one with attempts that do not time out even on a busy machine.
func TestAProcessReleasesItsResourcesAfterEachFault(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	for name, c := range map[string]struct {
		endless     bool
		flag        string
		collections int
	}{"at once": {false, "--request.timeout=40s", atOnceCollections}, "endless": {true, "--request.timeout=500ms", 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startLeakScenario(t, c.flag)
			for _, r := range allCases() {
				if (r.reason == "timeout") == c.endless && !t.Run(r.name, func(t *testing.T) { s.check(t, r, c.collections) }) {
					return // leaked resources would make the next faults fail too
				}
			}
			got, err := s.p.resources()
			t.Logf("got %+v (%v) after all faults, want at most %+v", got, err, s.limit)
		})
	}
}
