package app

import "time"

// changeEvery is the minimum time between two lines about a failure's reason.
const changeEvery = time.Minute

// changeLimit decides which changes of an operation that can fail deserve a log
// line: a failure and each other reason, at most one a minute, and the recovery
// from a failure that was logged. Changes in between are counted and reported with
// the next line, so that no failure goes unreported.
type changeLimit struct {
	reason  string    // of the current failure, "" for none
	changes int       // since the last line
	logged  time.Time // the last line to which the limit applies
	failing bool      // the last line reported a failure
}

// record sets the current reason, "" for none. It returns the number of changes
// that a line should report now, or 0 if none is due.
func (c *changeLimit) record(reason string, now time.Time) (changes int) {
	if reason != c.reason {
		c.reason = reason
		c.changes++
	}
	recovered := reason == "" && c.failing
	limited := !c.logged.IsZero() && now.Sub(c.logged) < changeEvery
	if c.changes == 0 || limited && !recovered {
		return 0
	}
	if !recovered {
		c.logged = now
	}
	changes, c.changes, c.failing = c.changes, 0, reason != ""
	return changes
}
