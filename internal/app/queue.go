package app

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"time"
)

// Limits of the log queue: room for half a minute of an outage, and how long a
// shutdown waits until the lines are written.
const (
	maxQueuedLines = 512
	flushTimeout   = 200 * time.Millisecond
)

// queue passes items to a function in a separate goroutine, so that a blocked reader
// does not block the exporter. Items that do not fit are dropped.
type queue[T any] struct {
	items chan T
	stop  context.CancelFunc
	ended chan struct{}
}

func newQueue[T any](size int, do func(T)) *queue[T] {
	ctx, stop := context.WithCancel(context.Background())
	q := &queue[T]{make(chan T, size), stop, make(chan struct{})}
	go func() {
		defer close(q.ended)
		for ctx.Err() == nil {
			select {
			case item := <-q.items:
				do(item)
			case <-ctx.Done():
			}
		}
		for len(q.items) > 0 {
			do(<-q.items)
		}
	}()
	return q
}

// put adds an item and reports whether there was room for it. It never blocks.
func (q *queue[T]) put(item T) bool {
	select {
	case q.items <- item:
		return true
	default:
		return false
	}
}

// close waits until all items are processed, but no longer than the timeout. Items
// that are added later are lost.
func (q *queue[T]) close(timeout time.Duration) {
	q.stop()
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-q.ended:
	case <-t.C:
	}
}

// logQueue is a writer that never blocks. It counts the lines that it drops.
type logQueue struct {
	*queue[[]byte]
	dropped atomic.Int64
	report  func(dropped int64) // called when there is room again
}

func newLogQueue(w io.Writer) *logQueue {
	q := new(logQueue)
	q.queue = newQueue(maxQueuedLines, func(line []byte) {
		_, _ = w.Write(line)                 // there is nowhere to report an error
		if len(q.items) < maxQueuedLines/2 { // room for the report
			if n := q.dropped.Swap(0); n > 0 {
				q.report(n)
			}
		}
	})
	return q
}

// Write queues one line.
func (q *logQueue) Write(line []byte) (int, error) {
	if !q.put(bytes.Clone(line)) {
		q.dropped.Add(1)
	}
	return len(line), nil
}
