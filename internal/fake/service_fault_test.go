package fake

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseFaultsReadsAList(t *testing.T) {
	got, err := ParseFaults("refuse, hang,reset,http500,badjson,truncate,slow=3s")
	want := []Fault{{Kind: "refuse"}, {Kind: "hang"}, {Kind: "reset"}, {Kind: "http500"}, {Kind: "badjson"}, {Kind: "truncate"}, {Kind: "slow", Delay: 3 * time.Second}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("ParseFaults() = %v, %v, want %v", got, err, want)
	}
}

func TestParseFaultsOfNothingIsNoFault(t *testing.T) {
	got, err := ParseFaults("")
	if err != nil || len(got) != 0 {
		t.Errorf(`ParseFaults("") = %v, %v, want none`, got, err)
	}
}

func TestParseFaultsNamesWhatItAccepts(t *testing.T) {
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
}

func TestTheErrorNamesEveryFault(t *testing.T) {
	for _, name := range faultKinds {
		if !strings.Contains(accepted, name) {
			t.Errorf("%q is not in %q", name, accepted)
		}
	}
}

func TestFaultsActAtTheEndOfEachPeriodInTurn(t *testing.T) {
	p := schedule{
		faults:   []Fault{{Kind: refuse}, {Kind: slow, Delay: time.Minute}, {Kind: hang}},
		every:    60 * time.Second,
		duration: 20 * time.Second,
	}
	for _, test := range []struct {
		age   time.Duration
		want  mode
		lasts time.Duration
	}{
		{0, mode{}, 40 * time.Second},
		{40*time.Second - 1, mode{}, 1},
		{40 * time.Second, mode{kind: refuse}, 20 * time.Second},
		{60*time.Second - 1, mode{kind: refuse}, 1},
		{60 * time.Second, mode{}, 40 * time.Second},
		{100 * time.Second, mode{delay: time.Minute}, 20 * time.Second},
		{165 * time.Second, mode{kind: hang}, 15 * time.Second},
		{220 * time.Second, mode{kind: refuse}, 20 * time.Second},
	} {
		got, lasts := p.at(test.age)
		if got != test.want || lasts != test.lasts {
			t.Errorf("at(%v) = %v for %v, want %v for %v", test.age, got, lasts, test.want, test.lasts)
		}
	}
}

func TestAPeriodMayBeAllFault(t *testing.T) {
	p := schedule{faults: []Fault{{Kind: hang}, {Kind: reset}}, every: time.Second, duration: time.Second}
	for age, want := range map[time.Duration]string{0: hang, time.Second: reset, 2 * time.Second: hang} {
		if got, _ := p.at(age); got.kind != want {
			t.Errorf("at(%v) = %v, want %v", age, got.kind, want)
		}
	}
}

func TestOfFaultsThatActAlwaysTheFirstCountsAndSlowIsADelay(t *testing.T) {
	p := schedule{faults: []Fault{{Kind: slow, Delay: time.Second}, {Kind: http500}, {Kind: hang}}}
	want := mode{kind: http500, delay: time.Second}
	if got, _ := p.at(time.Hour); got != want {
		t.Errorf("at(1h) = %v, want %v", got, want)
	}
}

func TestSetFaultsPanicsOnAFaultThatDoesNotExist(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	defer func() {
		if recover() == nil {
			t.Error(`SetFaults of "refsue" returned, want a panic`)
		}
	}()
	s.SetFaults(Fault{Kind: "refsue"})
}
