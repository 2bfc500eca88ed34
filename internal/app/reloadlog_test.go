package app

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/status"
)

// newTestReloadLog returns reloads that log to a buffer without times.
func newTestReloadLog() (*reloadLog, *bytes.Buffer) {
	var b bytes.Buffer
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	return &reloadLog{log: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: noTime}))}, &b
}

func failedReload(err string, changes int) string {
	return `level=ERROR msg="Reload failed, the old configuration goes on" err=` + err + " changes=" + string(rune('0'+changes)) + "\n"
}

func TestAnotherReasonOfAFailedReloadIsALine(t *testing.T) {
	const succeeded = `level=INFO msg="Reloaded the configuration" upstreams=2`
	type step struct {
		after time.Duration
		err   string // empty for success
		want  string // what is logged by then, that is right after the reload
	}
	for name, steps := range map[string][]step{
		"another one a minute later": {
			{0, "one", failedReload("one", 1)}, {time.Minute, "two", failedReload("two", 1)},
		},
		"others within the minute come at its end": {
			{0, "one", failedReload("one", 1)},
			{10 * time.Second, "two", ""},
			{10 * time.Second, "three", ""},
			{40*time.Second + 1, "three", failedReload("three", 2)},
		},
		"the same one again": {
			{0, "one", failedReload("one", 1)}, {time.Second, "one", ""}, {time.Minute, "one", failedReload("one", 0)},
		},
		"a success takes away what waits": {
			{0, "one", failedReload("one", 1)}, {time.Second, "two", ""}, {time.Second, "", succeeded + " changes=2\n"}, {time.Hour, "", succeeded + "\n"},
		},
		"a failure after a success waits for the minute": {
			{0, "one", failedReload("one", 1)}, {time.Second, "", succeeded + " changes=1\n"}, {time.Second, "one", ""}, {time.Hour, "one", failedReload("one", 1) + failedReload("one", 0)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newTestReloadLog()
				for i, s := range steps {
					time.Sleep(s.after)
					synctest.Wait()
					if s.err == "" {
						r.succeeded(2, time.Now())
					} else {
						r.failed(errors.New(s.err), time.Now())
					}
					r.mu.Lock() // under which the timer writes
					got := b.String()
					b.Reset()
					r.mu.Unlock()
					if got != s.want {
						t.Errorf("step %d: got\n%swant\n%s", i, got, s.want)
					}
				}
			})
		})
	}
}

func TestTheStateOfReloadsHasTheLastSuccessAndTheError(t *testing.T) {
	r, _ := newTestReloadLog()
	start := time.Unix(1000, 0)
	r.started(start)
	if got, want := r.State(), (status.Configuration{LastReload: start}); got != want {
		t.Errorf("after the start: got %+v, want %+v", got, want)
	}
	r.failed(errors.New("c.yml: is empty"), start.Add(time.Second))
	if got, want := r.State(), (status.Configuration{LastReload: start, Error: "c.yml: is empty"}); got != want {
		t.Errorf("after a failure: got %+v, want %+v", got, want)
	}
	r.succeeded(1, start.Add(time.Minute))
	if got, want := r.State(), (status.Configuration{LastReload: start.Add(time.Minute)}); got != want {
		t.Errorf("after a success: got %+v, want %+v", got, want)
	}
}
