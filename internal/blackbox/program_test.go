package blackbox

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	ossignal "os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/version"
	"go.uber.org/goleak"

	"github.com/betanet/betanet_exporter/internal/app"
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
	version.Version = "test" // which otherwise each exporter in this process would set
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
	code := m.Run()
	client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	// Nothing is left of the exporters in this process either.
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// program is a run of the exporter, in a process of its own or in that of the test.
type program struct {
	url  string
	log  *logTail
	done chan struct{} // closed when it has ended and its log is read
	err  error         // how it ended, valid after done

	// Of a process of its own.
	cmd   *exec.Cmd
	pid   int
	gone  chan struct{} // closed when it has ended, though its log may not have been read
	ended time.Time     // valid after gone
	kept  bool          // the test itself judges its end

	// Of one in the process of the test.
	onDemand []string // the names of upstreams, which each scrape has collected before
	rounds   int      // of such collections

	mu    sync.Mutex
	last  exposition    // the latest scrape,
	began time.Time     // when it was asked for
	pause time.Duration // and how long it is good enough
}

// slots is how many exporters may run at a time. More would wait for a processor, with attempts that run into their
// limit, in place of waiting for their turn. Those in the process of the test have slots of their own.
var slots, slotsInProcess = make(chan struct{}, 8), make(chan struct{}, 16)

// surroundings describes what a process is started in. The zero value is the environment of the test.
type surroundings struct {
	by    []string // a command that ends by running its arguments in its own place
	env   []string
	files []*os.File               // to inherit
	logs  func(*program, *os.File) // reads what the process writes, by default all of it
	exe   string                   // in place of the binary with the race detector
	exact bool                     // with the given arguments only
}

// start starts an exporter and waits until it listens.
func (s surroundings) start(t *testing.T, args ...string) *program {
	t.Helper()
	p := s.begin(t, args...)
	p.url = "http://" + p.address(t)
	return p
}

// begin starts an exporter and waits for nothing. It is stopped at the end of the test, which fails if the program raced,
// panicked or did not end well. Its turn ends with it, so that a test may start one after the other.
func (s surroundings) begin(t *testing.T, args ...string) *program {
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
	command := append(append([]string(nil), s.by...), exe)
	if !s.exact {
		// The kernel chooses the port. One chosen here could be taken by an upstream before the exporter listens on it.
		command = append(command, "--web.listen-address=127.0.0.1:0", "--log.level=debug")
	}
	command = append(command, args...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env, cmd.ExtraFiles = append(os.Environ(), s.env...), s.files
	cmd.Stdout, cmd.Stderr = writer, writer
	tie(cmd)
	ossignal.Reset(syscall.SIGPIPE) // which an exporter in this process has ignored, and a child would inherit that
	err = cmd.Start()
	writer.Close()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{pid: cmd.Process.Pid, log: &logTail{}, done: make(chan struct{}), cmd: cmd, gone: make(chan struct{})}
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

// serve starts the exporter with the histogram.
func serve(t *testing.T, env []string, args ...string) *program {
	t.Helper()
	return surroundings{env: env}.start(t, append([]string{"--metrics.latency-histogram"}, args...)...)
}

func (p *program) stop(t *testing.T) {
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

// inProcess starts the exporter in the process of the test, where it is there at once. It collects each of the upstreams
// at the start, and afterwards once before each scrape and at no other time.
//
// A test that calls it is not parallel itself, though its subtests may be. It is over then before the first process
// starts, whose clock is watched.
func inProcess(t *testing.T, upstreams []string, args ...string) *program {
	t.Helper()
	slotsInProcess <- struct{}{}
	p := &program{log: &logTail{}, done: make(chan struct{}), onDemand: upstreams}
	args = append([]string{
		"--web.listen-address=127.0.0.1:0", "--log.level=debug", "--metrics.latency-histogram", "--collect.interval=1h", "--cache.ttl=0",
		"--web.enable-pprof", // without it each exporter would change the memory profile of the test
	}, args...)
	ctx, end := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	go func() {
		defer close(p.done)
		p.log.read(reader)
	}()
	go func() {
		if code := app.Run(ctx, args, io.Discard, writer); code != 0 {
			p.err = fmt.Errorf("exit code %d", code)
		}
		writer.Close()
	}()
	t.Cleanup(func() {
		end()
		<-p.done
		<-slotsInProcess
		p.checkEnd(t)
	})
	p.url = "http://" + p.address(t)
	return p
}

// collect collects every upstream once.
func (p *program) collect() error {
	p.rounds++
	for _, name := range p.onDemand {
		response, err := patientClient.Get(p.url + "/probe?target=" + name)
		if err != nil {
			return fmt.Errorf("collect: %w", err)
		}
		response.Body.Close()
		if response.StatusCode != 200 {
			return fmt.Errorf("collect %s: got %s", name, response.Status)
		}
	}
	return nil
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
