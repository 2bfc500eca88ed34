package app

import "time"

// changeInterval is the minimum time between two log lines about the reason for a
// failure.
const changeInterval = time.Minute

// changeLimit decides which results of a repeated operation are logged: a failure
// and each new reason, at most one per minute, and the recovery from a failure that
// was logged. It counts the changes in between, and the next line reports their
// number, so that no failure goes unreported.
type changeLimit struct {
	reason  string    // reason for the current failure, "" if the operation succeeds
	changes int       // since the last line
	logged  time.Time // time of the last line that counts toward the limit
	failing bool      // the last line reported a failure
}

// record sets the current reason, "" for a success. It returns the number of
// changes that a line should report now, or 0 if no line is due.
func (c *changeLimit) record(reason string, now time.Time) (changes int) {
	if reason != c.reason {
		c.reason = reason
		c.changes++
	}
	recovered := reason == "" && c.failing
	limited := !c.logged.IsZero() && now.Sub(c.logged) < changeInterval
	if c.changes == 0 || limited && !recovered {
		return 0
	}
	if !recovered {
		c.logged = now
	}
	changes, c.changes, c.failing = c.changes, 0, reason != ""
	return changes
}
