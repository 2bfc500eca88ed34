package poll

import (
	"hash/fnv"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// granularity makes upstreams share ticks, because waking an idle process for a single
// request costs several times the request.
const granularity = time.Second

// offset returns when in its interval an upstream is collected. It is a stable hash,
// so that upstreams are spread and a restart changes nothing.
func offset(u *fleet.Upstream) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(u.DisplayName()))
	h.Write([]byte(u.URLs[0].Path))
	interval := u.Settings.Interval
	if interval < 2*granularity {
		return time.Duration(h.Sum64() % uint64(interval))
	}
	return time.Duration(h.Sum64()%uint64(interval/granularity)) * granularity
}

// firstTick returns the time of the first scheduled collection. It leaves the
// collection at start half an interval and at least one whole attempt. The schedule is
// aligned to the wall clock once: later changes of that clock do not move it.
func firstTick(u *fleet.Upstream, now time.Time) time.Time {
	set := &u.Settings
	earliest := now.Add(max(set.Interval/2, set.RequestTimeout+set.Interval-set.Timeout))
	past := (time.Duration(earliest.UnixNano()) - offset(u)) % set.Interval
	if past < 0 {
		past += set.Interval
	}
	return earliest.Add(set.Interval - past)
}

// tickAfter returns the first tick after now, where due is an earlier tick, by the
// monotonic clock.
func tickAfter(due, now time.Time, interval time.Duration) time.Time {
	return due.Add((max(0, now.Sub(due))/interval + 1) * interval)
}

// Probes are coalesced in windows if there are many upstreams, because each of them
// would wake the process.
const (
	coalesceWindow = 250 * time.Millisecond
	coalesceAbove  = 100 // upstreams
)
