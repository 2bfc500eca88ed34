//go:build linux

package main

import (
	"fmt"
	"io"
	"time"
)

// polling measures the exporter with its default settings and, at the same time, the
// baseline and the earlier build, each with its own fleet, so that other load on the
// machine affects all of them.
func (s *scaleRun) polling() error {
	p, err := s.exporter(s.binary, s.fleet, "")
	if err != nil {
		return err
	}
	defer p.stop()
	took, err := p.ready(s.n, time.Minute)
	result := fmt.Sprintf("%.2f s", took.Seconds())
	if err != nil {
		result = err.Error() // still measure the others
	}
	s.set("start of the process to data of all upstreams", "≤ 2 s / ≤ 8 s", "%s", result)
	others, err := s.startOthers()
	for _, o := range others {
		defer o.fleet.stop()
		defer o.p.stop()
	}
	if err != nil {
		return err
	}
	loads := append([]pollingProcess{{s.fleet, p}}, others...)
	time.Sleep(2*interval + 2*time.Second)
	files := 0
	used, err := s.perCycle(s.cycles, func() error {
		n, err := p.files()
		files = max(files, n)
		return err
	}, loads...)
	if err != nil {
		return err
	}
	rss := make([]float64, len(loads))
	for i, l := range loads {
		if r := used[i].requests; i > 0 && (r < 2.9 || r > 3.1) {
			return fmt.Errorf("%s made %.2f requests per upstream and cycle", l.p.Cmd.Args, r)
		}
		if rss[i], err = l.p.mib("VmRSS"); err != nil {
			return err
		}
		if i > 0 {
			l.p.stop()
		}
	}
	s.setUsage(used, rss)
	s.set("open files, maximum", "≤ 3000 / ≤ 10 600", "%d", files)
	if err := s.whilePolling(p); err != nil {
		return err
	}
	peak, err := p.mib("VmHWM")
	if err != nil {
		return err
	}
	s.set("peak memory, scrapes included, MiB", "", "%.1f", peak)
	body, err := p.scrape(false)
	s.set("collections over 1 s late / skipped", "0 / 0", "%s", exposition(body).lateAndSkipped())
	return err
}

// startOthers starts the baseline and, if there is one, the earlier build, each with its
// own fleet. The caller must stop them, even if there is an error.
func (s *scaleRun) startOthers() (others []pollingProcess, err error) {
	starts := []func(fleet *process) (*process, error){func(fleet *process) (*process, error) {
		return startHelper("pollbaseline", func(addr string) string { return fmt.Sprintf("%s,%s,%d", addr, fleet.addr, s.n) })
	}}
	if s.before != "" {
		starts = append(starts, func(fleet *process) (*process, error) { return s.exporter(s.before, fleet, "") })
	}
	for _, start := range starts {
		fleet, err := startFleet()
		if err != nil {
			return others, err
		}
		p, err := start(fleet)
		if err != nil {
			fleet.stop()
			return others, err
		}
		others = append(others, pollingProcess{fleet, p})
	}
	return others, nil
}

// setUsage sets the rows about CPU time and resident memory of the exporter, the baseline
// and, if there is one, the earlier build.
func (s *scaleRun) setUsage(used []usage, rss []float64) {
	s.healthyCPU = used[0].cpu
	s.set("CPU of polling / baseline", "≤ 1.15 / ≤ 1.3", "%.2f (%.0f / %.0f µs per upstream and cycle)", used[0].cpu/used[1].cpu, used[0].cpu, used[1].cpu)
	s.set("requests per upstream and cycle", "3", "%.2f", used[0].requests)
	s.set("resident memory / baseline", "≤ 1.5 / ≤ 1.1", "%.2f (%.1f / %.1f MiB)", rss[0]/rss[1], rss[0], rss[1])
	if s.before != "" {
		s.set("CPU of polling / before", "≤ 1 / ≤ 1", "%.2f (%.2f of the baseline before)", used[0].cpu/used[2].cpu, used[2].cpu/used[1].cpu)
		s.set("resident memory / before", "", "%.2f (%.1f MiB before)", rss[0]/rss[2], rss[2])
	}
}

// whilePolling compares the slowest of 100 scrapes with the slowest scrape of a baseline
// that sends the same bytes from memory, over at least one cycle.
func (s *scaleRun) whilePolling(p *process) error {
	const turns = 100
	var baselines [2]*process
	var times [2][2][]time.Duration // by coding; the exporter's and the baseline's
	for coding, gzip := range []bool{false, true} {
		body, err := p.scrape(gzip)
		if err != nil {
			return err
		}
		if baselines[coding], err = s.bench.startBaseline(body); err != nil {
			return err
		}
		defer baselines[coding].stop()
		s.set("size of a scrape, MB, "+codings[coding], "", "%.3f", float64(len(body))/1e6)
	}
	for tick, i := time.NewTicker(interval/turns), 0; i < turns; i++ {
		for coding, gzip := range []bool{false, true} {
			for who, p := range []*process{p, baselines[coding]} {
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
		ours, baseline := worst(t[0]), worst(t[1])
		s.set(fmt.Sprintf("slowest of %d scrapes while polling / baseline, %s", turns, codings[coding]), "≤ 10 / ≤ 10",
			"%.1f (%s / %s)", float64(ours)/float64(baseline), ours, baseline)
	}
	return nil
}

// codings lists the names of the two content codings.
var codings = [2]string{"plain", "gzip"}
