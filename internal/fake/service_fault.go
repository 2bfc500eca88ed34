package fake

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fault is one way to go wrong.
type Fault struct {
	Kind  string        // one of FaultNames
	Delay time.Duration // how much later a slow answer comes; zero for all others
}

const (
	refuse   = "refuse"   // the port is closed: connection refused
	hang     = "hang"     // the request is read and never answered
	reset    = "reset"    // the connection is reset before the answer
	http500  = "http500"  // every path answers 500
	badjson  = "badjson"  // 200 with half a document, announced as if it were whole
	truncate = "truncate" // half of the announced bytes, then the end of the connection
	slow     = "slow"     // the right answer, late

	accepted = "want refuse, hang, reset, http500, badjson, truncate or slow with a delay such as slow=3s"
)

// FaultNames lists the kinds of faults.
func FaultNames() []string {
	return []string{refuse, hang, reset, http500, badjson, truncate, slow}
}

// ParseFaults reads a list such as "refuse,hang,slow=3s"; the empty string is
// no fault.
func ParseFaults(s string) ([]Fault, error) {
	if s == "" {
		return nil, nil
	}
	var faults []Fault
	for item := range strings.SplitSeq(s, ",") {
		kind, delay, delayed := strings.Cut(strings.TrimSpace(item), "=")
		f, err := Fault{Kind: kind}, error(nil)
		if delayed {
			f.Delay, err = time.ParseDuration(delay)
		}
		if err != nil || delayed && f.Delay == 0 || f.check() != nil {
			return nil, fmt.Errorf("fault %q: %s", item, accepted)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

func (f Fault) check() error {
	if late := f.Delay > 0; slices.Contains(FaultNames(), f.Kind) && late == (f.Kind == slow) && f.Delay >= 0 {
		return nil
	}
	return fmt.Errorf("fault %q with a delay of %v: %s", f.Kind, f.Delay, accepted)
}

// mode is how the service behaves at one time; the zero mode is healthy.
type mode struct {
	kind  string        // what goes wrong with an answer; empty when nothing does
	delay time.Duration // how much later the answer comes
}

// together is the mode of faults that act at the same time: the first of them,
// later by the delay of the first slow one.
func together(faults []Fault) mode {
	var m mode
	for _, f := range faults {
		switch {
		case f.Kind == slow && m.delay == 0:
			m.delay = f.Delay
		case f.Kind != slow && m.kind == "":
			m.kind = f.Kind
		}
	}
	return m
}

// plan says which mode acts when. One without a period has the same mode always.
type plan struct {
	faults       []Fault
	every, lasts time.Duration
}

func (p plan) changes() bool { return p.every > 0 && len(p.faults) > 0 }

// at gives the mode at an age of the plan and for how long it lasts from
// there. A period begins healthy, so that a person who watches has seen the values
// before the first fault.
func (p plan) at(age time.Duration) (mode, time.Duration) {
	if !p.changes() {
		return together(p.faults), 0
	}
	period, into := int(age/p.every), age%p.every
	if healthy := p.every - p.lasts; into < healthy {
		return mode{}, healthy - into
	}
	turn := period % len(p.faults)
	return together(p.faults[turn : turn+1]), p.every - into
}
