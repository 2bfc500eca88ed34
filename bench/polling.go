//go:build linux

package main

import (
	"fmt"
	"io"
	"time"
)

// polling measures the exporter with its defaults, and the floor at the same time
// on a fleet of its own: whatever else the machine does hits both.
func (s *size) polling() error {
	p, err := s.exporter(s.fleet, "")
	if err != nil {
		return err
	}
	defer p.stop()
	took, err := p.ready(s.n, time.Minute)
	seen := fmt.Sprintf("%.2f s", took.Seconds())
	if err != nil {
		seen = err.Error() // the others are measured all the same
	}
	s.set("start of the process to data of all", "≤ 2 s / ≤ 8 s", "%s", seen)
	fleet, err := startFleet()
	if err != nil {
		return err
	}
	defer fleet.stop()
	floor, err := helper("floorpoll", func(addr string) string { return fmt.Sprintf("%s,%s,%d", addr, fleet.addr, s.n) })
	if err != nil {
		return err
	}
	defer floor.stop()
	time.Sleep(interval + 2*time.Second)
	files := 0
	used, err := s.perCycle(s.cycles, func() error {
		n, err := p.files()
		files = max(files, n)
		return err
	}, load{s.fleet, p}, load{fleet, floor})
	if err != nil {
		return err
	}
	cpu, floorCPU, asked := used[0].cpu, used[1].cpu, used[0].requests
	if r := used[1].requests; r < 2.9 || r > 3.1 {
		return fmt.Errorf("the floor made %.2f requests per upstream and cycle", r)
	}
	s.live = cpu
	floorRSS, err := floor.mib("VmRSS:")
	if err != nil {
		return err
	}
	floor.stop()
	s.set("CPU of polling / floor", "≤ 1.4 / ≤ 1.4", "%.2f (%.0f / %.0f µs per upstream and cycle)", cpu/floorCPU, cpu, floorCPU)
	s.set("requests per upstream and cycle", "3", "%.2f", asked)
	rss, err := p.mib("VmRSS:")
	if err != nil {
		return err
	}
	s.set("resident memory / floor", "≤ 1.5 / ≤ 1.3", "%.2f (%.1f / %.1f MiB)", rss/floorRSS, rss, floorRSS)
	s.set("open files, most seen", "≤ 3000 / ≤ 10 600", "%d", files)
	if err := s.whilePolling(p); err != nil {
		return err
	}
	peak, err := p.mib("VmHWM:")
	if err != nil {
		return err
	}
	s.set("peak memory, scrapes included, MiB", "", "%.1f", peak)
	body, err := p.scrape(false)
	s.set("collections over 1 s late / skipped", "0 / 0", "%s", exposed(body).late())
	return err
}

// whilePolling compares the slowest of 100 scrapes with that of a process that
// sends the same bytes from memory, over at least a cycle.
func (s *size) whilePolling(p *process) error {
	const turns = 100
	var floors [2]*process
	var times [2][2][]time.Duration // by coding, ours and the floor's
	for coding, gzip := range []bool{false, true} {
		body, err := p.scrape(gzip)
		if err != nil {
			return err
		}
		if floors[coding], err = s.bench.floor(body); err != nil {
			return err
		}
		defer floors[coding].stop()
		s.set("size of a scrape, MB, "+codings[coding], "", "%.3f", float64(len(body))/1e6)
	}
	for tick, i := time.NewTicker(interval/turns), 0; i < turns; i++ {
		for coding, gzip := range []bool{false, true} {
			for who, p := range []*process{p, floors[coding]} {
				began := time.Now()
				if _, err := p.get(accept, gzip, io.Discard); err != nil {
					return err
				}
				times[coding][who] = append(times[coding][who], time.Since(began))
			}
		}
		<-tick.C
	}
	for coding, t := range times {
		ours, floor := worst(t[0]), worst(t[1])
		s.set(fmt.Sprintf("slowest of %d scrapes while polling / floor, %s", turns, codings[coding]), "≤ 10 / ≤ 10",
			"%.1f (%s / %s)", float64(ours)/float64(floor), ours, floor)
	}
	return nil
}

// codings are the names of the two.
var codings = [2]string{"plain", "gzip"}
