package test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Times from the example haproxy.cfg: an exporter that refuses connections is removed after
// one slow and one fast health check, and added again after two successful ones.
const (
	failoverTime = 1250 * time.Millisecond
	recoveryTime = 1250 * time.Millisecond
	slack        = time.Second // tolerance for a busy machine
)

func TestPrometheusServersShareTheUpstreams(t *testing.T) {
	t.Parallel()
	testSharing(t, startTwoPrometheus)
}

func TestVmagentsShareTheUpstreams(t *testing.T) {
	t.Parallel()
	testSharing(t, startTwoVmagents)
}

// testSharing checks scrapers that share targets, with exporters behind a proxy: nothing is
// fetched twice, services are not mixed up, and one exporter may crash.
func testSharing(t *testing.T, start func(*testing.T, *fleet) engine) {
	f := newFleet(t, 40)
	f.engine = start(t, f)
	f.waitForDivision(t)
	owners := f.waitForOwners(t)
	f.retryIfStalled(t, func() (missing, surplus findings) { return f.checkIntervals(t, 8, owners) })
	f.retryIfStalled(t, func() (missing, surplus findings) { return f.checkCrash(t, owners) })
	f.retryIfStalled(t, func() (missing, surplus findings) { return f.checkIntervals(t, 4, owners) })
	f.checkSamples(t)
}

// retryIfStalled checks that a phase has no findings. If the machine stalled, missing events
// prove nothing, so the phase is run up to three times. Surplus events are always errors.
func (f *fleet) retryIfStalled(t *testing.T, phase func() (missing, surplus findings)) {
	t.Helper()
	for round := 1; ; round++ {
		began := time.Now()
		missing, surplus := phase()
		surplus.report(t)
		stalled := f.stalls.stalled(began)
		if len(missing) == 0 || stalled == 0 || round == 3 {
			missing.report(t)
			return
		}
		t.Logf("the machine stalled for %v, trying again: %d findings, such as %s", stalled, len(missing), missing[0])
	}
}

// checkCrash kills an exporter and restarts it, and checks the failover and the recovery.
func (f *fleet) checkCrash(t *testing.T, owners map[string]string) (missing, surplus findings) {
	t.Helper()
	victim := f.exporters[0]
	killed := time.Now()
	victim.kill()
	missing, surplus = f.checkFailover(t, killed, owners)
	f.waitForDivision(t) // the other exporter still serves /sd
	f.restart(t, victim)
	return slices.Concat(missing, f.checkRecovery(t, owners)), surplus
}

// findings is a list of errors. One mistake often causes an error for each service.
type findings []string

func (f *findings) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

func (f findings) report(t *testing.T) {
	t.Helper()
	if n := len(f); n > 0 {
		t.Errorf("%d findings, such as\n%s", n, strings.Join(f[:min(n, 8)], "\n"))
	}
}

// waitForDivision waits until each service is a target of exactly one scraper, and each
// scraper has targets.
func (f *fleet) waitForDivision(t *testing.T) {
	t.Helper()
	var want []string
	for _, s := range f.services {
		want = append(want, s.name)
	}
	slices.Sort(want)
	var sizes []int
	wait(t, "each service is a target of one scraper", func() error {
		var all []string
		sizes = nil
		for _, scraper := range f.engine.scrapers {
			has, err := targets(scraper)
			if err != nil {
				return err
			}
			all = append(all, has...)
			sizes = append(sizes, len(has))
		}
		if slices.Sort(all); !slices.Equal(all, want) || slices.Contains(sizes, 0) {
			return fmt.Errorf("the scrapers have %v targets, together %v", sizes, all)
		}
		return nil
	})
	t.Logf("targets of the scrapers: %v", sizes)
}

// waitForOwners waits until each service was scraped twice, and returns the User-Agent of the
// exporter that fetches it, by service name. Both exporters must have services.
func (f *fleet) waitForOwners(t *testing.T) (owners map[string]string) {
	t.Helper()
	f.waitForScrapes(t, f.began, 2)
	owners = make(map[string]string)
	sizes := make(map[string]int)
	for _, s := range f.services {
		fetched := s.between(f.began, time.Time{})
		owners[s.name] = fetched[len(fetched)-1].agent
		sizes[owners[s.name]]++
	}
	for _, e := range f.exporters {
		if sizes[e.agent] == 0 {
			t.Fatalf("%s has no service: %v", e.agent, sizes)
		}
	}
	t.Logf("services of the exporters: %v", sizes)
	return owners
}

// waitForScrapes waits for n successful scrapes of each service since a time.
func (f *fleet) waitForScrapes(t *testing.T, since time.Time, n int) {
	t.Helper()
	wait(t, fmt.Sprintf("%d successful scrapes of each service", n), func() error {
		all, err := f.engine.scrapes(since)
		if err != nil {
			return err
		}
		for _, s := range f.services {
			if good := len(slices.DeleteFunc(slices.Clone(all[s.name]), func(x point) bool { return x.value != 1 || x.at.Before(since) })); good < n {
				return fmt.Errorf("%s has %d", s.name, good)
			}
		}
		return nil
	})
}

