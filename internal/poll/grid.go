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
	h.Write([]byte(u.Title()))
	h.Write([]byte(u.URLs[0].Path))
	interval := u.Settings.Interval
	if interval < 2*slot {
		return time.Duration(h.Sum64() % uint64(interval))
	}
	return time.Duration(h.Sum64()%uint64(interval/slot)) * slot
}

// firstTick is the first point of the grid that leaves the collection made at
// start half an interval, and in any case one whole attempt.
func firstTick(u *fleet.Upstream, now time.Time) time.Time {
	set := &u.Settings
	return nextTick(u, now.Add(max(set.Interval/2, set.RequestTimeout+set.Interval-set.Timeout)))
}

// nextTick is the first point of the upstream's grid after now. The grid is
// laid on the wall clock once more at each start; within a process, intervals
// are monotonic.
func nextTick(u *fleet.Upstream, now time.Time) time.Time {
	interval := u.Settings.Interval
	past := (time.Duration(now.UnixNano()) - phase(u)) % interval
	if past < 0 {
		past += interval
	}
	return now.Add(interval - past)
}
