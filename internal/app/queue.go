package app

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"time"
)

// Limits of the log's queue: as many lines as an outage makes in half a minute, and
// how long the end of the program waits for them to be written.
const (
	maxQueuedLines = 512
	flushTimeout   = 200 * time.Millisecond
)

// queue passes items to a function in a goroutine of its own, so that a reader that
// has stopped reading does not stop the collecting. What does not fit is dropped.
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

// put reports whether there was room for the item. It never blocks.
func (q *queue[T]) put(item T) bool {
	select {
	case q.items <- item:
		return true
	default:
		return false
	}
}

// close waits until all items have been processed, at most for the time-out. Items
// that are put later are lost.
func (q *queue[T]) close(timeout time.Duration) {
	q.stop()
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-q.ended:
	case <-t.C:
	}
}

// logQueue is a writer that never blocks. Lines that are dropped are counted.
type logQueue struct {
	*queue[[]byte]
	dropped atomic.Int64
	tell    func(dropped int64) // called when there is room again
}

func newLogQueue(w io.Writer) *logQueue {
	q := new(logQueue)
	q.queue = newQueue(maxQueuedLines, func(line []byte) {
		_, _ = w.Write(line)                 // an error has nowhere else to go
		if len(q.items) < maxQueuedLines/2 { // room for the line that reports it
			if n := q.dropped.Swap(0); n > 0 {
				q.tell(n)
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
