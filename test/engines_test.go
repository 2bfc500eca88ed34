package test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the shipped haproxy.cfg promises: an exporter that refuses is out after
// one check at the slow rate and one at the fast rate, and is in again after two
// good ones.
const (
	failoverTime = 1250 * time.Millisecond
	recoveryTime = 1250 * time.Millisecond
	slack        = time.Second // what a busy machine adds to anything here
)

func TestPrometheusServersShareTheUpstreams(t *testing.T) {
	t.Parallel()
	testSharing(t, twoPrometheus)
}

func TestVmagentsShareTheUpstreams(t *testing.T) {
	t.Parallel()
	testSharing(t, twoVmagents)
}

// testSharing proves that scrapers which share targets, and exporters behind a proxy,
// make one system: nothing is fetched twice, nothing is mixed up, and an exporter
// may die.
func testSharing(t *testing.T, start func(*testing.T, *fleet) engine) {
	haproxy := component(t, "haproxy", "haproxy")
	f := newFleet(t, haproxy, 40)
	f.engine = start(t, f)
	f.waitForDivision(t)
	owners := f.waitForOwners(t)
	f.retryIfStalled(t, func() (missing, surplus findings) { return f.checkIntervals(t, 8, owners) })
	f.retryIfStalled(t, func() (missing, surplus findings) { return f.crash(t, owners) })
	f.retryIfStalled(t, func() (missing, surplus findings) { return f.checkIntervals(t, 4, owners) })
	f.checkOwners(t)
}

// retryIfStalled holds a phase to having no findings. What is missing on a machine that
// stood still meanwhile proves nothing: then the phase is done again, three times
// in all. What there is too much of is never excused.
func (f *fleet) retryIfStalled(t *testing.T, phase func() (missing, surplus findings)) {
	t.Helper()
	for round := 1; ; round++ {
		began := time.Now()
		missing, surplus := phase()
		surplus.report(t)
		stood := f.pulse.stalled(began)
		if len(missing) == 0 || stood == 0 || round == 3 {
			missing.report(t)
			return
		}
		t.Logf("the machine stood still for %v, so this is done again: %d findings, such as %s", stood, len(missing), missing[0])
	}
}

// crash kills an exporter and starts it again.
func (f *fleet) crash(t *testing.T, owners map[string]string) (missing, surplus findings) {
	t.Helper()
	victim := f.exporters[0]
	killed := time.Now()
	victim.kill()
	missing, surplus = f.checkFailover(t, killed, owners)
	f.waitForDivision(t) // /sd is still there
	f.restart(t, victim)
	return slices.Concat(missing, f.checkRecovery(t, owners)), surplus
}

// findings are what is wrong with a fleet. If one thing is, it often is of each
// service.
type findings []string

func (f *findings) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

func (f findings) report(t *testing.T) {
	t.Helper()
	if n := len(f); n > 0 {
		t.Errorf("%d findings, such as\n%s", n, strings.Join(f[:min(n, 8)], "\n"))
	}
}

// waitForDivision waits until each service is a target of exactly one scraper, and each
// scraper has some.
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
			return fmt.Errorf("they have %v targets, together %v", sizes, all)
		}
		return nil
	})
	t.Logf("targets of the scrapers: %v", sizes)
}

