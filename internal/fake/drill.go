// Package drill is a scripted outage of simulated services, to watch what page,
// dashboards and alerts make of it, and to practise. The script is a table; what
// plays it knows nothing of its contents.
package fake

import (
	"context"
	"time"
)

// Phase is a part of a script.
type Phase struct {
	Name     string
	Lasts    time.Duration
	Again    time.Duration    // the interval at which the services are put into their state again; 0 for once
	Services map[string]State // how the services are; those not named are well

	// What should be seen.
	Page   string
	Series []string
	Alerts []string // that begin to fire
}

// State is how a service is during a phase; the zero value is well.
type State struct {
	Faults     []Fault
	Conditions Conditions
	Restart    bool // it restarts when it becomes so
}

// Target is what a drill does to a service.
type Target interface {
	SetFaults(...Fault)
	SetConditions(Conditions)
	Restart()
}

// Length is how long phases last together, at a speed.
func Length(phases []Phase, speed float64) time.Duration {
	var all time.Duration
	for i := range phases {
		all += phases[i].Lasts
	}
	return faster(all, speed)
}

func faster(d time.Duration, speed float64) time.Duration {
	return time.Duration(float64(d) / speed)
}

// Play plays phases one after the other, so many times faster than they are. It
// calls begin for each when the services are as it wants them, and returns when
// the last one is over or ctx ends. The services are left as they then are.
func Play(ctx context.Context, phases []Phase, services map[string]Target, speed float64, begin func(i int)) error {
	start := time.Now()
	for i := range phases {
		p := &phases[i]
		// Counted from the start, so that slow services do not make the drill late.
		begins := start.Add(Length(phases[:i], speed))
		step := p.Lasts
		if p.Again > 0 {
			step = p.Again
		}
		for lasted := time.Duration(0); lasted < p.Lasts; lasted += step {
			for name, s := range services {
				p.Services[name].become(s, speed)
			}
			if lasted == 0 {
				begin(i)
			}
			if err := wait(ctx, time.Until(begins.Add(faster(min(lasted+step, p.Lasts), speed)))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (st State) become(s Target, speed float64) {
	faults := make([]Fault, len(st.Faults))
	for i, f := range st.Faults {
		faults[i] = Fault{Kind: f.Kind, Delay: faster(f.Delay, speed)}
	}
	s.SetFaults(faults...)
	s.SetConditions(st.Conditions)
	if st.Restart {
		s.Restart()
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
