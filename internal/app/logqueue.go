package app

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"
)

// Limits of the queue: as many lines as an outage makes in half a minute, and
// how long the end of the program waits for them to be written.
const (
	maxQueuedLines = 512
	flushTimeout   = 200 * time.Millisecond
)

// logQueue is a writer that never blocks: lines wait for a goroutine of its own
// that writes them. A reader of standard error that has stopped reading must not
// stop the collecting. What does not fit is dropped and counted.
type logQueue struct {
	w       io.Writer
	lines   chan []byte
	dropped atomic.Int64
	tell    func(dropped int64) // called when there is room again
	ended   chan struct{}
}

func newLogQueue(w io.Writer) *logQueue {
	q := &logQueue{w: w, lines: make(chan []byte, maxQueuedLines), ended: make(chan struct{})}
	go q.run()
	return q
}

// Write takes one line. It must not be called after close.
func (q *logQueue) Write(line []byte) (int, error) {
	select {
	case q.lines <- bytes.Clone(line):
	default:
		q.dropped.Add(1)
	}
	return len(line), nil
}

func (q *logQueue) run() {
	defer close(q.ended)
	for line := range q.lines {
		if line == nil {
			return
		}
		_, _ = q.w.Write(line)               // there is nowhere else to tell it
		if len(q.lines) < maxQueuedLines/2 { // room for the line that tells it
			if n := q.dropped.Swap(0); n > 0 {
				q.tell(n)
			}
		}
	}
}

// close writes what waits, if that is possible within flushTimeout.
func (q *logQueue) close() {
	t := time.NewTimer(flushTimeout)
	defer t.Stop()
	select {
	case q.lines <- nil: // its end; the channel stays open for late lines
	case <-t.C:
		return
	}
	select {
	case <-q.ended:
	case <-t.C:
	}
}
