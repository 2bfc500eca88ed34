package blackbox

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The machine_* tests are of faults of the machine and not of an upstream: what a process may have runs out, nobody
// reads what it writes, the ground under it is read-only or gone. The signal_* tests are of how it is asked to end.

// surroundings are what a process is started in. The zero value is what serve has.
type surroundings struct {
	by   []string // a command that ends by running its arguments in its own place
	env  []string
	dir  string
	logs func(*process, *os.File) // reads what the process writes, by default all of it
	exe  string                   // in place of the binary with the race detector
}

// process is a program that may end before its test.
type process struct {
	*program
	cmd   *exec.Cmd
	gone  chan struct{} // closed when it has ended, though its log may not have been read
	ended time.Time     // valid after gone
	kept  bool          // what it says at its end is judged by the test itself
}

// start starts an exporter and waits until it listens.
func (s surroundings) start(t *testing.T, args ...string) *process {
	t.Helper()
	p := s.begin(t, args...)
	p.url = "http://" + p.address(t)
	return p
}

// begin starts an exporter and waits for nothing. It is stopped at the end of the test, which fails as that of serve.
// Its turn ends with it, so that a test may start one after the other.
func (s surroundings) begin(t *testing.T, args ...string) *process {
	t.Helper()
	slots <- struct{}{}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	exe := s.exe
	if exe == "" {
		exe = binary
	}
	command := append(append([]string(nil), s.by...), exe, "--web.listen-address=127.0.0.1:0", "--log.level=debug")
	command = append(command, args...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env, cmd.Dir = append(os.Environ(), s.env...), s.dir
	cmd.Stdout, cmd.Stderr = writer, writer
	tie(cmd)
	err = cmd.Start()
	writer.Close()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{program: &program{pid: cmd.Process.Pid, log: &logTail{}, done: make(chan struct{})}, cmd: cmd, gone: make(chan struct{})}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer reader.Close()
		if s.logs != nil {
			s.logs(p, reader)
		} else {
			p.log.read(reader)
		}
	}()
	go func() {
		p.err = cmd.Wait()
		p.ended = time.Now()
		close(p.gone)
		<-slots
		<-read
		close(p.done)
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

func (p *process) stop(t *testing.T) {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(deadline):
		t.Error("the exporter did not end on SIGTERM")
		p.cmd.Process.Kill()
	}
	<-p.done
	if !p.kept {
		p.checkEnd(t)
	}
}

// kill ends the process in the midst of whatever it does.
func (p *process) kill() {
	p.kept = true
	p.cmd.Process.Kill()
	<-p.done
}

// endsOn complains unless the process ends with 0 within a second of SIGTERM, or as much more as a busy machine and the
// race detector's own end need.
func (p *process) endsOn(t *testing.T, sig os.Signal) {
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

// until reads lines into the log until one has word in it.
func (l *logTail) until(word string, lines *bufio.Reader) error {
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.kept = append(l.kept, strings.TrimSuffix(line, "\n"))
		l.mu.Unlock()
		if strings.Contains(line, word) {
			return nil
		}
	}
}

// everything reads /metrics, the lines that scrape leaves out too.
func (p *program) everything() (exposition, error) {
	response, err := client.Get(p.url + "/metrics")
	if err != nil {
		return exposition{}, fmt.Errorf("scrape: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		return exposition{}, fmt.Errorf("scrape: got %s, %w", response.Status, err)
	}
	return parseAll(text)
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
