package blackbox

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	flag.Parse()
	// Rows wait nearly all of the time. By default only as many would wait at once as there are processors.
	if err := flag.Set("test.parallel", "500"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if binary = os.Getenv(inNamespace); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "blackbox")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "betanet_exporter")
	build := exec.Command("go", "build", "-race", "-o", binary, ".")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build -race: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// program is one process of the exporter.
type program struct {
	url  string
	pid  int
	log  *logTail
	done chan struct{} // closed when the process is gone
	err  error         // how it ended, valid after done

	mu    sync.Mutex
	last  exposition    // the latest scrape,
	began time.Time     // when it was asked for
	pause time.Duration // and how long it is good enough
}

// slots is how many exporters may run at a time. More would wait for a processor, with attempts that run into their
// limit, in place of waiting for their turn.
var slots = make(chan struct{}, 8)

// serve starts the exporter and stops it at the end of the test, which fails if the program raced, panicked or did not
// end well.
func serve(t *testing.T, env []string, args ...string) *program {
	t.Helper()
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
	ctx, kill := context.WithCancel(context.Background())
	// The kernel chooses the port. One chosen here could be taken by an upstream before the exporter listens on it.
	cmd := exec.CommandContext(ctx, binary, append([]string{"--web.listen-address=127.0.0.1:0", "--log.level=debug", "--metrics.latency-histogram"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	tie(cmd)
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{pid: cmd.Process.Pid, log: &logTail{}, done: make(chan struct{})}
	read := make(chan struct{})
	go func() {
		p.log.read(reader)
		close(read)
	}()
	go func() {
		p.err = cmd.Wait()
		writer.Close()
		<-read
		close(p.done)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(deadline):
			t.Error("the exporter did not end on SIGTERM")
		}
		kill()
		<-p.done
		p.checkEnd(t)
	})
	p.url = "http://" + p.address(t)
	return p
}

// run runs a command of the exporter to its end.
func run(t *testing.T, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func (p *program) checkEnd(t *testing.T) {
	if p.err != nil {
		t.Errorf("the exporter ended with %v, want exit code 0", p.err)
	}
	for _, word := range []string{"DATA RACE", "panic:", "fatal error:"} {
		if p.log.contains(word) {
			t.Errorf("the exporter wrote %q:\n%s", word, p.log.around(word))
		}
	}
}

// listening is the exporter's word for it, in both formats of the log.
var listening = regexp.MustCompile(`Listening on.*?address\W+([0-9.:]+)`)

// address waits until the exporter listens and finds in its log where.
func (p *program) address(t *testing.T) string {
	t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		if found := listening.FindStringSubmatch(p.log.around("Listening on")); found != nil {
			return found[1]
		}
		select {
		case <-p.done:
			t.Fatalf("the exporter ended: %v\n%s", p.err, p.log.lines(""))
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("the exporter does not say where it listens\n%s", p.log.lines(""))
	return ""
}

// logTail keeps the end of what the program writes.
type logTail struct {
	mu   sync.Mutex
	kept []string
}

const keptLogLines = 5000

func (l *logTail) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		l.mu.Lock()
		l.kept = append(l.kept, lines.Text())
		if len(l.kept) > 2*keptLogLines {
			l.kept = append([]string(nil), l.kept[keptLogLines:]...)
		}
		l.mu.Unlock()
	}
	io.Copy(io.Discard, r)
}

// all is every line that was kept.
func (l *logTail) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.kept...)
}

func (l *logTail) contains(word string) bool { return l.around(word) != "" }

// around is the first line with word in it and those that follow.
func (l *logTail) around(word string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, line := range l.kept {
		if strings.Contains(line, word) {
			return strings.Join(l.kept[i:min(i+60, len(l.kept))], "\n")
		}
	}
	return ""
}

// lines is the last lines that mention word, or the last ones of all if none does.
func (l *logTail) lines(word string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, line := range l.kept {
		if strings.Contains(line, word) {
			found = append(found, line)
		}
	}
	if len(found) == 0 {
		found = l.kept
	}
	return strings.Join(found[max(0, len(found)-20):], "\n")
}
