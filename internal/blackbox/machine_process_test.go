package blackbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The machine_* tests are of faults of the machine and not of an upstream: what a process may have runs out, nobody
// reads what it writes, the ground under it is read-only or gone. The signal_* tests are of how it is asked to end.

// kill ends the process in the midst of whatever it does.
func (p *program) kill() {
	p.kept = true
	p.cmd.Process.Kill()
	<-p.done
}

// endsOn complains unless the process ends with 0 within a second of SIGTERM, or as much more as a busy machine and the
// race detector's own end need.
func (p *program) endsOn(t *testing.T, sig os.Signal) {
	t.Helper()
	const limit = 4 * time.Second
	asked := time.Now()
	p.cmd.Process.Signal(sig)
	select {
	case <-p.gone:
	case <-time.After(8 * limit):
		p.kill()
		t.Fatalf("%v after %v the exporter still ran", 8*limit, sig)
	}
	if took := p.ended.Sub(asked); took > limit {
		t.Errorf("the exporter ended %v after %v, want %v at most", took, sig, limit)
	}
	if p.err != nil {
		t.Errorf("the exporter ended with %v, want exit code 0", p.err)
	}
}

// procStatus is a number of /proc/PID/status: kilobytes for VmRSS and its greatest value so far, VmHWM.
func (p *program) procStatus(t *testing.T, key string) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		t.Skipf("what a process needs is not shown here: %v", err)
	}
	_, after, _ := strings.Cut(string(text), "\n"+key+":")
	var n int
	if _, err := fmt.Sscanf(after, "%d", &n); err != nil {
		t.Fatalf("%s: %v in\n%s", key, err, text)
	}
	return n
}

// plain is the program as it is released. The race detector needs many times the memory.
var plain = sync.OnceValues(func() (string, error) {
	exe := filepath.Join(filepath.Dir(binary), "plain")
	build := exec.Command("go", "build", "-o", exe, ".")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return exe, nil
})
