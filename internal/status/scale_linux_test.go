package status

import (
	"bytes"
	"compress/gzip"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// threadTime returns the CPU time of this thread, which does not depend on other
// programs.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// withFailures returns a model of n upstreams with a history. A tenth of them fail or
// have failed.
func withFailures(n int) *Model {
	s := newScenario(n)
	s.steps = 1
	for i, sv := range s.services {
		switch i % 20 {
		case 4:
			sv.fails = failsSince(1+i%50, []string{"connect", "timeout", "http_5xx"}[i%3])
		case 11:
			sv.fails = failsDuring(10+i%50, 1+i%10, "timeout")
		}
	}
	return s.run()
}

// A page of 10 000 upstreams is smaller than 100 kB with gzip and takes less than three
// times as long as a page of 100.
func TestAPageOf10000UpstreamsIsSmallAndFast(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	small, large := withFailures(100), withFailures(10_000)
	page := func(m *Model) ([]byte, time.Duration) {
		start := threadTime(t)
		page, err := m.IndexPage("", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return page, threadTime(t) - start
	}
	var sent bytes.Buffer
	z, err := gzip.NewWriterLevel(&sent, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := page(large)
	if _, err := z.Write(whole); err != nil || z.Close() != nil {
		t.Fatal("gzip failed")
	}
	if got := sent.Len(); got >= 100_000 {
		t.Errorf("the page has %d bytes with gzip, want less than 100 000", got)
	}
	var ratios []float64
	for round := range 15 {
		for _, m := range []*Model{small, large} {
			for i, v := range m.Registry.Views() { // a third has been collected
				if i%3 == round%3 {
					next := *v
					m.Registry.Publish(&next)
				}
			}
		}
		_, short := page(small)
		_, long := page(large)
		ratios = append(ratios, float64(long)/float64(short))
	}
	slices.Sort(ratios)
	ratio := ratios[len(ratios)/2] // the median, because other work disturbs some rounds
	t.Logf("%d bytes, %d with gzip; %.2f times as long as 100", len(whole), sent.Len(), ratio)
	if ratio >= 3 {
		t.Errorf("10 000 upstreams take %.2f times as long as 100, want less than 3 times", ratio)
	}
}
