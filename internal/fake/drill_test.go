package fake

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a service that records the calls of its methods.
type recorder struct {
	start time.Time
	calls []string
	first time.Duration // how long the first call takes
}

func (r *recorder) record(format string, args ...any) {
	if len(r.calls) == 0 {
		time.Sleep(r.first)
	}
	r.calls = append(r.calls, fmt.Sprintf("%v ", time.Since(r.start))+fmt.Sprintf(format, args...))
}

func (r *recorder) SetFaults(f ...Fault) { r.record("faults %v", f) }
func (r *recorder) Restart()             { r.record("restart") }
func (r *recorder) SetConditions(c Conditions) {
	if c != (Conditions{}) {
		r.record("%+v", c)
	}
}

var three = []Phase{
	{Name: "healthy", Duration: time.Minute},
	{Name: "late", Duration: 2 * time.Minute, Services: map[string]ServiceState{"a": {Faults: []Fault{{Kind: "slow", Delay: 4 * time.Second}}}}},
	{Name: "again", Duration: time.Minute, Services: map[string]ServiceState{"a": {Restart: true, Conditions: Conditions{Nodes: 3}}}},
}

var repeated = []Phase{
	{Name: "repeated", Duration: 5 * time.Minute, Every: 2 * time.Minute, Services: map[string]ServiceState{"a": {Restart: true}}},
}

func TestADrillPlaysItsPhasesInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		phases []Phase
		speed  float64
		limit  time.Duration // of the context
		first  time.Duration // how long the first change of the service takes
		begins []string      // when phases begin
		calls  []string      // nil to skip the check
		took   time.Duration
		err    error
	}{
		"each for its duration": {
			phases: three, speed: 1, begins: []string{"0s healthy", "1m0s late", "3m0s again"}, took: 4 * time.Minute,
			calls: []string{
				"0s faults []", "1m0s faults [{slow 4s}]", "3m0s faults []", "3m0s {Loss:0 Idle:false Nodes:3 Active:0 Latency:0s}", "3m0s restart",
			},
		},
		"with shorter pauses and delays at a higher speed": {
			phases: three, speed: 10, begins: []string{"0s healthy", "6s late", "18s again"}, took: 24 * time.Second,
			calls: []string{
				"0s faults []", "6s faults [{slow 400ms}]", "18s faults []", "18s {Loss:0 Idle:false Nodes:3 Active:0 Latency:0s}", "18s restart",
			},
		},
		"with a state that is applied again": {
			phases: repeated, speed: 2, begins: []string{"0s repeated"}, took: 150 * time.Second,
			calls: []string{"0s faults []", "0s restart", "1m0s faults []", "1m0s restart", "2m0s faults []", "2m0s restart"},
		},
		"in the same time with a slow service": {
			phases: three, speed: 1, first: 90 * time.Second, begins: []string{"1m30s healthy", "1m30s late", "3m0s again"}, took: 4 * time.Minute,
		},
		"until the context ends": {
			phases: three, speed: 1, limit: 90 * time.Second, begins: []string{"0s healthy", "1m0s late"}, took: 90 * time.Second,
			err: context.DeadlineExceeded,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
				ctx := t.Context()
				if c.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.limit)
					defer cancel()
				}
				r := &recorder{start: time.Now(), first: c.first}
				var begins []string
				err := Play(ctx, c.phases, map[string]Target{"a": r}, c.speed, func(i int) {
					begins = append(begins, fmt.Sprintf("%v %s", time.Since(r.start), c.phases[i].Name))
				})
				if took := time.Since(r.start); !errors.Is(err, c.err) || took != c.took {
					t.Errorf("ended with %v after %v, want %v after %v", err, took, c.err, c.took)
				}
				if !slices.Equal(begins, c.begins) {
					t.Errorf("phases began at %v, want %v", begins, c.begins)
				}
				if c.calls != nil && !slices.Equal(r.calls, c.calls) {
					t.Errorf("calls of the service: got %q, want %q", r.calls, c.calls)
				}
			})
		})
	}
}

func TestTheScriptCanBePlayed(t *testing.T) {
	services := make(map[string]Target)
	for _, name := range DrillServices {
		services[name] = simulate(t, Options{})
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begun := 0
	// An invalid fault or condition panics.
	if err := Play(ctx, Script, services, 1e5, func(int) { begun++ }); err != nil || begun != len(Script) {
		t.Errorf("%d phases began, error %v, want all %d", begun, err, len(Script))
	}
}

func TestTheScriptNamesItsServicesAndEndsAsItBegins(t *testing.T) {
	for i, p := range Script {
		for name, state := range p.Services {
			if !slices.Contains(DrillServices, name) {
				t.Errorf("%s: no service %s", p.Name, name)
			}
			if reflect.ValueOf(state).IsZero() {
				t.Errorf("%s: %s is listed although it is healthy", p.Name, name)
			}
		}
		if (i == 0 || i == len(Script)-1) && len(p.Services) > 0 {
			t.Errorf("%s: the services are %v, want all healthy", p.Name, p.Services)
		}
	}
}

func TestTheScheduleFitsATerminalAndHasWallClockTimes(t *testing.T) {
	var b strings.Builder
	long := Phase{Name: "long", Page: strings.Repeat("x ", maxWidth), Series: []string{strings.Repeat("yy ", maxWidth)}}
	now := time.Date(2024, 5, 1, 23, 59, 30, 0, time.UTC)
	WriteSchedule(&b, append([]Phase{long}, Script...), 1, now)
	for line := range strings.Lines(b.String()) {
		if len(line)-1 > maxWidth || strings.TrimSpace(line) == "" {
			t.Errorf("%d columns: %q", len(line)-1, line)
		}
	}
	b.Reset()
	WriteSchedule(&b, three, 2, now)
	for _, want := range []string{"  23:59:30    30s  healthy\n", "  00:00:00     1m  late\n", "  00:01:00    30s  again\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

func TestFormatDurationOmitsZeros(t *testing.T) {
	for d, want := range map[time.Duration]string{
		8 * time.Minute: "8m", 90 * time.Second: "1m30s", 45 * time.Second: "45s", time.Hour: "1h", 90 * time.Minute: "1h30m",
		2400 * time.Millisecond: "2.4s", 1234567 * time.Microsecond: "1.235s", 80 * time.Second: "1m20s", 10 * time.Minute: "10m",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%v) = %q, want %q", d, got, want)
		}
	}
}
