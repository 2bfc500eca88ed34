package test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait. It is what a busy machine may need, not what is
// promised.
const patience = 60 * time.Second

// binary is the program, built once by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "betanet_exporter")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "betanet_exporter")
	if err := build(binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build builds the program into a file.
func build(file string, flags ...string) error {
	args := append([]string{"build", "-C", "..", "-buildvcs=false", "-o", file}, flags...)
	cmd := exec.Command("go", append(args, ".")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

// component is the path of a program that a Debian package installs. Without it
// the test is skipped, or fails where everything has to be there.
func component(t *testing.T, program, debianPackage string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} { // which is not in everybody's PATH
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	line := fmt.Sprintf("%s is missing: install the Debian package %s", program, debianPackage)
	if os.Getenv("CI") == "true" {
		t.Fatal(line)
	}
	t.Skip(line)
	return ""
}

// process is one running program. It ends with the test.
type process struct {
	cmd  *exec.Cmd
	out  output
	done chan struct{} // closed when it has ended
	err  error         // how it ended, to be read after done

	killed bool // by the test
}

// start starts a program with an environment that has no setting of the
// exporter in it.
func start(t *testing.T, path string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BETANET_EXPORTER_") || strings.HasPrefix(v, "OTEL_") })
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

// stop ends the process, waits for its end, and holds it to exit code 0. On one
// that has ended already the signal has no effect.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Errorf("%s did not end within %v of SIGTERM", p, patience)
		p.cmd.Process.Kill()
		<-p.done
	}
	if p.err != nil && !p.killed && !p.cameTooLate() {
		t.Errorf("%s ended with %v, want exit code 0", p, p.err)
	}
	if t.Failed() {
		t.Logf("%s: end %v, output:\n%s", p, p.err, p.out.tail())
	}
}

// kill ends the process as a crash does; it is gone when kill returns.
func (p *process) kill() {
	p.killed = true
	p.cmd.Process.Kill()
	<-p.done
}

// cameTooLate tells whether another process had taken the port.
func (p *process) cameTooLate() bool {
	return p.out.contains("address already in use") || p.out.contains("Address already in use")
}

func (p *process) String() string {
	return fmt.Sprintf("%s (process %d)", strings.Join(p.cmd.Args, " "), p.cmd.Process.Pid)
}

// output keeps the end of what a process writes.
type output struct {
	mu   sync.Mutex
	kept []byte
}

const keptOutput = 1 << 16

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept = append(o.kept, b...)
	if len(o.kept) > 2*keptOutput {
		o.kept = append([]byte(nil), o.kept[len(o.kept)-keptOutput:]...)
	}
	return len(b), nil
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.kept)
}

func (o *output) contains(s string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Contains(o.kept, []byte(s))
}

// serve starts a program that serves HTTP on a free port, and returns once GET
// path answers 200 on every one of the hosts. args makes its arguments from the
// port.
func serve(t *testing.T, hosts []string, path, program string, args func(port string) []string) (p *process, urls []string) {
	t.Helper()
	// Between the choice of a port and the program's listening on it, another
	// process may take it.
	for range 5 {
		port := freePort(t, hosts)
		urls = nil
		for _, host := range hosts {
			urls = append(urls, "http://"+net.JoinHostPort(host, port))
		}
		p = start(t, program, args(port)...)
		taken := false
		for _, url := range urls {
			wait(t, url+path+" of "+p.String(), func() error {
				select {
				case <-p.done:
					if taken = p.cameTooLate(); taken {
						return nil
					}
					t.Fatalf("%s ended: %v\n%s", p, p.err, p.out.tail())
				default:
				}
				_, err := get(url + path)
				return err
			})
		}
		if !taken {
			return p, urls
		}
	}
	t.Fatalf("no port stayed free for %s", program)
	return nil, nil
}

// freePort is a port that is free on all hosts.
func freePort(t *testing.T, hosts []string) string {
	t.Helper()
	var last error
	for range 20 {
		port, err := tryPort(hosts)
		if err == nil {
			return port
		}
		last = err
	}
	t.Fatalf("no port is free on %v: %v", hosts, last)
	return ""
}

func tryPort(hosts []string) (string, error) {
	port := "0"
	for _, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return "", err
		}
		defer l.Close()
		if _, port, err = net.SplitHostPort(l.Addr().String()); err != nil {
			return "", err
		}
	}
	return port, nil
}

// wait asks until there is no error, and fails the test with the last one when
// patience is over.
func wait(t *testing.T, what string, ask func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: still not after %v: %v", what, patience, err)
		}
	}
}

var client = http.Client{Timeout: 10 * time.Second}

// get is the body of an answer with status 200.
func get(url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return "", fmt.Errorf("get %s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("get %s: status %s: %.200s", url, response.Status, body)
	}
	return string(body), nil
}
