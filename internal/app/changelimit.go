package app

import "time"

// changeEvery is how often at most another reason of a failure is logged.
const changeEvery = time.Minute

// changeLimit decides which changes of something that works or fails deserve a
// line in the log: a failure and each other reason, but at most one a minute, and
// the recovery from a failure that was logged. What changes in between is counted
// and reported with the next line, so that no failure goes unreported.
type changeLimit struct {
	reason  string    // of the current failure, "" for none
	changes int       // since the last line
	logged  time.Time // when the last line was due to the limit
	failing bool      // the last line reported a failure
}

// note records the current reason, "" for none, and returns the number of changes
// that a line about it now reports; 0 means that no line is due.
func (c *changeLimit) note(reason string, now time.Time) (changes int) {
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
