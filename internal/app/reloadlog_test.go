package app

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/status"
)

func newTestReloadLog() (*reloadLog, *logBuffer) {
	b := new(logBuffer)
	return &reloadLog{metrics: exposition.NewRegistry().Exporter, log: b.logger()}, b
}

func TestEachReasonForAFailedReloadIsLogged(t *testing.T) {
	failed := func(err string, changes int) string {
		return fmt.Sprintf(`level=ERROR msg="Reload failed, the old configuration goes on" err=%s changes=%d`, err, changes)
	}
	const succeeded = `level=INFO msg="Reloaded the configuration" upstreams=2`
	type step struct {
		after time.Duration
		err   string   // empty for success
		want  []string // the lines since the previous step
	}
	lines := func(want ...string) []string { return want }
	for name, steps := range map[string][]step{
		"a different reason a minute later": {
			{0, "one", lines(failed("one", 1))}, {time.Minute, "two", lines(failed("two", 1))},
		},
		"different reasons within a minute are logged at its end": {
			{0, "one", lines(failed("one", 1))},
			{10 * time.Second, "two", nil},
			{10 * time.Second, "three", nil},
			{40*time.Second + 1, "three", lines(failed("three", 2))},
		},
		"the same reason again": {
			{0, "one", lines(failed("one", 1))}, {time.Second, "one", nil}, {time.Minute, "one", lines(failed("one", 0))},
		},
		"a success discards a failure that was held back": {
			{0, "one", lines(failed("one", 1))}, {time.Second, "two", nil}, {time.Second, "", lines(succeeded + " changes=2")}, {time.Hour, "", lines(succeeded)},
		},
		"a failure after a success waits for the end of the minute": {
			{0, "one", lines(failed("one", 1))}, {time.Second, "", lines(succeeded + " changes=1")}, {time.Second, "one", nil}, {time.Hour, "one", lines(failed("one", 1), failed("one", 0))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newTestReloadLog()
				for _, s := range steps {
					time.Sleep(s.after)
					synctest.Wait()
					if s.err == "" {
						r.succeeded(2, time.Now())
					} else {
						r.failed(errors.New(s.err), time.Now())
					}
					b.want(t, s.want...)
				}
			})
		})
	}
}

func TestReloadStateHasTheLastSuccessAndTheError(t *testing.T) {
	r, _ := newTestReloadLog()
	start := time.Unix(1000, 0)
	r.started(start)
	if got, want := r.State(), (status.Configuration{LastReload: start}); got != want {
		t.Errorf("after startup: got %+v, want %+v", got, want)
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
