package blackbox

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"
	"time"
)

// The machine_* tests are about faults of the machine: resources run out, nothing reads the log, the file system is
// read-only or gone. The signal_* tests are about stopping and reloading the process.

// checkEndsOn checks that the process ends with 0 within a second of a signal. A busy machine and the race detector's own
// exit may take a few more.
func (p *program) checkEndsOn(t *testing.T, sig syscall.Signal) {
	t.Helper()
	const limit = 4 * time.Second
	sent := time.Now()
	p.Cmd.Process.Signal(sig)
	select {
	case <-p.Gone:
	case <-time.After(8 * limit):
		p.kill()
		t.Fatalf("the exporter is still running %v after %v", 8*limit, sig)
	}
	if took := p.Ended.Sub(sent); took > limit {
		t.Errorf("the exporter ended %v after %v, want at most %v", took, sig, limit)
	}
	if p.Err != nil {
		t.Errorf("the exporter ended with %v, want exit code 0", p.Err)
	}
}

// procStatus returns a number from /proc/PID/status, in kilobytes for VmRSS and its peak, VmHWM. It skips the test if
// this file does not exist.
func (p *program) procStatus(t *testing.T, key string) int {
	t.Helper()
	n, err := p.Process.Status(key)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the status of a process is not available here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}
