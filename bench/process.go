//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"github.com/betanet/betanet_exporter/internal/harness"
)

// accept is the Accept header that Prometheus sends by default.
const accept = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

// protobuf is the Accept header that Prometheus sends if native histograms are enabled.
const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// process is a server under measurement.
type process struct {
	*harness.Process
	addr   string
	url    string
	began  time.Time
	client *http.Client
}

// exporter starts the exporter with the simulated service as its upstream.
func (b *bench) exporter(args ...string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args = append([]string{"--betanet.url=" + b.sim.URL(), "--web.listen-address=" + addr, "--log.level=warn"}, args...)
	return startProcess(os.Stderr, addr, b.binary, args...)
}

func startProcess(log *os.File, addr, binary string, args ...string) (p *process, err error) {
	p = &process{addr: addr, url: "http://" + addr + "/metrics", began: time.Now(), client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1000},
	}}
	cmd := exec.Command(binary, args...)
	cmd.Stderr = log
	p.Process, err = harness.Start(cmd)
	return p, err
}

// startHelper starts this program as a helper process and waits until it listens. arg
// returns the argument of a helper that is to listen on addr.
func startHelper(name string, arg func(addr string) string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := startProcess(os.Stderr, addr, self, "-helper="+name+"="+arg(addr))
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end) && p.running(); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			return p, c.Close()
		}
	}
	p.stop()
	return nil, fmt.Errorf("helper %s is not listening", name)
}

// stop terminates the process, and kills it if it has not ended after ten seconds.
func (p *process) stop() {
	p.client.CloseIdleConnections()
	p.Stop(10 * time.Second)
}

func (p *process) running() bool {
	select {
	case <-p.Gone:
		return false
	default:
		return true
	}
}

func freeAddr() (string, error) {
	port, err := harness.FreePort("127.0.0.1")
	return net.JoinHostPort("127.0.0.1", port), err
}

// scrape gets the metrics once and returns the body.
func (p *process) scrape(gzip bool) ([]byte, error) {
	var body bytes.Buffer
	_, err := p.get(accept, gzip, &body)
	return body.Bytes(), err
}

// get requests the metrics in the format of an Accept header, copies them to body, and
// returns their size in bytes.
func (p *process) get(accept string, gzip bool, body io.Writer) (int64, error) {
	r, err := http.NewRequest("GET", p.url, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Accept", accept)
	if gzip {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(body, resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = statusError(resp.StatusCode)
	}
	return n, err
}

type statusError int

func (s statusError) Error() string { return "status " + strconv.Itoa(int(s)) }

// waitFor scrapes until a line begins with text, for at most limit.
func (p *process) waitFor(text string, limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if body, err := p.scrape(false); err == nil && strings.Contains(string(body), "\n"+text) {
			return nil
		}
	}
	return fmt.Errorf("%s: no %q in %s", p.url, text, limit)
}

// cpu returns the CPU time of the process so far. The clock of the process counts
// nanoseconds, unlike /proc/PID/stat with its ticks of 10 ms, and includes threads that
// have ended, unlike /proc/PID/task/*/schedstat.
func (p *process) cpu() (time.Duration, error) {
	clock := ^p.Cmd.Process.Pid<<3 | 2 // as in clock_getcpuclockid(3)
	var t syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0, fmt.Errorf("CPU time of %s: %w", p.Cmd.Path, errno)
	}
	return time.Duration(t.Nano()), nil
}

// mib returns an amount of memory from /proc/PID/status, in MiB.
func (p *process) mib(field string) (float64, error) {
	kb, err := p.Status(field)
	return float64(kb) / 1024, err
}

// files returns the number of open files.
func (p *process) files() (int, error) {
	names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Cmd.Process.Pid))
	return len(names), err
}
