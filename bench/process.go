package main

import (
	"bufio"
	"errors"
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
)

// accept is the Accept header of Prometheus.
const accept = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

// process is a server under measurement.
type process struct {
	cmd    *exec.Cmd
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
	return startProcess(addr, b.binary, args...)
}

func startProcess(addr, binary string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(binary, args...), url: "http://" + addr + "/metrics", client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 1000},
	}}
	p.cmd.Stderr = os.Stderr
	p.began = time.Now()
	return p, p.cmd.Start()
}

func (p *process) stop() {
	p.client.CloseIdleConnections()
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// scrape gets the metrics once, and returns the body.
func (p *process) scrape(gzip bool) ([]byte, error) {
	r, err := http.NewRequest("GET", p.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", accept)
	if gzip {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = statusError(resp.StatusCode)
	}
	return body, err
}

type statusError int

func (s statusError) Error() string { return "status " + strconv.Itoa(int(s)) }

// waitFor scrapes until a text is there.
func (p *process) waitFor(text string, limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if body, err := p.scrape(false); err == nil && strings.Contains(string(body), "\n"+text) {
			return nil
		}
	}
	return fmt.Errorf("%s: no %q in %s", p.url, text, limit)
}

// cpu is the processor time of the process so far, in ticks of 10 ms.
func (p *process) cpu() (time.Duration, error) {
	// In nanoseconds, unlike the ticks of /proc/PID/stat.
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, t := range tasks {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", p.cmd.Process.Pid, t.Name()))
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n)
	}
	return sum, nil
}

// anonymous is the anonymous resident memory of the process in MiB.
func (p *process) anonymous() (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if kb, ok := strings.CutPrefix(lines.Text(), "RssAnon:"); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(kb, "kB")), 64)
			return n / 1024, err
		}
	}
	return 0, errors.New("no RssAnon in /proc/PID/status")
}
