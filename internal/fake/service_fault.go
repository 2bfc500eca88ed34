package fake

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fault is one kind of failure.
type Fault struct {
	Kind  string        // refuse, hang, reset, http500, badjson, truncate or slow
	Delay time.Duration // of slow; zero for all other kinds
}

const (
	refuse   = "refuse"   // the port is closed: connection refused
	hang     = "hang"     // the request is read and never answered
	reset    = "reset"    // the connection is reset before the response
	http500  = "http500"  // every path returns 500
	badjson  = "badjson"  // 200 with half a document and its correct length
	truncate = "truncate" // half of the announced bytes, then the end of the connection
	slow     = "slow"     // the correct response, delayed

	faultUsage = "want refuse, hang, reset, http500, badjson, truncate or slow with a delay such as slow=3s"
)

var faultKinds = []string{refuse, hang, reset, http500, badjson, truncate, slow}

// ParseFaults reads a list such as "refuse,hang,slow=3s". An empty string means no faults.
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
			return nil, fmt.Errorf("fault %q: %s", item, faultUsage)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

func (f Fault) check() error {
	if slices.Contains(faultKinds, f.Kind) && f.Delay >= 0 && (f.Delay > 0) == (f.Kind == slow) {
		return nil
	}
	return fmt.Errorf("fault %q with a delay of %v: %s", f.Kind, f.Delay, faultUsage)
}

// mode is the behaviour of the service at one time; the zero mode is healthy.
type mode struct {
	kind  string        // of the fault in responses, empty for none
	delay time.Duration // of responses
}

// combine returns the mode of faults that are active at the same time: the kind of the first one that is not slow, with
// the delay of the first slow one.
func combine(faults []Fault) mode {
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

// schedule decides when each fault is active. Without a period, all of them are always active.
type schedule struct {
	faults          []Fault
	every, duration time.Duration
}

func (s schedule) changes() bool { return s.every > 0 && len(s.faults) > 0 }

// at returns the mode at an age of the schedule and how much longer it lasts, or 0 if it never changes. A period begins
// healthy, so that there are values before the first fault.
func (s schedule) at(age time.Duration) (mode, time.Duration) {
	if !s.changes() {
		return combine(s.faults), 0
	}
	period, elapsed := int(age/s.every), age%s.every
	if healthy := s.every - s.duration; elapsed < healthy {
		return mode{}, healthy - elapsed
	}
	i := period % len(s.faults)
	return combine(s.faults[i : i+1]), s.every - elapsed
}
