package simulation_test

import (
	"fmt"
	"runtime"
	"time"
)

// The number of bytes that the exporter may use for its history. All parts of it are bounded:
// an hour of the fleet in 360 points, up to 5000 events, up to 500 incidents, the last values
// of removed upstreams in case they return, and maps and buffers that do not shrink. A world
// of twelve hours leaves 60 to 100 kB.
const (
	historyBytes   = 256 << 10
	bytesPerChange = 300 // for each failure and recovery of an endpoint, up to maxChanges
	maxChanges     = 5000
)

// The number of bytes that the process may use after further worlds have ended, in addition to
// those after the first. Profiles show objects of the last world, and about 10 kB per world:
// descriptors of goroutines, which the runtime never frees, and pools of libraries.
const (
	processBytes  = 1 << 20
	bytesPerWorld = 16 << 10
)

// recovery returns how long after the last episode everything must be up again.
func (w *world) recovery() time.Duration {
	return w.lag() + maxRetryAfter + w.aftermath()
}

// checkMemory ends all episodes and checks that the exporter needs no more memory than
// one that has just started with the same configuration, except for its history.
func (w *world) checkMemory(stop *func()) {
	w.endEpisodes(w.start.Add(1 << 60))
	for range 4 {
		time.Sleep(w.recovery() / 4)
		w.scrape()
	}
	old := w.idleHeap()
	(*stop)()
	*stop = w.startExporter()
	time.Sleep(w.interval + w.timeout + time.Minute)
	w.scrape()
	recent := w.idleHeap()
	w.mu.Lock()
	defer w.mu.Unlock()
	if allowed := historyBytes + int64(min(w.changes, maxChanges))*bytesPerChange; old-recent > allowed {
		w.fail("the exporter uses %d bytes and %d after a restart, want at most %d more than after a restart", old, recent, allowed)
	}
}

// idleHeap returns the size of the live heap while there are no requests.
func (w *world) idleHeap() int64 {
	w.client.CloseIdleConnections()
	w.waitIdle()
	w.mu.Lock()
	w.points = nil // because the oracle's memory of earlier pushes would count as well
	w.mu.Unlock()
	return liveHeap()
}

// liveHeap returns the size of all reachable objects in bytes.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // because a sync.Pool keeps its objects during the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// checkProcess checks how much memory the process uses after a world has ended. It returns
// the broken rule, or "".
func (f *figures) checkProcess() string {
	now := liveHeap()
	if f.heap == 0 {
		f.heap = now
	}
	if allowed := processBytes + int64(f.worlds)*bytesPerWorld; now-f.heap > allowed {
		return fmt.Sprintf("the process uses %d bytes after %d worlds and %d after the first, want at most %d more than after the first", now, f.worlds, f.heap, allowed)
	}
	return ""
}
