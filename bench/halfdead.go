//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// deadCycles is the number of measured cycles of a half dead fleet: the first ones, in
// which breakers open, and some with open breakers.
const deadCycles = 6

// closedPort is a port without a listener.
const closedPort = "1"

// halfDead measures fleets in which every second upstream refuses connections, or hangs.
// Small ones are measured at the same time.
func (s *size) halfDead() error {
	if s.n < 2 {
		return nil
	}
	refused, hanging := make(chan error, 1), make(chan error, 1)
	go func() { refused <- s.dead("refused", closedPort) }()
	if s.n > 1000 {
		return errors.Join(<-refused, s.dead("hanging", ""))
	}
	go func() { hanging <- s.dead("hanging", "") }()
	return errors.Join(<-refused, <-hanging)
}

// dead measures an exporter with half of the fleet dead in one way: refusing from the
// start, or hanging once all have responded. The start is not measured.
func (s *size) dead(how, closed string) error {
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
	answering := s.n
	if closed != "" {
		answering = (s.n + 1) / 2
	}
	if _, err := p.ready(answering, time.Minute); err != nil {
		return fmt.Errorf("%s: %w", how, err)
	}
	if closed == "" {
		if _, err := ask(fleet, "/hang"); err != nil {
			return err
		}
	}
	used, err := s.perCycle(deadCycles, func() error { return nil }, load{fleet, p})
	if err != nil {
		return err
	}
	cpu := used[0].cpu
	what := fmt.Sprintf("every second upstream %s, %d cycles: ", how, deadCycles)
	s.set(what+"CPU / all alive", "≤ 2 / ≤ 2", "%.2f (%.0f / %.0f µs)", cpu/s.live, cpu, s.live)
	at := time.Now()
	body, err := p.scrape(false)
	if err != nil {
		return err
	}
	s.set(what+"over 1 s late / skipped", "", "%s", exposed(body).late())
	s.set(what+"live ones not on time", "0 / 0", "%d", exposed(body).overdue(at, alive))
	return nil
}

// alive reports whether labels belong to a host that is never dead.
func alive(labels string) bool {
	name := upstream(labels)
	return name != "" && strings.ContainsAny(name[len(name)-1:], "02468")
}
