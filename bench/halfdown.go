//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// downCycles is the number of measured cycles of a fleet that is half down: breakers open
// in the first cycles and stay open in the rest.
const downCycles = 6

// closedPort is a port without a listener.
const closedPort = "1"

// halfDown measures fleets in which every second upstream refuses connections or hangs.
// Small fleets are measured at the same time.
func (s *scaleRun) halfDown() error {
	if s.n < 2 {
		return nil
	}
	refused, hanging := make(chan error, 1), make(chan error, 1)
	go func() { refused <- s.measureDown("refused", closedPort) }()
	if s.n > 1000 {
		return errors.Join(<-refused, s.measureDown("hanging", ""))
	}
	go func() { hanging <- s.measureDown("hanging", "") }()
	return errors.Join(<-refused, <-hanging)
}

// measureDown measures an exporter with half of its upstreams down. If closed is a port,
// they refuse connections on it from the start; if it is empty, they hang once all upstreams
// have responded. Startup is not measured.
func (s *scaleRun) measureDown(how, closed string) error {
	if c, err := net.DialTimeout("tcp", net.JoinHostPort(host(1), closedPort), time.Second); err == nil {
		c.Close()
		return fmt.Errorf("port %s has a listener", closedPort)
	}
	fleet, err := startFleet()
	if err != nil {
		return err
	}
	defer fleet.stop()
	p, err := s.exporter(s.binary, fleet, closed)
	if err != nil {
		return err
	}
	defer p.stop()
	responding := s.n
	if closed != "" {
		responding = (s.n + 1) / 2
	}
	if _, err := p.ready(responding, time.Minute); err != nil {
		return fmt.Errorf("%s: %w", how, err)
	}
	if closed == "" {
		if _, err := control(fleet, "/hang"); err != nil {
			return err
		}
	}
	used, err := s.perCycle(downCycles, func() error { return nil }, pollingProcess{fleet, p})
	if err != nil {
		return err
	}
	cpu := used[0].cpu
	what := fmt.Sprintf("every second upstream %s, %d cycles: ", how, downCycles)
	s.set(what+"CPU / all healthy", "≤ 2 / ≤ 2", "%.2f (%.0f / %.0f µs)", cpu/s.healthyCPU, cpu, s.healthyCPU)
	at := time.Now()
	body, err := p.scrape(false)
	if err != nil {
		return err
	}
	s.set(what+"over 1 s late / skipped", "", "%s", exposition(body).lateAndSkipped())
	s.set(what+"healthy upstreams not on time", "0 / 0", "%d", exposition(body).overdue(at, alwaysUp))
	return nil
}

// alwaysUp reports whether labels belong to a host that is never down.
func alwaysUp(labels string) bool {
	name := upstream(labels)
	return name != "" && strings.ContainsAny(name[len(name)-1:], "02468")
}
