package poll

import (
	"hash/fnv"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// slot is the grain of the grid: upstreams share slots, because a request that
// wakes an idle process alone costs several times its work.
const slot = time.Second

// phase is where in its interval an upstream is collected: a stable hash, so
// that upstreams are spread and a restart changes nothing.
func phase(u *fleet.Upstream) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(u.DisplayName()))
	h.Write([]byte(u.URLs[0].Path))
	interval := u.Settings.Interval
	if interval < 2*slot {
		return time.Duration(h.Sum64() % uint64(interval))
	}
	return time.Duration(h.Sum64()%uint64(interval/slot)) * slot
}

// firstTick is the first point of the grid that leaves the collection made at
// start half an interval, and in any case one whole attempt. The grid is laid on
// the wall clock at the start of the process and never again: moving that clock
// moves no collection.
func firstTick(u *fleet.Upstream, now time.Time) time.Time {
	set := &u.Settings
	earliest := now.Add(max(set.Interval/2, set.RequestTimeout+set.Interval-set.Timeout))
	past := (time.Duration(earliest.UnixNano()) - phase(u)) % set.Interval
	if past < 0 {
		past += set.Interval
	}
	return earliest.Add(set.Interval - past)
}

// tickAfter is the first point after now of the grid that due is a point of, by
// the monotonic clock.
func tickAfter(due, now time.Time, interval time.Duration) time.Time {
	return due.Add((max(0, now.Sub(due))/interval + 1) * interval)
}

// Probes of many breakers are made together: each alone would wake the process.
const (
	coalesceWindow = 250 * time.Millisecond
	coalesceAbove  = 100 // upstreams, from which on it matters
)
