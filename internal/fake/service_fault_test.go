package fake

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseFaultsReadsAList(t *testing.T) {
	for in, want := range map[string][]Fault{
		"refuse, hang,reset,http500,badjson,truncate,slow=3s": {
			{Kind: "refuse"}, {Kind: "hang"}, {Kind: "reset"}, {Kind: "http500"}, {Kind: "badjson"}, {Kind: "truncate"}, {Kind: "slow", Delay: 3 * time.Second},
		},
		"": nil,
	} {
		if got, err := ParseFaults(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("ParseFaults(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
}

func TestParseFaultsErrorsListTheValidFaults(t *testing.T) {
	for in, item := range map[string]string{
		"foo":           "foo",
		"refuse,,hang":  "",
		",":             "",
		"Refuse":        "Refuse",
		"slow":          "slow",
		"slow=":         "slow=",
		"slow=3":        "slow=3",
		"slow=0s":       "slow=0s",
		"slow=-3s":      "slow=-3s",
		"hang=3s":       "hang=3s",
		"hang=0s":       "hang=0s",
		"hang,slow=one": "slow=one",
	} {
		faults, err := ParseFaults(in)
		if err == nil {
			t.Errorf("ParseFaults(%q) = %v, want an error", in, faults)
			continue
		}
		want := `fault "` + item + `": want refuse, hang, reset, http500, badjson, truncate or slow with a delay such as slow=3s`
		if got := err.Error(); got != want {
			t.Errorf("ParseFaults(%q) = %q, want %q", in, got, want)
		}
	}
	for _, kind := range faultKinds {
		if !strings.Contains(faultUsage, kind) {
			t.Errorf("%q is not in %q", kind, faultUsage)
		}
	}
}

func TestAScheduleHasOneFaultAtTheEndOfEachPeriod(t *testing.T) {
	parts := schedule{
		faults: []Fault{{Kind: refuse}, {Kind: slow, Delay: time.Minute}, {Kind: hang}}, every: 60 * time.Second, duration: 20 * time.Second,
	}
	whole := schedule{faults: []Fault{{Kind: hang}, {Kind: reset}}, every: time.Second, duration: time.Second}
	always := schedule{faults: []Fault{{Kind: slow, Delay: time.Second}, {Kind: http500}, {Kind: hang}}}
	for _, test := range []struct {
		schedule  schedule
		age       time.Duration
		want      mode
		remaining time.Duration
	}{
		{parts, 0, mode{}, 40 * time.Second},
		{parts, 40*time.Second - 1, mode{}, 1},
		{parts, 40 * time.Second, mode{kind: refuse}, 20 * time.Second},
		{parts, 60*time.Second - 1, mode{kind: refuse}, 1},
		{parts, 60 * time.Second, mode{}, 40 * time.Second},
		{parts, 100 * time.Second, mode{delay: time.Minute}, 20 * time.Second},
		{parts, 165 * time.Second, mode{kind: hang}, 15 * time.Second},
		{parts, 220 * time.Second, mode{kind: refuse}, 20 * time.Second},
		{whole, 0, mode{kind: hang}, time.Second},
		{whole, time.Second, mode{kind: reset}, time.Second},
		{whole, 2 * time.Second, mode{kind: hang}, time.Second},
		{always, time.Hour, mode{kind: http500, delay: time.Second}, 0},
	} {
		got, remaining := test.schedule.at(test.age)
		if got != test.want || remaining != test.remaining {
			t.Errorf("%+v at %v = %v for %v, want %v for %v", test.schedule, test.age, got, remaining, test.want, test.remaining)
		}
	}
}

func TestSetFaultsPanicsOnAnUnknownFault(t *testing.T) {
	s := simulate(t, Options{})
	wantPanic(t, `SetFaults of "refsue"`, func() { s.SetFaults(Fault{Kind: "refsue"}) })
}
