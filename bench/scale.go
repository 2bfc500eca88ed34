//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// scale measures fleets of several sizes. If a measurement fails, its error is in the
// table and the others continue.
func (b *bench) scale(sizes []int, cycles int, parts string) error {
	if len(sizes) == 0 {
		return nil
	}
	t := newTable(sizes)
	defer t.print()
	for _, n := range sizes {
		fleet, err := startFleet()
		if err != nil {
			return err
		}
		s := &scaleRun{bench: b, table: t, fleet: fleet, n: n, cycles: cycles}
		for _, part := range []struct {
			what string
			run  func() error
		}{{"polling", s.polling}, {"serving", s.serving}, {"dead", s.halfDown}, {"prometheus", s.prometheus}} {
			if parts != "" && !slices.Contains(strings.Split(parts, ","), part.what) {
				continue
			}
			progress(n, "%s ...", part.what)
			if err := part.run(); err != nil {
				t.set(n, part.what+" ended early", "", "%v", err)
			}
		}
		fleet.stop()
	}
	return nil
}

// scaleRun measures a fleet of n upstreams. CPU time is in microseconds per upstream and
// cycle.
type scaleRun struct {
	*bench
	table      *table
	fleet      *process
	n, cycles  int
	healthyCPU float64 // CPU time of the exporter with all upstreams healthy
}

func (s *scaleRun) set(what, limit, measured string, args ...any) {
	s.table.set(s.n, what, limit, measured, args...)
}

// exporter starts a build of the exporter for the fleet. closed is the port of the odd
// hosts, or empty for the same port as the others.
func (s *scaleRun) exporter(binary string, fleet *process, closed string, args ...string) (*process, error) {
	_, port, err := net.SplitHostPort(fleet.addr)
	if err != nil {
		return nil, err
	}
	var config strings.Builder
	config.WriteString("upstreams:\n")
	for i := range s.n {
		p := port
		if closed != "" && i%2 == 1 {
			p = closed
		}
		fmt.Fprintf(&config, "- name: %s\n  url: http://%s:%s\n", name(i), host(i), p)
	}
	file, err := os.CreateTemp(s.dir, "*.yml")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file.Name(), []byte(config.String()), 0o600); err != nil {
		return nil, err
	}
	file.Close()
	log, err := os.Create(file.Name() + ".log") // thousands of lines if half of the fleet is down
	if err != nil {
		return nil, err
	}
	defer log.Close()
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args = append([]string{"--config.file=" + file.Name(), "--web.listen-address=" + addr, "--log.level=warn"}, args...)
	return startProcess(log, addr, binary, args...)
}

// name returns the name of an upstream, always 15 bytes long.
func name(i int) string { return fmt.Sprintf("betanet-%07d", i) }

// ready waits until n upstreams have data, and returns the time since the start of the
// process. It scrapes less often if scrapes are slow, so that they cause little load.
func (p *process) ready(n int, limit time.Duration) (time.Duration, error) {
	found, last := 0, error(nil)
	for time.Since(p.began) < limit && p.running() {
		began := time.Now()
		body, err := p.scrape(false)
		if last = err; err == nil {
			if found = exposition(body).upstreamsWithData(); found >= n {
				return time.Since(p.began), nil
			}
		}
		time.Sleep(max(100*time.Millisecond, 3*time.Since(began)))
	}
	return 0, fmt.Errorf("data of %d of %d upstreams after %s (last error: %v)", found, n, time.Since(p.began).Round(time.Second), last)
}

// pollingProcess is a process that polls a fleet.
type pollingProcess struct{ fleet, p *process }

// usage is the CPU time in microseconds and the number of requests received by the fleet,
// both per upstream and cycle.
type usage struct{ cpu, requests float64 }

// perCycle measures several processes over the same cycles. It calls each once per second.
func (s *scaleRun) perCycle(cycles int, each func() error, loads ...pollingProcess) ([]usage, error) {
	read := func() (all []usage, err error) {
		for _, l := range loads {
			n, err := requestCount(l.fleet)
			if err != nil {
				return nil, err
			}
			cpu, err := l.p.cpu()
			if err != nil {
				return nil, err
			}
			all = append(all, usage{cpu.Seconds() * 1e6, float64(n)})
		}
		return all, nil
	}
	before, err := read()
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(time.Duration(cycles) * interval); time.Now().Before(end); {
		time.Sleep(min(time.Second, time.Until(end)))
		if err := each(); err != nil {
			return nil, err
		}
	}
	after, err := read()
	if err != nil {
		return nil, err
	}
	per := float64(s.n * cycles)
	for i := range after {
		after[i] = usage{(after[i].cpu - before[i].cpu) / per, (after[i].requests - before[i].requests) / per}
	}
	return after, nil
}

func requestCount(fleet *process) (n int64, err error) {
	text, err := control(fleet, "/requests")
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(text, &n)
	return n, err
}
