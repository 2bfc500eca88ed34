//go:build unix

package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// started is an exporter that a test has started.
type started struct {
	*exec.Cmd
	lines chan string // of its log, closed at its end
}

// start starts the program. The test ends it if nothing else does.
func start(t *testing.T, args ...string) *started {
	t.Helper()
	p := &started{exec.Command("betanet_exporter", args...), make(chan string, 1000)}
	log, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(log); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	return p
}

// logs waits until the program logs the text.
func (p *started) logs(t *testing.T, text string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				t.Fatalf("the program ended without logging %q: %v", text, p.Wait())
			}
			if strings.Contains(line, text) {
				return
			}
		case <-late:
			t.Fatalf("the program did not log %q", text)
		}
	}
}

func (p *started) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// end wants that the program exits with code 0 after SIGTERM.
func (p *started) end(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	for range p.lines {
	}
	if err := p.Wait(); err != nil {
		t.Errorf("after SIGTERM the program ended with %v, want exit code 0", err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestAHangupAsSoonAsThePortIsOpenIsAReload(t *testing.T) {
	for range 12 {
		at := freeAddress(t)
		p := start(t, "--web.listen-address="+at, "--collect.mode=probe")
		for deadline := time.Now().Add(30 * time.Second); ; {
			c, err := net.Dial("tcp", at)
			if err == nil {
				c.Close()
				break
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
		p.signal(t, syscall.SIGHUP)
		p.logs(t, "Reloaded the configuration")
		p.end(t)
	}
}

func TestAHangupAsSoonAsSystemdIsToldIsAReload(t *testing.T) {
	for i := range 12 {
		socket := filepath.Join(t.TempDir(), fmt.Sprint(i))
		l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("NOTIFY_SOCKET", socket)
		p := start(t, "--web.listen-address=127.0.0.1:0", "--collect.mode=probe")
		if err := l.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		word := make([]byte, 1000)
		if n, err := l.Read(word); err != nil || string(word[:n]) != "READY=1" {
			t.Fatalf("got %q, %v, want READY=1", word[:n], err)
		}
		p.signal(t, syscall.SIGHUP)
		p.logs(t, "Reloaded the configuration")
		p.end(t)
		l.Close()
	}
}

// The program reads its configuration from a pipe here, so that the test knows
// where it is.
func TestAHangupBeforeTheConfigurationIsReadWaitsForIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yml")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--web.listen-address=127.0.0.1:0", "--collect.mode=probe", "--config.file="+file)
	for i := range 2 {
		pipe, err := os.OpenFile(file, os.O_WRONLY, 0) // returns when the program has opened it
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			p.signal(t, syscall.SIGHUP)
		}
		if _, err := pipe.WriteString("# no upstreams"); err != nil {
			t.Fatal(err)
		}
		pipe.Close()
	}
	p.logs(t, "Reloaded the configuration")
	p.end(t)
}
