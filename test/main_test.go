package test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/harness"
)

// patience is the limit of every wait. It allows for a busy machine.
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
	if err := harness.Build("..", binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// component returns the path of a program from a Debian package. If it is missing, the test is
// skipped, or fails if CI=true.
func component(t *testing.T, program, debianPackage string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} { // /usr/sbin is not in every user's PATH
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	unavailable(t, fmt.Sprintf("%s is missing: install the Debian package %s", program, debianPackage))
	return ""
}

// process is a running program. It is stopped when the test ends.
type process struct {
	*harness.Process
	log harness.Log

	killed bool // by kill
}

// start starts a program in an environment without any settings for the exporter.
func start(t *testing.T, path string, args ...string) *process {
	t.Helper()
	p := &process{}
	cmd := exec.Command(path, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BETANET_EXPORTER_") || strings.HasPrefix(v, "OTEL_") })
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	var err error
	if p.Process, err = harness.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(t) })
	return p
}

// stop stops the process and checks its exit code. It may be called more than once.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.Stop(patience); err != nil {
		t.Error(err)
	}
	if p.Err != nil && !p.killed && !p.lostPort() {
		t.Errorf("%s exited with %v, want exit code 0", p, p.Err)
	}
	if t.Failed() {
		t.Logf("%s: exit %v, output:\n%s", p, p.Err, &p.log)
	}
}

// kill kills the process, as a crash would.
func (p *process) kill() {
	p.killed = true
	p.Kill()
}

// lostPort reports whether the process failed because another one had taken its port.
func (p *process) lostPort() bool {
	return p.log.Contains("address already in use") || p.log.Contains("Address already in use")
}

// serve starts a program that serves HTTP on a free port, with arguments for that port, and
// returns once path responds 200 on each of the hosts.
func serve(t *testing.T, hosts []string, path, program string, args func(port string) []string) (p *process, urls []string) {
	t.Helper()
	// Another process may take the port before the program listens on it.
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
				case <-p.Gone:
					if taken = p.lostPort(); taken {
						return nil
					}
					t.Fatalf("%s ended: %v\n%s", p, p.Err, &p.log)
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
	t.Fatalf("found no port that stayed free for %s", program)
	return nil, nil
}

func freePort(t *testing.T, hosts []string) string {
	t.Helper()
	port, err := harness.FreePort(hosts...)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// wait repeats a check until it returns no error, and fails the test with the last error
// after patience.
func wait(t *testing.T, what string, check func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: gave up after %v: %v", what, patience, err)
		}
	}
}

var client = http.Client{Timeout: 10 * time.Second}

// get returns the body of a response with status 200.
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
