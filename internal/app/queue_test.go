package app

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/betanet/betanet_exporter/internal/config"
)

// pipeWriter blocks until it is opened, like a pipe that nobody reads.
type pipeWriter struct {
	open chan struct{}
	bytes.Buffer
}

func (p *pipeWriter) Write(b []byte) (int, error) {
	<-p.open
	return p.Buffer.Write(b)
}

func TestABlockedLogBlocksNobodyAndSaysWhatItLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &pipeWriter{open: make(chan struct{})}
		log, end, err := newLogger(config.Log{Level: "info", Format: "logfmt"}, w)
		if err != nil {
			t.Fatal(err)
		}
		const lines = maxQueuedLines + 100
		for i := range lines {
			log.Info("line", "n", i)
		}
		synctest.Wait()
		close(w.open)
		synctest.Wait()
		log.Info("the last")
		end()
		text := w.String()
		kept, lost := strings.Count(text, "msg=line"), 0
		if _, rest, ok := strings.Cut(text, " lines="); ok {
			fmt.Sscan(rest, &lost)
		}
		if kept+lost != lines || lost == 0 {
			t.Errorf("got %d lines and %d told to be lost, want %d together", kept, lost, lines)
		}
		if !strings.Contains(text, "n=0\n") || !strings.Contains(text, "the last") {
			t.Error("the first or the last line is missing")
		}
	})
}

func TestALogThatStaysBlockedDoesNotHoldUpTheEnd(t *testing.T) {
	w := &pipeWriter{open: make(chan struct{})}
	log, end, err := newLogger(config.Log{Level: "info", Format: "logfmt"}, w)
	if err != nil {
		t.Fatal(err)
	}
	for range maxQueuedLines + 10 {
		log.Info("line")
	}
	end() // hangs if it waits for the writer
	close(w.open)
	end()
}
