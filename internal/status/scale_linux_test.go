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

// threadTime is how long this thread has been running. Unlike the time on a clock it
// does not depend on other programs.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// large is a fleet with a past in which a tenth has been failing.
func large(n int) *Model {
	s := newStage(n)
	s.steps = 1
	for i, a := range s.actors {
		switch i % 20 {
		case 4:
			a.fails = since(1+i%50, []string{"connect", "timeout", "http_5xx"}[i%3])
		case 11:
			a.fails = during(10+i%50, 1+i%10, "timeout")
		}
	}
	return s.play()
}

// The limits are those of the page's design: 100 kB, and three times the time that a
// fleet of 100 takes.
func TestAPageOf10000IsSmallAndQuick(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	hundred, thousands := large(100), large(10_000)
	page := func(m *Model) ([]byte, time.Duration) {
		began := threadTime(t)
		page, err := m.IndexPage("", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return page, threadTime(t) - began
	}
	var sent bytes.Buffer
	z, err := gzip.NewWriterLevel(&sent, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := page(thousands)
	if _, err := z.Write(whole); err != nil || z.Close() != nil {
		t.Fatal("the page cannot be compressed")
	}
	if got := sent.Len(); got >= 100_000 {
		t.Errorf("the page has %d bytes as it is sent, want less than 100 000", got)
	}
	var ratios []float64
	for round := range 15 {
		for _, m := range []*Model{hundred, thousands} {
			for i, v := range m.Registry.Views() { // every third has been collected since
				if i%3 == round%3 {
					next := *v
					m.Registry.Publish(&next)
				}
			}
		}
		_, short := page(hundred)
		_, long := page(thousands)
		ratios = append(ratios, float64(long)/float64(short))
	}
	slices.Sort(ratios)
	ratio := ratios[len(ratios)/2] // the others are of moments in which something else happened
	t.Logf("%d bytes, %d as sent; %.2f times the time of 100", len(whole), sent.Len(), ratio)
	if ratio >= 3 {
		t.Errorf("10 000 upstreams take %.2f times the time of 100, want less than three times", ratio)
	}
}
