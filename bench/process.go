//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// accept is the Accept header of Prometheus.
const accept = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

// protobuf is the Accept header of Prometheus with native histograms.
const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// process is a server under measurement.
type process struct {
	cmd    *exec.Cmd
	addr   string
	url    string
	began  time.Time
	client *http.Client
}

// exporter starts the exporter on the simulator.
func (b *bench) exporter(args ...string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args = append([]string{"--betanet.url=" + b.sim.URL(), "--web.listen-address=" + addr, "--log.level=warn"}, args...)
	return startProcess(os.Stderr, addr, b.binary, args...)
}

func startProcess(log *os.File, addr, binary string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(binary, args...), addr: addr, url: "http://" + addr + "/metrics", client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1000},
	}}
	p.cmd.Stderr = log
	// The process ends with the benchmark, even if that is killed.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.began = time.Now()
	return p, p.cmd.Start()
}

// helper starts the benchmark again as a helper process that listens on a given address.
func helper(name string, arg func(addr string) string) (*process, error) {
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
	for end := time.Now().Add(time.Minute); time.Now().Before(end) && p.alive(); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			return p, c.Close()
		}
	}
	p.stop()
	return nil, fmt.Errorf("the helper %s does not listen", name)
}

// stop ends the process, and kills it after ten seconds.
func (p *process) stop() {
	p.client.CloseIdleConnections()
	p.cmd.Process.Signal(syscall.SIGTERM)
	force := time.AfterFunc(10*time.Second, func() { p.cmd.Process.Kill() })
	defer force.Stop()
	p.cmd.Wait()
}

// alive reports whether the process is still running.
func (p *process) alive() bool {
	state, err := p.status("State:")
	return err == nil && !strings.HasPrefix(state, "Z")
}

// freeAddr returns an address to listen on, below the ports from 32768 that the system
// gives to the thousands of outgoing connections.
func freeAddr() (addr string, err error) {
	for range 100 {
		l, e := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000)))
		if err = e; err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	return "", err
}

// scrape gets the metrics once, and returns the body.
func (p *process) scrape(gzip bool) ([]byte, error) {
	var body bytes.Buffer
	_, err := p.get(accept, gzip, &body)
	return body.Bytes(), err
}

// get requests the metrics in a format, and returns their size in bytes.
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

// waitFor scrapes until a line starts with a text.
func (p *process) waitFor(text string, limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if body, err := p.scrape(false); err == nil && strings.Contains(string(body), "\n"+text) {
			return nil
		}
	}
	return fmt.Errorf("%s: no %q in %s", p.url, text, limit)
}

// cpu returns the processor time of the process so far. The process' CPU clock counts
// nanoseconds, whereas /proc/PID/stat has ticks of 10 ms, and includes threads that have
// ended, unlike /proc/PID/task/*/schedstat.
func (p *process) cpu() (time.Duration, error) {
	clock := ^p.cmd.Process.Pid<<3 | 2 // as in clock_getcpuclockid(3)
	var t syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0, fmt.Errorf("processor time of %s: %w", p.cmd.Path, errno)
	}
	return time.Duration(t.Nano()), nil
}

// anonymous returns the anonymous resident memory of the process in MiB.
func (p *process) anonymous() (float64, error) { return p.mib("RssAnon:") }

// mib returns a field of /proc/PID/status in MiB.
func (p *process) mib(field string) (float64, error) {
	kb, err := p.status(field)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(kb, "kB")), 64)
	return n / 1024, err
}

func (p *process) status(field string) (string, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return "", err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if s, ok := strings.CutPrefix(lines.Text(), field); ok {
			return strings.TrimSpace(s), nil
		}
	}
	return "", fmt.Errorf("no %s in /proc/PID/status", field)
}

// files returns the number of open files of the process.
func (p *process) files() (int, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return len(names), err
}