// checkIntervals checks, over a number of intervals, that each service is scraped once per
// interval and fetched once per scrape, only by its owner.
func (f *fleet) checkIntervals(t *testing.T, intervals int, owners map[string]string) (missing, surplus findings) {
	t.Helper()
	from := time.Now()
	to := from.Add(time.Duration(intervals) * interval)
	f.waitForScrapes(t, to, 1) // everything before is then stored
	scrapes, err := f.engine.scrapes(from)
	if err != nil {
		t.Fatal(err)
	}
	var scraped, fetched int
	for _, s := range f.services {
		good, all := 0, 0
		for _, x := range scrapes[s.name] {
			if !x.at.Before(from) && x.at.Before(to) {
				all++
				good += int(x.value)
			}
		}
		switch {
		case all > intervals+1: // one at the edge
			surplus.add("%s was scraped %d times in %d intervals", s.name, all, intervals)
		case all < intervals-1:
			missing.add("%s was scraped %d times in %d intervals", s.name, all, intervals)
		case good != all:
			missing.add("%s was up in %d of %d scrapes", s.name, good, all)
		}
		made := s.between(from, to)
		for _, d := range documents {
			n := countFor(d, made)
			switch {
			case n > all+1: // one at the edge
				surplus.add("%s got %[3]d requests for %[2]s in %[4]d scrapes", s.name, d, n, all)
			case n < all-1: // late scrapes may be served from the cache
				missing.add("%s got %[3]d requests for %[2]s in %[4]d scrapes", s.name, d, n, all)
			}
			fetched += n
		}
		if got := agents(made); len(got) != 1 || got[0] != owners[s.name] {
			missing.add("%s was fetched by %v, want only %s", s.name, got, owners[s.name])
		}
		scraped += all
	}
	collected := float64(fetched) / float64(len(documents))
	t.Logf("%d intervals, %d services: %d scrapes and %.1f collections, of at most %d", intervals, len(f.services), scraped, collected, intervals*len(f.services))
	// Any service may have one more at the edge, but not all of them at once.
	if edge := float64(len(f.services)) / 2; collected > float64(scraped)+edge {
		surplus.add("%.1f collections for %d scrapes", collected, scraped)
	} else if collected < float64(scraped)-edge {
		missing.add("%.1f collections for %d scrapes", collected, scraped)
	}
	return missing, surplus
}

// checkFailover waits until all services are scraped through the remaining exporter. A
// target of the killed exporter may lose one interval, plus the time of the health checks.
func (f *fleet) checkFailover(t *testing.T, killed time.Time, owners map[string]string) (missing, surplus findings) {
	t.Helper()
	bound := killed.Add(2*interval + failoverTime + slack)
	remaining := f.exporters[1].agent
	f.waitForScrapes(t, bound, 2) // the failover is then over
	scrapes, err := f.engine.scrapes(killed.Add(-2 * interval))
	if err != nil {
		t.Fatal(err)
	}
	var last time.Duration // until the last service was fetched again
	var lost, gap int
	for _, s := range f.services {
		fetched := s.between(killed, bound)
		first := slices.IndexFunc(fetched, func(q request) bool { return q.agent == remaining })
		if first < 0 {
			missing.add("%s was not fetched by the remaining exporter within %v: %v", s.name, bound.Sub(killed), fetched)
			continue
		}
		last = max(last, fetched[first].at.Sub(killed))
		if got := agents(s.between(killed.Add(slack), bound)); len(got) != 1 || got[0] != remaining {
			missing.add("%s was fetched by %v after the other exporter was killed, want only %s", s.name, got, remaining)
		}
		bad, longest := loss(scrapes[s.name])
		if bad > 1 || longest > 2*interval+failoverTime+slack {
			missing.add("%s: %d scrapes failed, and two successful ones were %v apart; want at most 1 and %v", s.name, bad, longest, 2*interval+failoverTime)
		}
		if longest > interval+slack {
			gap++
		}
		if lost += bad; bad > 0 && owners[s.name] == remaining {
			missing.add("%s lost a scrape although its exporter was running", s.name)
		}
		all := len(slices.DeleteFunc(slices.Clone(scrapes[s.name]), func(x point) bool { return x.at.Before(killed) || !x.at.Before(bound) }))
		if n := countFor(documents[0], fetched); n > all+1 { // one at the edge, or a request of the killed exporter
			surplus.add("%s got %d requests in %d scrapes", s.name, n, all)
		}
	}
	t.Logf("after the kill: the other exporter fetched the last service after %v; %d scrapes failed, %d services with a gap", last.Round(time.Millisecond), lost, gap)
	return missing, surplus
}

// loss counts failed scrapes, and returns the longest time between the starts of two
// consecutive successful ones.
func loss(scrapes []point) (failed int, longest time.Duration) {
	var good time.Time
	for _, s := range scrapes {
		if s.value != 1 {
			failed++
			continue
		}
		if !good.IsZero() {
			longest = max(longest, s.at.Sub(good))
		}
		good = s.at
	}
	return failed, longest
}

// checkRecovery waits until each service is fetched by its owner again, and checks that this
// takes at most the time of the health checks and one interval.
func (f *fleet) checkRecovery(t *testing.T, owners map[string]string) (missing findings) {
	t.Helper()
	began := time.Now()
	wait(t, "the services return to their owners", func() error {
		var errs []error
		for _, s := range f.services {
			fetched := s.between(f.began, time.Time{})
			if last := fetched[len(fetched)-1].agent; last != owners[s.name] {
				errs = append(errs, fmt.Errorf("%s was last fetched by %s", s.name, last))
			}
		}
		return errors.Join(errs...)
	})
	took := time.Since(began)
	if limit := recoveryTime + interval + slack; took > limit {
		missing.add("the services returned after %v, want at most %v", took, limit)
	}
	t.Logf("after the restart: all services returned within %v", took.Round(time.Millisecond))
	return missing
}
