package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// Level says whether somebody has to look.
type Level string

// The levels of a verdict.
const (
	OK       Level = "ok"
	Warning  Level = "warning"
	Critical Level = "critical"
)

// Verdict is one sentence about everything.
type Verdict struct {
	Level Level  `json:"level"`
	Text  string `json:"text"` // with times of day in UTC

	// The sentence in parts: a moment in it, if At is not zero, is between the two texts.
	Before, After string    `json:"-"`
	At            time.Time `json:"-"`
}

// situation is what a verdict is about: all upstreams, or in probe mode the targets
// that were probed.
type situation struct {
	counts    countsStatus
	targets   bool      // they are targets of probes
	only      string    // the name, where there is one
	answering int       // how many of them have an endpoint that answers
	failing   time.Time // when the last endpoint that answered began to fail
	since     time.Time // when the state of the only one began
	reasons   []reasonCount
	stopped   time.Time // the last collection, where collecting has stopped
	exporter  []string  // what fails of the exporter itself
	quiet     []history.Quiet
}

// reasonCount is how many upstreams fail for a reason.
type reasonCount struct {
	Reason string // as in betanet_exporter_attempts_total
	Text   string
	Count  int
}

// Where there are more upstreams than smallFleet, some of them may be down without
// being critical.
const (
	smallFleet      = 100
	criticalPercent = 1
)

// judge returns the first verdict that applies.
func judge(s *situation, now time.Time) Verdict {
	c := &s.counts
	tried := c.Upstreams - c.Pending
	switch {
	case !s.stopped.IsZero():
		return timed(Critical, "Collecting has stopped, the last collection was at ", s.stopped, "", now)
	case tried > 0 && s.answering == 0:
		return s.nothingAnswers(tried, now)
	case c.Down > 0 && (c.Upstreams <= smallFleet || c.Down*100 > c.Upstreams*criticalPercent):
		return s.failures(Critical, now)
	case c.Down > 0 || c.Stale > 0:
		return s.failures(Warning, now)
	case len(s.exporter) > 0:
		return plainly(Warning, strings.Join(s.exporter, ", "))
	case c.Upstreams == 0 && s.targets:
		return plainly(OK, "Nothing has been probed yet")
	case c.Upstreams == 0:
		return plainly(Warning, "There are no upstreams")
	case len(s.quiet) > 0:
		return s.silence(now)
	case c.Pending == c.Upstreams:
		return plainly(OK, "Waiting for "+s.number(c.Pending))
	case c.Pending > 0:
		return plainly(OK, fmt.Sprintf("%s of %s are up, waiting for %s", groupedInt(c.Up), s.number(c.Upstreams), groupedInt(c.Pending)))
	case s.only != "":
		return plainly(OK, s.only+" is up")
	default:
		return plainly(OK, "All "+s.number(c.Upstreams)+" are up")
	}
}

// number is a number of upstreams in words.
func (s *situation) number(n int) string {
	what := "upstream"
	if s.targets {
		what = "probed target"
	}
	if n != 1 {
		what += "s"
	}
	return groupedInt(n) + " " + what
}

func (s *situation) nothingAnswers(tried int, now time.Time) Verdict {
	if s.only != "" {
		return timed(Critical, fmt.Sprintf("Nothing answers: %s has been %s since ", s.only, s.state()), s.since, s.because(", "), now)
	}
	return timed(Critical, fmt.Sprintf("Nothing answers: 0 of %s up since ", groupedInt(tried)), s.failing, "", now)
}

// failures counts upstreams that are down or stale, and why.
func (s *situation) failures(l Level, now time.Time) Verdict {
	c := &s.counts
	if s.only != "" {
		return timed(l, fmt.Sprintf("%s has been %s since ", s.only, s.state()), s.since, s.because(": "), now)
	}
	first, state, rest := c.Down, fleet.Down, ""
	switch {
	case c.Down == 0:
		first, state = c.Stale, fleet.Stale
	case c.Stale > 0:
		rest = fmt.Sprintf(", %s stale", groupedInt(c.Stale))
	}
	verb := "are"
	if first == 1 {
		verb = "is"
	}
	text := fmt.Sprintf("%s of %s %s %s%s", groupedInt(first), groupedInt(c.Upstreams), verb, state, rest)
	return plainly(l, text+s.because(": "))
}

// state is the one of the only upstream.
func (s *situation) state() fleet.State {
	if s.counts.Stale > 0 {
		return fleet.Stale
	}
	return fleet.Down
}

// verdictReasons is how many reasons a sentence has.
const verdictReasons = 3

// because tells why upstreams fail, the most frequent reason first.
func (s *situation) because(separator string) string {
	var all []string
	for i, r := range s.reasons {
		switch {
		case i == verdictReasons:
			return separator + strings.Join(all, ", ") + " and others"
		case s.only != "":
			all = append(all, r.Text)
		default:
			all = append(all, groupedInt(r.Count)+" × "+r.Text)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return separator + strings.Join(all, ", ")
}

func (s *situation) silence(now time.Time) Verdict {
	if len(s.quiet) == 1 {
		return timed(Warning, plain(s.quiet[0].Upstream)+" has had no traffic since ", s.quiet[0].Since, "", now)
	}
	return plainly(Warning, fmt.Sprintf("%s of %s have had no traffic for 15 minutes", groupedInt(len(s.quiet)), s.number(s.counts.Upstreams)))
}

func plainly(l Level, text string) Verdict { return Verdict{Level: l, Text: text, Before: text} }

// timed is a sentence with a moment in it.
func timed(l Level, before string, at time.Time, after string, now time.Time) Verdict {
	return Verdict{Level: l, Text: before + moment(at, now) + after, Before: before, At: at, After: after}
}

// moment is a time of day, with the date of one that is not of the last day.
func moment(at, now time.Time) string {
	if now.Sub(at) < 24*time.Hour {
		return at.UTC().Format("15:04")
	}
	return at.UTC().Format("2006-01-02 15:04")
}
