package blackbox

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	ossignal "os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/version"
	"go.uber.org/goleak"

	"github.com/betanet/betanet_exporter/internal/harness"
)

// binary is the program under test with the race detector, built once by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	flag.Parse()
	// Tests spend nearly all of their time waiting. By default, only one per CPU would run at a time.
	if err := flag.Set("test.parallel", "500"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	version.Version = "test" // otherwise each exporter in this process would set it
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
	if err := harness.Build(root, binary, "-race"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	// The exporters in this process must not leave goroutines behind either.
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// root is the directory of the main package.
const root = "../.."

// releaseBinary returns the program without the race detector, which needs many times the memory.
var releaseBinary = sync.OnceValues(func() (string, error) {
	file := filepath.Join(filepath.Dir(binary), "release")
	return file, harness.Build(root, file)
})

// program is a running exporter, in its own process or in the test's.
type program struct {
	url  string
	log  harness.Log
	done chan struct{} // closed when it has ended and its log is complete
	err  error         // how it ended; valid after done

	// Set if it runs in its own process.
	*harness.Process
	ownCheck bool // the test checks how it ends

	// Set if it runs in the process of the test.
	onDemand []string // the upstreams to collect before each scrape
	rounds   int      // collections of each upstream so far

	mu    sync.Mutex
	last  exposition    // the latest scrape
	began time.Time     // when that scrape was started
	pause time.Duration // how long that scrape may be reused
}

// slots limits how many exporters run at a time. With more, attempts would time out while they wait for a CPU.
// Exporters in the process of the test have their own slots.
var slots, slotsInProcess = make(chan struct{}, 8), make(chan struct{}, 16)

// launch configures how a process is started. The zero value starts the exporter in the environment of the test.
type launch struct {
	wrapper []string // a command that executes its arguments
	env     []string
	files   []*os.File               // to inherit
	readLog func(*program, *os.File) // reads the output of the process; by default all of it is read
	exe     string                   // instead of the binary with the race detector
	exact   bool                     // without default arguments
}

// start starts an exporter and waits until it listens.
func (l launch) start(t *testing.T, args ...string) *program {
	t.Helper()
	p := l.spawn(t, args...)
	p.url = "http://" + p.address(t)
	return p
}

// spawn starts an exporter without waiting. The exporter is stopped at the end of the test, which fails if the program
// had a data race, panicked or ended with an error. It occupies a slot until it ends, so that a test may start several
// in turn.
func (l launch) spawn(t *testing.T, args ...string) *program {
	t.Helper()
	exe := l.exe
	if exe == "" {
		exe = binary
	}
	command := append(slices.Clone(l.wrapper), exe)
	if !l.exact {
		// Let the kernel choose the port: an upstream could take one that is chosen here before the exporter listens on
		// it.
		command = append(command, "--web.listen-address=127.0.0.1:0", "--log.level=debug")
	}
	command = append(command, args...)
	p := &program{done: make(chan struct{})}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env, cmd.ExtraFiles = append(os.Environ(), l.env...), l.files
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	var reader, writer *os.File
	var err error
	if l.readLog != nil {
		if reader, writer, err = os.Pipe(); err != nil {
			t.Fatal(err)
		}
		cmd.Stdout, cmd.Stderr = writer, writer
	}
	slots <- struct{}{}
	ossignal.Reset(syscall.SIGPIPE) // an exporter in this process ignores it, and the child would inherit that
	if p.Process, err = harness.Start(cmd); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		if l.readLog != nil {
			writer.Close()
			l.readLog(p, reader)
			reader.Close()
		}
	}()
	go func() {
		<-p.Gone
		p.err = p.Err
		<-slots
		<-read
		close(p.done)
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

// serve starts the exporter with the latency histogram.
func serve(t *testing.T, env []string, args ...string) *program {
	t.Helper()
	return launch{env: env}.start(t, append([]string{"--metrics.latency-histogram"}, args...)...)
}

func (p *program) stop(t *testing.T) {
	if err := p.Stop(deadline); err != nil {
		t.Error(err)
	}
	<-p.done
	if !p.ownCheck {
		p.checkEnd(t)
	}
}

// kill kills the process without checking how it ends.
func (p *program) kill() {
	p.ownCheck = true
	p.Kill()
	<-p.done
}

func signal(t *testing.T, p *program, s syscall.Signal) {
	t.Helper()
	if err := p.Cmd.Process.Signal(s); err != nil {
		t.Fatalf("%v: %v\n%s", s, err, p.log.Tail(""))
	}
}

// run runs a command of the exporter to completion.
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
		if p.log.Contains(word) {
			t.Errorf("the exporter wrote %q:\n%s", word, p.log.From(word))
		}
	}
}

// eventually repeats check until it returns nil. It fails the test after the deadline, with the result of detail, or
// when the exporter has ended.
func (p *program) eventually(t *testing.T, pause time.Duration, check func() error, detail func() string) {
	t.Helper()
	for end := time.Now().Add(deadline); ; {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %v: %v\n%s", deadline, err, detail())
		}
		select {
		case <-p.done:
			t.Fatalf("the exporter ended: %v, before that: %v\n%s", p.err, err, p.log.Tail(""))
		case <-time.After(pause):
		}
	}
}

func (p *program) logTail() string { return p.log.Tail("") }

// awaitLog waits until a line of the log contains text.
func (p *program) awaitLog(t *testing.T, text string) {
	t.Helper()
	p.eventually(t, time.Millisecond, func() error {
		if !p.log.Contains(text) {
			return fmt.Errorf("%q is not in the log", text)
		}
		return nil
	}, p.logTail)
}

// listening matches the address in the log line, in both formats.
var listening = regexp.MustCompile(`Listening on.*?address\W+([0-9.:]+)`)

// address waits until the exporter listens, and returns the address from its log.
func (p *program) address(t *testing.T) string {
	t.Helper()
	p.awaitLog(t, "Listening on")
	found := listening.FindStringSubmatch(p.log.From("Listening on"))
	if found == nil {
		t.Fatalf("no address in the log:\n%s", p.logTail())
	}
	return found[1]
}
