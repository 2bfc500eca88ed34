// Package simulation draws random faults for simulations, and shrinks a list of faults
// that makes a simulation fail. The simulations are tests: internal/poll simulates the
// polling core, and this package simulates the complete exporter. docs/simulation.md
// describes them.
package simulation

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An Episode is a fault or another event that begins at Start, relative to the start of the
// simulation, and lasts for Length.
type Episode struct {
	Start, Length time.Duration
	Kind          string
	Target        int    // index of the upstream that it affects, unless it affects everything
	Variant       uint64 // random details, whose meaning depends on the kind
}

// String returns the episode in the form of a Go literal without its type, followed by a
// comment with the times.
func (e Episode) String() string {
	return fmt.Sprintf("{Start: %d, Length: %d, Kind: %q, Target: %d, Variant: %d}, // %v to %v", e.Start, e.Length, e.Kind, e.Target, e.Variant, e.Start.Round(time.Second), (e.Start + e.Length).Round(time.Second))
}

// Draw returns random episodes for a simulation, in the order of their starts. Each seed uses
// only some of the kinds, so that rare combinations occur. Episodes last from seconds to
// hours, and the pauses between them from seconds to weeks; pace is the usual mean of a
// pause. Targets are in [0, targets).
func Draw(seed uint64, length, pace time.Duration, targets int, kinds ...string) (all []Episode) {
	r := rand.New(rand.NewPCG(seed, 1))
	kinds = slices.Clone(kinds)
	r.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	kinds = kinds[:1+r.IntN(len(kinds))]
	pause := []time.Duration{10 * time.Second, 5 * time.Minute, pace / 5, pace, pace}
	if r.IntN(8) == 0 {
		pause = append(pause, 14*24*time.Hour)
	}
	lengths := []time.Duration{2 * time.Second, 30 * time.Second, 5 * time.Minute, 30 * time.Minute, 3 * time.Hour}
	for at := Random(r, pace/5); at < length; at += Random(r, pause[r.IntN(len(pause))]) {
		all = append(all, Episode{at, Random(r, lengths[r.IntN(len(lengths))]), kinds[r.IntN(len(kinds))], r.IntN(targets), r.Uint64()})
	}
	return all
}

// Random returns a uniform random duration in [0, 2*mean).
func Random(r *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(2 * mean)))
}

// Shrink returns a shorter list of episodes for which fails still returns true. It tries to
// remove smaller and smaller parts.
func Shrink(all []Episode, fails func([]Episode) bool) []Episode {
	for part := (len(all) + 1) / 2; part > 0; part /= 2 {
		for from := 0; from < len(all); {
			without := slices.Delete(slices.Clone(all), from, min(from+part, len(all)))
			if fails(without) {
				all = without
			} else {
				from += part
			}
		}
	}
	return all
}

// WriteTest writes a test that replays a list of episodes to a new file and returns the
// name of the file. replay is the name of a function of pkg that takes the test, the seed,
// the length and the episodes. failure becomes the comment of the test.
func WriteTest(pkg, replay string, seed uint64, length time.Duration, all []Episode, failure string) (file string, err error) {
	f, err := os.CreateTemp("", fmt.Sprintf("replay_seed%d_*_test.go", seed))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\nimport (\n\t\"testing\"\n\n\t\"github.com/betanet/betanet_exporter/internal/simulation\"\n)\n\n// %s\n", pkg, strings.ReplaceAll(failure, "\n", "\n// "))
	fmt.Fprintf(&b, "func TestReplayOfSeed%d(t *testing.T) {\n\t%s(t, %d, %d, // %v\n", seed, replay, seed, length, length)
	for _, e := range all {
		fmt.Fprintf(&b, "\t\tsimulation.Episode%v\n", e)
	}
	b.WriteString("\t)\n}\n")
	_, err = f.WriteString(b.String())
	return f.Name(), errors.Join(err, f.Close())
}

// Getenv returns the number in an environment variable, or other if it is not set.
func Getenv(name string, other uint64) (uint64, error) {
	text := os.Getenv(name)
	if text == "" {
		return other, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a number of at least 0", name, text)
	}
	return n, nil
}
