package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Level is the severity of a verdict.
type Level string

// The levels of a verdict.
const (
	OK       Level = "ok"
	Warning  Level = "warning"
	Critical Level = "critical"
)

// Verdict is the overall state in one sentence.
type Verdict struct {
	Level Level  `json:"level"`
	Text  string `json:"text"` // with times of day in UTC

	// The parts of the text. At, if it is not zero, comes between Before and After.
	Before, After string    `json:"-"`
	At            time.Time `json:"-"`
}

// In a fleet of at most smallFleet upstreams, the verdict is critical if any is down. In a
// larger fleet, it is critical if more than criticalPercent % are.
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
		return timed(Critical, "Collecting has stopped; the last collection was at ", s.stopped, "", now)
	case tried > 0 && s.responding == 0 && s.only != "":
		return timed(Critical, fmt.Sprintf("Nothing answers: %s has been %s since ", s.only, s.state()), s.since, s.reasonsText(", "), now)
	case tried > 0 && s.responding == 0:
		return timed(Critical, fmt.Sprintf("Nothing answers: 0 of %s up since ", groupedInt(tried)), s.failing, "", now)
	case c.Down > 0 && (c.Upstreams <= smallFleet || c.Down*100 > c.Upstreams*criticalPercent):
		return s.failures(Critical, now)
	case c.Down > 0 || c.Stale > 0:
		return s.failures(Warning, now)
	case len(s.exporter) > 0:
		return untimed(Warning, strings.Join(s.exporter, ", "))
	case c.Upstreams == 0 && s.targets:
		return untimed(OK, "Nothing has been probed yet")
	case c.Upstreams == 0:
		return untimed(Warning, "There are no upstreams")
	case len(s.quiet) == 1:
		return timed(Warning, plain(s.quiet[0].Upstream)+" has had no traffic since ", s.quiet[0].Since, "", now)
	case len(s.quiet) > 0:
		return untimed(Warning, fmt.Sprintf("%s of %s have had no traffic for 15 minutes", groupedInt(len(s.quiet)), s.countText(c.Upstreams)))
	case c.Pending == c.Upstreams:
		return untimed(OK, "Waiting for "+s.countText(c.Pending))
	case c.Pending > 0:
		return untimed(OK, fmt.Sprintf("%s of %s are up, waiting for %s", groupedInt(c.Up), s.countText(c.Upstreams), groupedInt(c.Pending)))
	case s.only != "":
		return untimed(OK, s.only+" is up")
	default:
		return untimed(OK, "All "+s.countText(c.Upstreams)+" are up")
	}
}

// countText formats a number of upstreams or probed targets, with the noun.
func (s *situation) countText(n int) string {
	what := "upstream"
	if s.targets {
		what = "probed target"
	}
	if n != 1 {
		what += "s"
	}
	return groupedInt(n) + " " + what
}

// failures returns the verdict about upstreams that are down or stale, with the reasons.
func (s *situation) failures(l Level, now time.Time) Verdict {
	if s.only != "" {
		return timed(l, fmt.Sprintf("%s has been %s since ", s.only, s.state()), s.since, s.reasonsText(": "), now)
	}
	c := &s.counts
	n, state, verb, rest := c.Down, fleet.Down, "are", ""
	if c.Down == 0 {
		n, state = c.Stale, fleet.Stale
	} else if c.Stale > 0 {
		rest = fmt.Sprintf(", %s stale", groupedInt(c.Stale))
	}
	if n == 1 {
		verb = "is"
	}
	return untimed(l, fmt.Sprintf("%s of %s %s %s%s%s", groupedInt(n), groupedInt(c.Upstreams), verb, state, rest, s.reasonsText(": ")))
}

// state returns the state of the only upstream, which is stale or down.
func (s *situation) state() fleet.State {
	if s.counts.Stale > 0 {
		return fleet.Stale
	}
	return fleet.Down
}

// maxVerdictReasons is the maximum number of reasons in a verdict.
const maxVerdictReasons = 3

// reasonsText lists why upstreams fail, the most frequent reason first, after a
// separator. It returns "" if no reason is known.
func (s *situation) reasonsText(separator string) string {
	var all []string
	for _, r := range s.reasons[:min(len(s.reasons), maxVerdictReasons)] {
		text := r.Text
		if s.only == "" {
			text = groupedInt(r.Count) + " × " + text
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return ""
	}
	text := separator + strings.Join(all, ", ")
	if len(s.reasons) > maxVerdictReasons {
		text += " and others"
	}
	return text
}

func untimed(l Level, text string) Verdict { return Verdict{Level: l, Text: text, Before: text} }

// timed returns a verdict with a time of day, and with the date if that is at least a day
// ago.
func timed(l Level, before string, at time.Time, after string, now time.Time) Verdict {
	layout := "15:04"
	if now.Sub(at) >= 24*time.Hour {
		layout = "2006-01-02 15:04"
	}
	return Verdict{Level: l, Text: before + at.UTC().Format(layout) + after, Before: before, At: at, After: after}
}
