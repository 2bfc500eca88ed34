package simulation_test

import (
	"fmt"
	"runtime"
	"time"
)

// What the exporter may keep of its past, in bytes. All of it is bounded: an hour of the
// fleet in 360 points, up to 5000 events, up to 500 incidents, the last values of removed
// upstreams, so that one that comes back continues from them, and maps and buffers that
// keep their size. A world of twelve hours leaves 60 to 100 kB of this.
const (
	keptHistory = 256 << 10
	keptChange  = 300 // for each failure and recovery of an endpoint
	keptChanges = 5000
)

// The process may keep this after worlds have ended, above what it kept after the
// first. Profiles show objects of the last world, and about 10 kB for each world:
// descriptors of goroutines, which the runtime never frees, and pools of libraries.
const (
	keptByProcess = 1 << 20
	keptByWorld   = 16 << 10
)

// recovery returns how long after the last episode everything is up again.
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
	if allowed := keptHistory + int64(min(w.changes, keptChanges))*keptChange; old-recent > allowed {
		w.fail("the exporter uses %d bytes, %d after a restart: it may keep %d", old, recent, allowed)
	}
}

// idleHeap returns the live heap at a moment without a request.
func (w *world) idleHeap() int64 {
	w.client.CloseIdleConnections()
	w.waitIdle()
	w.mu.Lock()
	w.points = nil // what the oracle remembers of earlier pushes would count as well
	w.mu.Unlock()
	return liveHeap()
}

// liveHeap returns the size of all reachable objects in bytes.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // a sync.Pool keeps its objects through the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// checkProcess checks what the process keeps after a world has ended, and returns the broken rule.
func (f *figures) checkProcess() string {
	now := liveHeap()
	if f.heap == 0 {
		f.heap = now
	}
	if allowed := keptByProcess + int64(f.worlds)*keptByWorld; now-f.heap > allowed {
		return fmt.Sprintf("the process keeps %d bytes after %d worlds, %d after the first: it may keep %d more", now, f.worlds, f.heap, allowed)
	}
	return ""
}
