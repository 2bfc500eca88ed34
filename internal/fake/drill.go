package fake

import (
	"context"
	"time"
)

// Phase is a part of a script.
type Phase struct {
	Name     string
	Duration time.Duration
	Every    time.Duration           // how often the states are applied again; 0 to apply them once
	Services map[string]ServiceState // services that are not listed are healthy

	// What an operator should see.
	Page   string
	Series []string
	Alerts []string // alerts that begin to fire
}

// ServiceState is the state of a service during a phase; the zero value is healthy.
type ServiceState struct {
	Faults     []Fault
	Conditions Conditions
	Restart    bool // the service restarts when it enters the state
}

// Target is a service in a drill.
type Target interface {
	SetFaults(...Fault)
	SetConditions(Conditions)
	Restart()
}

// Length returns the total duration of phases at a speed.
func Length(phases []Phase, speed float64) time.Duration {
	var total time.Duration
	for i := range phases {
		total += phases[i].Duration
	}
	return scale(total, speed)
}

func scale(d time.Duration, speed float64) time.Duration {
	return time.Duration(float64(d) / speed)
}

// Play runs phases in order, at a multiple of real time. It calls begin for each phase once the services are in its
// states, and returns when the last phase is over or ctx ends. The services remain in their last state.
func Play(ctx context.Context, phases []Phase, services map[string]Target, speed float64, begin func(i int)) error {
	start := time.Now()
	for i := range phases {
		p := &phases[i]
		// Relative to the start, so that a slow service does not delay later phases.
		phaseStart := start.Add(Length(phases[:i], speed))
		step := p.Duration
		if p.Every > 0 {
			step = p.Every
		}
		for elapsed := time.Duration(0); elapsed < p.Duration; elapsed += step {
			for name, s := range services {
				p.Services[name].apply(s, speed)
			}
			if elapsed == 0 {
				begin(i)
			}
			if !sleep(ctx, time.Until(phaseStart.Add(scale(min(elapsed+step, p.Duration), speed)))) {
				return ctx.Err()
			}
		}
	}
	return nil
}

func (st ServiceState) apply(s Target, speed float64) {
	faults := make([]Fault, len(st.Faults))
	for i, f := range st.Faults {
		faults[i] = Fault{Kind: f.Kind, Delay: scale(f.Delay, speed)}
	}
	s.SetFaults(faults...)
	s.SetConditions(st.Conditions)
	if st.Restart {
		s.Restart()
	}
}
