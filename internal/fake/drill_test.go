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

// recorder is a service that notes what is done to it.
type recorder struct {
	begun time.Time
	notes []string
}

func (r *recorder) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf("%v ", time.Since(r.begun))+fmt.Sprintf(format, args...))
}

func (r *recorder) SetFaults(f ...Fault) { r.note("faults %v", f) }
func (r *recorder) Restart()             { r.note("restart") }
func (r *recorder) SetConditions(c Conditions) {
	if c != (Conditions{}) {
		r.note("%+v", c)
	}
}

var three = []Phase{
	{Name: "well", Duration: time.Minute},
	{Name: "late", Duration: 2 * time.Minute, Services: map[string]ServiceState{"a": {Faults: []Fault{{Kind: "slow", Delay: 4 * time.Second}}}}},
	{Name: "again", Duration: time.Minute, Services: map[string]ServiceState{"a": {Restart: true, Conditions: Conditions{Nodes: 3}}}},
}

// playing plays three phases for one service at a speed and returns what was
// done to it, and when the phases began.
func playing(t *testing.T, ctx context.Context, speed float64) (notes, begins []string, err error) {
	t.Helper()
	r := &recorder{begun: time.Now()}
	err = Play(ctx, three, map[string]Target{"a": r}, speed, func(i int) {
		begins = append(begins, fmt.Sprintf("%v %s", time.Since(r.begun), three[i].Name))
	})
	return r.notes, begins, err
}

func TestPhasesAreOneAfterTheOtherAndLastAsLongAsTheySay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		notes, begins, err := playing(t, t.Context(), 1)
		if want := []string{"0s well", "1m0s late", "3m0s again"}; err != nil || !slices.Equal(begins, want) {
			t.Errorf("phases began at %v, error %v, want %v", begins, err, want)
		}
		want := []string{"0s faults []", "1m0s faults [{slow 4s}]", "3m0s faults []", "3m0s {Loss:0 Idle:false Nodes:3 Active:0 Latency:0s}", "3m0s restart"}
		if !slices.Equal(notes, want) {
			t.Errorf("the service was told %q, want %q", notes, want)
		}
		if got := time.Since(start); got != 4*time.Minute {
			t.Errorf("played for %v, want 4m", got)
		}
	})
}

func TestASpeedMakesPausesAndDelaysShorter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		notes, begins, _ := playing(t, t.Context(), 10)
		if want := []string{"0s well", "6s late", "18s again"}; !slices.Equal(begins, want) {
			t.Errorf("phases began at %v, want %v", begins, want)
		}
		if want := "6s faults [{slow 400ms}]"; !slices.Contains(notes, want) {
			t.Errorf("the service was told %q, want %q too", notes, want)
		}
	})
}

func TestAPhaseMayHappenAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{begun: time.Now()}
		p := []Phase{{Duration: 5 * time.Minute, Every: 2 * time.Minute, Services: map[string]ServiceState{"a": {Restart: true}}}}
		begun := 0
		err := Play(t.Context(), p, map[string]Target{"a": r}, 2, func(int) { begun++ })
		want := []string{"0s faults []", "0s restart", "1m0s faults []", "1m0s restart", "2m0s faults []", "2m0s restart"}
		if err != nil || begun != 1 || !slices.Equal(r.notes, want) {
			t.Errorf("began %d times and told the service %q, error %v, want once and %q", begun, r.notes, err, want)
		}
		if got := time.Since(r.begun); got != 150*time.Second {
			t.Errorf("played for %v, want 2m30s", got)
		}
	})
}

// sluggish takes longer than the first phase for its first change.
type sluggish struct{ recorder }

func (s *sluggish) SetFaults(...Fault) {
	if len(s.notes) == 0 {
		time.Sleep(90 * time.Second)
	}
	s.note("changed")
}

func TestAServiceThatChangesSlowlyDoesNotMakeTheDrillLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := Play(t.Context(), three, map[string]Target{"a": &sluggish{}}, 1, func(int) {})
		if got := time.Since(start); err != nil || got != 4*time.Minute {
			t.Errorf("played for %v, error %v, want 4m", got, err)
		}
	})
}

func TestTheEndOfTheContextEndsTheDrillInThePhaseThatIsPlayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		start := time.Now()
		_, begins, err := playing(t, ctx, 1)
		if got := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || got != 90*time.Second {
			t.Errorf("ended with %v after %v, want the context's error after 1m30s", err, got)
		}
		if want := []string{"0s well", "1m0s late"}; !slices.Equal(begins, want) {
			t.Errorf("phases %v began, want %v", begins, want)
		}
	})
}

func TestTheScriptCanBePlayed(t *testing.T) {
	services := make(map[string]Target)
	for _, name := range DrillServices {
		s, err := Simulate(Options{Addr: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		services[name] = s
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	begun := 0
	// A fault or a condition that does not exist panics.
	if err := Play(ctx, Script, services, 1e5, func(int) { begun++ }); err != nil || begun != len(Script) {
		t.Errorf("%d phases began, error %v, want all %d", begun, err, len(Script))
	}
}

func TestTheScriptNamesNoOtherServices(t *testing.T) {
	for _, p := range Script {
		for name, state := range p.Services {
			if !slices.Contains(DrillServices, name) {
				t.Errorf("%s: there is no %s", p.Name, name)
			}
			if reflect.ValueOf(state).IsZero() {
				t.Errorf("%s: %s is named and well", p.Name, name)
			}
		}
	}
}

func TestTheScriptEndsAsItBegins(t *testing.T) {
	for _, p := range []Phase{Script[0], Script[len(Script)-1]} {
		if len(p.Services) > 0 {
			t.Errorf("%s: the services are %v, want all well", p.Name, p.Services)
		}
	}
}

func TestTheScheduleFitsATerminal(t *testing.T) {
	var b strings.Builder
	long := Phase{Name: "long", Page: strings.Repeat("x ", maxWidth), Series: []string{strings.Repeat("yy ", maxWidth)}}
	WriteSchedule(&b, append([]Phase{long}, Script...), 1, time.Date(2024, 5, 1, 23, 59, 30, 0, time.UTC))
	for line := range strings.Lines(b.String()) {
		if len(line)-1 > maxWidth || strings.TrimSpace(line) == "" {
			t.Errorf("%d columns: %q", len(line)-1, line)
		}
	}
}

func TestTheScheduleHasWallClockTimes(t *testing.T) {
	var b strings.Builder
	WriteSchedule(&b, three, 2, time.Date(2024, 5, 1, 23, 59, 30, 0, time.UTC))
	for _, want := range []string{"  23:59:30    30s  well\n", "  00:00:00     1m  late\n", "  00:01:00    30s  again\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

func TestBriefLeavesOutWhatIsZero(t *testing.T) {
	for d, want := range map[time.Duration]string{
		8 * time.Minute: "8m", 90 * time.Second: "1m30s", 45 * time.Second: "45s", time.Hour: "1h", 90 * time.Minute: "1h30m",
		2400 * time.Millisecond: "2.4s", 1234567 * time.Microsecond: "1.235s", 80 * time.Second: "1m20s", 10 * time.Minute: "10m",
	} {
		if got := Brief(d); got != want {
			t.Errorf("Brief(%v) = %q, want %q", d, got, want)
		}
	}
}
