package status

import (
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// counted returns a situation with the given numbers of upstreams, of which the up and
// the stale ones respond.
func counted(up, stale, down, pending int) situation {
	return situation{counts: history.Counts{Upstreams: up + stale + down + pending, Up: up, Stale: stale, Down: down, Pending: pending}, responding: up + stale}
}

// with returns a changed copy of the situation.
func (s situation) with(change func(*situation)) situation {
	change(&s)
	return s
}

func TestTheVerdictIsTheFirstThatApplies(t *testing.T) {
	failed := time.Date(2026, 11, 24, 1, 18, 20, 0, time.UTC)
	refused, unavailable := reasonCount{"connect", "connection refused", 25}, reasonCount{"http_5xx", "HTTP 503", 15}
	// The first four are in order of severity.
	stops := func(s *situation) { s.stopped = failed }
	unanswered := func(s *situation) { s.responding, s.failing = 0, failed }
	fails := func(s *situation) { s.exporter = []string{"The last reload failed", "the push fails"} }
	quiet := func(s *situation) { s.quiet = []history.Quiet{{Upstream: "edge-1", Since: failed}} }
	one := func(s *situation) {
		s.only, s.since, s.reasons = "edge-1", failed, []reasonCount{{"connect", "connection refused", 1}}
	}
	withReasons := func(s *situation) { s.reasons = []reasonCount{refused, unavailable} }
	probed := func(s *situation) { s.targets = true }
	for name, c := range map[string]struct {
		situation situation
		level     Level
		text      string
	}{
		"collecting has stopped": {counted(0, 0, 3, 0).with(stops).with(unanswered).with(fails), Critical, "Collecting has stopped; the last collection was at 01:18"},
		"nothing answers":        {counted(0, 0, 3, 0).with(unanswered).with(fails), Critical, "Nothing answers: 0 of 3 up since 01:18"},
		"nothing answers, stale": {counted(0, 3, 0, 0).with(unanswered), Critical, "Nothing answers: 0 of 3 up since 01:18"},
		"no tried one answers":   {counted(0, 0, 2, 5).with(unanswered), Critical, "Nothing answers: 0 of 2 up since 01:18"},
		"the only one is down":   {counted(0, 0, 1, 0).with(unanswered).with(one), Critical, "Nothing answers: edge-1 has been down since 01:18, connection refused"},
		"the only one is stale":  {counted(0, 1, 0, 0).with(unanswered).with(one), Critical, "Nothing answers: edge-1 has been stale since 01:18, connection refused"},

		"the only one responds in part": {counted(0, 1, 0, 0).with(one), Warning, "edge-1 has been stale since 01:18: connection refused"},
		"one of 100 down":               {counted(99, 0, 1, 0), Critical, "1 of 100 is down"},
		"1 % of 200 down":               {counted(198, 0, 2, 0), Warning, "2 of 200 are down"},
		"more than 1 % down":            {counted(197, 0, 3, 0).with(fails), Critical, "3 of 200 are down"},
		"with reasons":                  {counted(1960, 15, 25, 0).with(withReasons), Critical, "25 of 2\u00a0000 are down, 15 stale: 25 × connection refused, 15 × HTTP 503"},
		"only stale":                    {counted(1985, 15, 0, 0).with(fails).with(quiet), Warning, "15 of 2\u00a0000 are stale"},
		"one stale":                     {counted(2, 1, 0, 0), Warning, "1 of 3 is stale"},
		"many reasons": {
			counted(0, 4, 0, 0).with(withReasons).with(func(s *situation) { s.reasons = append(s.reasons, refused, refused) }), Warning,
			"4 of 4 are stale: 25 × connection refused, 15 × HTTP 503, 25 × connection refused and others",
		},

		"the exporter itself":     {counted(3, 0, 0, 0).with(fails).with(quiet), Warning, "The last reload failed, the push fails"},
		"fails without upstreams": {counted(0, 0, 0, 0).with(fails), Warning, "The last reload failed, the push fails"},
		"no upstream":             {counted(0, 0, 0, 0), Warning, "There are no upstreams"},
		"no traffic":              {counted(3, 0, 0, 0).with(quiet), Warning, "edge-1 has had no traffic since 01:18"},
		"no traffic and pending":  {counted(1, 0, 0, 2).with(quiet), Warning, "edge-1 has had no traffic since 01:18"},
		"two without traffic":     {counted(3000, 0, 0, 0).with(quiet).with(func(s *situation) { s.quiet = append(s.quiet, s.quiet[0]) }), Warning, "2 of 3\u00a0000 upstreams have had no traffic for 15 minutes"},
		"only pending":            {counted(0, 0, 0, 3), OK, "Waiting for 3 upstreams"},
		"the only one is pending": {counted(0, 0, 0, 1), OK, "Waiting for 1 upstream"},
		"some pending":            {counted(1995, 0, 0, 5), OK, "1\u00a0995 of 2\u00a0000 upstreams are up, waiting for 5"},
		"all up":                  {counted(2000, 0, 0, 0), OK, "All 2\u00a0000 upstreams are up"},
		"999 up":                  {counted(999, 0, 0, 0), OK, "All 999 upstreams are up"},
		"more than a million up":  {counted(1_234_567, 0, 0, 0), OK, "All 1\u00a0234\u00a0567 upstreams are up"},
		"the only one is up":      {counted(1, 0, 0, 0).with(func(s *situation) { s.only = "edge-1" }), OK, "edge-1 is up"},

		"nothing probed":   {counted(0, 0, 0, 0).with(probed), OK, "Nothing has been probed yet"},
		"probed, all up":   {counted(12, 0, 0, 0).with(probed), OK, "All 12 probed targets are up"},
		"probed, one down": {counted(11, 0, 1, 0).with(probed), Critical, "1 of 12 is down"},
		"probed, none up":  {counted(0, 0, 2, 0).with(probed).with(unanswered), Critical, "Nothing answers: 0 of 2 up since 01:18"},
	} {
		got := judge(&c.situation, failed.Add(time.Hour))
		if got.Level != c.level || got.Text != c.text {
			t.Errorf("%s: got %s %q, want %s %q", name, got.Level, got.Text, c.level, c.text)
		}
		if at := got.At; !at.IsZero() && (got.Before+"01:18"+got.After != got.Text || !at.Equal(failed)) || at.IsZero() && got.Before != got.Text {
			t.Errorf("%s: %q, %v and %q are not the parts of %q", name, got.Before, at, got.After, got.Text)
		}
	}
}

func TestAVerdictAboutAnEarlierDayHasADate(t *testing.T) {
	s := counted(0, 0, 3, 0).with(func(s *situation) { s.responding, s.failing = 0, noon.Add(-25*time.Hour) })
	if got, want := judge(&s, noon).Text, "Nothing answers: 0 of 3 up since 2026-11-23 11:00"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
