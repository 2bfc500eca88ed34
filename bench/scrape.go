//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// parallel is the number of simultaneous scrapers.
const parallel = 8

// serveBaseline runs the baseline: a net/http server with one body in memory. It shares no
// code with the program.
func serveBaseline(arg string) error {
	addr, path, _ := strings.Cut(arg, ",")
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
		w.Write(body)
	}))
}

// scrape compares the duration of scrapes with the baseline, for the same bytes. The two
// are measured alternately, so that other load on the machine affects both.
func (b *bench) scrape(n int, gzip bool) error {
	p, err := b.exporter("--collect.interval=1s")
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.waitFor("betanet_messages_total ", 10*time.Second); err != nil {
		return err
	}
	body, err := p.scrape(gzip)
	if err != nil {
		return err
	}
	baseline, err := b.startBaseline(body)
	if err != nil {
		return err
	}
	defer baseline.stop()
	const turns = 10
	var ours, theirs []time.Duration
	for range turns {
		a, err := p.scrapeMany(n/turns, gzip)
		if err != nil {
			return err
		}
		z, err := baseline.scrapeMany(n/turns, gzip)
		if err != nil {
			return err
		}
		ours, theirs = append(ours, a...), append(theirs, z...)
	}
	coding, limit := "plain", "< 3"
	if gzip {
		coding, limit = "gzip", "none: the baseline does not compress"
	}
	printRow(fmt.Sprintf("scrape, one upstream, %s, %d bytes, %d at once: p99 / baseline", coding, len(body), parallel), "%.2f (p50 %.2f; %s / %s)", limit,
		float64(quantile(ours, .99))/float64(quantile(theirs, .99)), float64(quantile(ours, .5))/float64(quantile(theirs, .5)),
		quantile(ours, .99), quantile(theirs, .99))
	return nil
}

// startBaseline starts the baseline as a helper process that serves a body.
func (b *bench) startBaseline(body []byte) (*process, error) {
	path := filepath.Join(b.dir, "body")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		return nil, err
	}
	return startHelper("baseline", func(addr string) string { return addr + "," + path })
}

// scrapeMany makes n scrapes with parallel scrapers and returns their durations.
func (p *process) scrapeMany(n int, gzip bool) ([]time.Duration, error) {
	var wg sync.WaitGroup
	times := make([][]time.Duration, parallel)
	errs := make([]error, parallel)
	for i := range parallel {
		wg.Go(func() {
			for range n / parallel {
				start := time.Now()
				if _, err := p.scrape(gzip); err != nil {
					errs[i] = err
					return
				}
				times[i] = append(times[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	return slices.Concat(times...), errors.Join(errs...)
}

// stampede makes 500 scrapes at once, first with a higher request limit and then with the
// default limit.
func (b *bench) stampede() error {
	for _, limit := range []int{600, 40} {
		p, err := b.exporter("--collect.interval=1h", "--web.max-requests="+strconv.Itoa(limit))
		if err != nil {
			return err
		}
		err = p.waitFor("betanet_messages_total ", 10*time.Second)
		if err != nil {
			p.stop()
			return err
		}
		before := b.requests()
		var mu sync.Mutex
		results := make(map[string]int)
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				_, err := p.scrape(false)
				mu.Lock()
				defer mu.Unlock()
				var status statusError
				switch {
				case err == nil:
					results["200"]++
				case errors.As(err, &status):
					results[strconv.Itoa(int(status))]++
				default:
					results["none"]++
				}
			})
		}
		wg.Wait()
		printRow(fmt.Sprintf("500 scrapes at once, --web.max-requests=%d", limit), "%d with status 200, %d with status 503, %d failed; %d upstream requests",
			"0 upstream requests, 200 or 503, never a hang", results["200"], results["503"], results["none"], b.requests()-before)
		p.stop()
	}
	return nil
}

func (b *bench) requests() (n int) {
	for _, k := range b.sim.Requests() {
		n += k
	}
	return n
}

func quantile(d []time.Duration, q float64) time.Duration {
	s := slices.Sorted(slices.Values(d))
	return s[int(q*float64(len(s)-1))].Round(time.Microsecond)
}
