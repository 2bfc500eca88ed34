// Package harness builds programs and runs them as processes, for tests and benchmarks of the built program.
package harness

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Build builds the main package in dir as the executable file, with flags of go build.
func Build(dir, file string, flags ...string) error {
	args := slices.Concat([]string{"build", "-C", dir, "-buildvcs=false", "-o", file}, flags, []string{"."})
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// Process is a running program.
type Process struct {
	Cmd   *exec.Cmd
	Gone  chan struct{} // closed when the process has ended
	Err   error         // result of Cmd.Wait; valid once Gone is closed
	Ended time.Time     // valid once Gone is closed
}

// Start starts a program. On Linux, the program is killed when this process ends for any reason.
func Start(cmd *exec.Cmd) (*Process, error) {
	killWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{Cmd: cmd, Gone: make(chan struct{})}
	go func() {
		p.Err = cmd.Wait()
		p.Ended = time.Now()
		close(p.Gone)
	}()
	return p, nil
}

// Stop sends SIGTERM and waits until the process has ended. After limit it kills the process and returns an error.
func (p *Process) Stop(limit time.Duration) error {
	p.Cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.Gone:
		return nil
	case <-time.After(limit):
		p.Kill()
		return fmt.Errorf("%s did not end within %v of SIGTERM", p, limit)
	}
}

// Kill kills the process and waits until it has ended.
func (p *Process) Kill() {
	p.Cmd.Process.Kill()
	<-p.Gone
}

func (p *Process) String() string {
	return fmt.Sprintf("%s (process %d)", strings.Join(p.Cmd.Args, " "), p.Cmd.Process.Pid)
}

// Status returns a numeric field of /proc/PID/status. Sizes are in kB.
func (p *Process) Status(field string) (int, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), field+":"); ok {
			return strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(value, "kB")))
		}
	}
	return 0, fmt.Errorf("no %s in %s", field, f.Name())
}

// FreePort returns a TCP port that is free on all hosts. It is below the ephemeral ports, so that no outgoing connection
// takes it.
func FreePort(hosts ...string) (string, error) {
	var last error
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		if last = listenOnce(port, hosts); last == nil {
			return port, nil
		}
	}
	return "", fmt.Errorf("no port is free on %v: %w", hosts, last)
}

func listenOnce(port string, hosts []string) error {
	for _, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return err
		}
		defer l.Close()
	}
	return nil
}
