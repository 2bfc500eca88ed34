package poll

import (
	"hash/fnv"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// granularity is the resolution of offsets. It makes upstreams share ticks, because waking
// an idle process costs several times as much as a single request.
const granularity = time.Second

// offset returns how long after the start of each interval an upstream is collected. It is a
// stable hash, so that upstreams are spread evenly and a restart does not change the schedule.
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

// firstTick returns the time of the first scheduled collection. It leaves the collection at
// start at least half an interval and enough time for one attempt. The schedule is aligned
// to the wall clock only once: later changes of the clock do not move it.
func firstTick(u *fleet.Upstream, now time.Time) time.Time {
	settings := &u.Settings
	earliest := now.Add(max(settings.Interval/2, settings.RequestTimeout+settings.Interval-settings.Timeout))
	past := (time.Duration(earliest.UnixNano()) - offset(u)) % settings.Interval
	if past < 0 {
		past += settings.Interval
	}
	return earliest.Add(settings.Interval - past)
}

// tickAfter returns the first tick after both now and due by the monotonic clock. due must be
// a tick.
func tickAfter(due, now time.Time, interval time.Duration) time.Time {
	return due.Add((max(0, now.Sub(due))/interval + 1) * interval)
}

// With coalesceAbove or more upstreams, probes are coalesced into windows, because each
// probe would otherwise wake the process.
const (
	coalesceWindow = 250 * time.Millisecond
	coalesceAbove  = 100 // upstreams
)
