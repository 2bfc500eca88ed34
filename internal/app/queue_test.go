package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/config"
)

// pipeWriter blocks until it is opened, like a pipe without a reader.
type pipeWriter struct {
	open chan struct{}
	bytes.Buffer
}

// newBlockedLog returns a log that writes to a blocked pipe.
func newBlockedLog(t *testing.T) (w *pipeWriter, log *slog.Logger, flush func()) {
	t.Helper()
	w = &pipeWriter{open: make(chan struct{})}
	log, flush, err := newLogger(config.Log{Level: "info", Format: "logfmt"}, w)
	if err != nil {
		t.Fatal(err)
	}
	return w, log, flush
}

func (p *pipeWriter) Write(b []byte) (int, error) {
	<-p.open
	return p.Buffer.Write(b)
}

func TestBlockedLogDropsAndReportsLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log, flush := newBlockedLog(t)
		const lines = maxQueuedLines + 100
		for i := range lines {
			log.Info("line", "n", i)
		}
		synctest.Wait()
		close(w.open)
		synctest.Wait()
		log.Info("the last")
		flush()
		text := w.String()
		kept, lost := strings.Count(text, "msg=line"), 0
		if _, rest, ok := strings.Cut(text, " lines="); ok {
			fmt.Sscan(rest, &lost)
		}
		if kept+lost != lines || lost == 0 {
			t.Errorf("got %d lines and %d reported as lost, want %d in total", kept, lost, lines)
		}
		if !strings.Contains(text, "n=0\n") || !strings.Contains(text, "the last") {
			t.Error("the first or the last line is missing")
		}
	})
}

func TestBlockedLogDoesNotDelayTheShutdown(t *testing.T) {
	w, log, flush := newBlockedLog(t)
	for range maxQueuedLines + 10 {
		log.Info("line")
	}
	flush() // hangs if it waits for the writer
	close(w.open)
	flush()
}

func TestClosingAQueueProcessesItsItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := make(chan struct{})
		var got []int
		q := newQueue(3, func(i int) { <-open; got = append(got, i) })
		q.put(0)
		synctest.Wait() // 0 is being processed
		for i := range 4 {
			if room := q.put(i + 1); room != (i < 3) {
				t.Errorf("put of item %d = %v, want room for 3 items", i+1, room)
			}
		}
		time.AfterFunc(time.Millisecond, func() { close(open) })
		q.close(time.Second)
		if want := []int{0, 1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