// waitForOwners waits until each service was scraped twice, and gives the agent that
// asks each of them. Both exporters have some.
func (f *fleet) waitForOwners(t *testing.T) (owners map[string]string) {
	t.Helper()
	f.waitForScrapes(t, f.began, 2)
	owners = make(map[string]string)
	sizes := make(map[string]int)
	for _, s := range f.services {
		asked := s.between(f.began, time.Time{})
		owners[s.name] = asked[len(asked)-1].agent
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

// waitForScrapes waits until the scrapes of each service since a time include n that
// found it up.
func (f *fleet) waitForScrapes(t *testing.T, since time.Time, n int) {
	t.Helper()
	wait(t, fmt.Sprintf("%d good scrapes of each service", n), func() error {
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

// checkIntervals watches a number of intervals, in which each service is scraped
// once an interval and asked once a scrape, by its owner alone.
func (f *fleet) checkIntervals(t *testing.T, intervals int, owners map[string]string) (missing, surplus findings) {
	t.Helper()
	from := time.Now()
	to := from.Add(time.Duration(intervals) * interval)
	f.waitForScrapes(t, to, 1) // then everything before is stored
	scrapes, err := f.engine.scrapes(from)
	if err != nil {
		t.Fatal(err)
	}
	var scraped, asked int
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
		questions := s.between(from, to)
		for _, d := range documents {
			n := countFor(d, questions)
			switch {
			case n > all+1: // one at the edge
				surplus.add("%s was asked for %s %d times in %d scrapes", s.name, d, n, all)
			case n < all-1: // late scrapes are answered from the cache
				missing.add("%s was asked for %s %d times in %d scrapes", s.name, d, n, all)
			}
			asked += n
		}
		if got := agents(questions); len(got) != 1 || got[0] != owners[s.name] {
			missing.add("%s was asked by %v, want %s alone", s.name, got, owners[s.name])
		}
		scraped += all
	}
	collected := float64(asked) / float64(len(documents))
	t.Logf("%d intervals, %d services: %d scrapes, %.1f collections, of %d at most", intervals, len(f.services), scraped, collected, intervals*len(f.services))
	// One at the edge is possible of each, but not of all.
	if edge := float64(len(f.services)) / 2; collected > float64(scraped)+edge {
		surplus.add("%.1f collections for %d scrapes", collected, scraped)
	} else if collected < float64(scraped)-edge {
		missing.add("%.1f collections for %d scrapes", collected, scraped)
	}
	return missing, surplus
}

// checkFailover waits until all services are scraped through the exporter that is
// left, and holds the loss to what is promised: one interval of those targets that
// were with the dead one, beside the time in which the health checks find out.
func (f *fleet) checkFailover(t *testing.T, killed time.Time, owners map[string]string) (missing, surplus findings) {
	t.Helper()
	bound := killed.Add(2*interval + failoverTime + slack)
	left := f.exporters[1].agent
	f.waitForScrapes(t, bound, 2) // everything that may go wrong has
	scrapes, err := f.engine.scrapes(killed.Add(-2 * interval))
	if err != nil {
		t.Fatal(err)
	}
	var last time.Duration // until the last of the services was asked again
	var lost, gap int
	for _, s := range f.services {
		asked := s.between(killed, bound)
		first := slices.IndexFunc(asked, func(q request) bool { return q.agent == left })
		if first < 0 {
			missing.add("%s was not asked by the exporter that is left within %v: %v", s.name, bound.Sub(killed), asked)
			continue
		}
		last = max(last, asked[first].at.Sub(killed))
		if got := agents(s.between(killed.Add(slack), bound)); len(got) != 1 || got[0] != left {
			missing.add("%s was asked by %v after the other was killed, want %s alone", s.name, got, left)
		}
		bad, longest := loss(scrapes[s.name])
		if bad > 1 || longest > 2*interval+failoverTime+slack {
			missing.add("%s: %d scrapes failed, %v from one good one to the next; at most one, and %v, are allowed", s.name, bad, longest, 2*interval+failoverTime)
		}
		if longest > interval+slack {
			gap++
		}
		if lost += bad; bad > 0 && owners[s.name] == left {
			missing.add("%s lost a scrape, though its exporter lives", s.name)
		}
		all := len(slices.DeleteFunc(slices.Clone(scrapes[s.name]), func(x point) bool { return x.at.Before(killed) || !x.at.Before(bound) }))
		if n := countFor(documents[0], asked); n > all+1 { // the edge, or one that was with the dead exporter
			surplus.add("%s was asked %d times in %d scrapes", s.name, n, all)
		}
	}
	t.Logf("killed: the last service was asked by the other exporter after %v; %d scrapes failed, %d services with a gap", last.Round(time.Millisecond), lost, gap)
	return missing, surplus
}

// loss is how many scrapes failed, and the longest time from the begin of one
// good scrape to that of the next.
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

// checkRecovery waits until each service is asked by its owner again, which the health
// checks and one interval allow.
func (f *fleet) checkRecovery(t *testing.T, owners map[string]string) (missing findings) {
	t.Helper()
	began := time.Now()
	wait(t, "the services are asked by their first exporters again", func() error {
		var errs []error
		for _, s := range f.services {
			asked := s.between(f.began, time.Time{})
			if last := asked[len(asked)-1].agent; last != owners[s.name] {
				errs = append(errs, fmt.Errorf("%s: by %s", s.name, last))
			}
		}
		return errors.Join(errs...)
	})
	took := time.Since(began)
	if limit := recoveryTime + interval + slack; took > limit {
		missing.add("the services returned after %v, want %v at most", took, limit)
	}
	t.Logf("restarted: all services returned after %v", took.Round(time.Millisecond))
	return missing
}
