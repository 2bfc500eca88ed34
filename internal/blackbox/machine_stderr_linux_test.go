package blackbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// unreadLog is an exporter whose log is not read once it listens.
type unreadLog struct {
	p       *program
	pipe    *os.File
	resume  chan struct{} // closed to read the rest
	healthy *fake.Server
	broken  []*fake.Server
	listens chan struct{}
}

func startUnreadLog(t *testing.T) *unreadLog {
	t.Helper()
	u := &unreadLog{resume: make(chan struct{}), listens: make(chan struct{}), healthy: start(t)}
	args := []string{"--collect.interval=250ms", "--collect.timeout=240ms", "--breaker.failures=1000000", "--retry.backoff=1ms"}
	broken, urls := startMany(t, 25)
	for _, server := range broken {
		setAll(server, fake.Status(500, `{"error":"`+strings.Repeat("long ", 40)+`"}`))
	}
	u.broken = broken
	l := launch{readLog: func(p *program, pipe *os.File) {
		u.pipe = pipe
		lines := readUntilListening(p, pipe)
		close(u.listens)
		select {
		case <-u.resume:
		case <-p.Gone:
		}
		io.Copy(&p.log, lines)
	}}
	u.p = l.start(t, append(args, flagsFor(append(urls, u.healthy.URL())...)...)...)
	<-u.listens
	return u
}

// readUntilListening reads the log line by line until the exporter listens, and returns the rest.
func readUntilListening(p *program, pipe *os.File) *bufio.Reader {
	for lines := bufio.NewReaderSize(pipe, 16); ; {
		line, err := lines.ReadBytes('\n')
		p.log.Write(line)
		if err != nil || bytes.Contains(line, []byte("Listening on")) {
			return lines
		}
	}
}

// isFull returns an error unless the pipe is almost full. The next line may be longer than the space left.
func (u *unreadLog) isFull() error {
	var waiting int32
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, u.pipe.Fd(), 0x541b /* FIONREAD */, uintptr(unsafe.Pointer(&waiting)))
	if size := 64 << 10; errno != 0 || int(waiting) < size-4<<10 {
		return fmt.Errorf("the pipe has %d bytes waiting (%v), want almost %d", waiting, errno, size)
	}
	return nil
}

// checkCollects checks that all upstreams are collected and their values exposed while the log is not read and both pipe
// and queue are full.
func (u *unreadLog) checkCollects(t *testing.T) {
	t.Helper()
	u.p.await(t, u.healthy.Addr(), func(e exposition) error {
		return errors.Join(u.isFull(), allGood(e, u.healthy.Addr(), documentBefore))
	})
	u.p.await(t, "", func(e exposition) error {
		return counted("attempts", int(e.sum("betanet_exporter_attempts_total")), 2000) // one line each
	})
	publish(u.healthy, documentAfter)
	before := map[*fake.Server]int{}
	for _, server := range append(u.broken, u.healthy) {
		before[server] = server.Requests(fake.Metrics)
	}
	u.p.await(t, u.healthy.Addr(), func(e exposition) error {
		all := []error{allGood(e, u.healthy.Addr(), documentAfter)}
		for server, was := range before {
			all = append(all, counted("new requests at "+server.Addr(), server.Requests(fake.Metrics)-was, 3))
			if server != u.healthy {
				all = append(all, allNeverGood(e, server.Addr(), "http_5xx"))
			}
		}
		return errors.Join(all...)
	})
	if err := u.isFull(); err != nil {
		t.Error(err)
	}
}

func TestAnUnreadLogDelaysNeitherCollectionsNorShutdown(t *testing.T) {
	t.Parallel()
	u := startUnreadLog(t)
	u.checkCollects(t)
	u.p.checkEndsOn(t, syscall.SIGTERM)
}

func TestDroppedLogLinesAreCountedInTheLog(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	u := startUnreadLog(t)
	u.checkCollects(t)
	close(u.resume)
	u.p.await(t, "", func(exposition) error {
		for _, line := range u.p.log.Lines() {
			if strings.Contains(strings.ToLower(line), "log lines dropped") {
				return checkLogfmt(line)
			}
		}
		return errors.New("no line reports that others were dropped")
	})
	u.p.checkEndsOn(t, syscall.SIGTERM)
	for _, line := range u.p.log.Lines() {
		if err := checkLogfmt(line); err != nil {
			t.Errorf("%v in the line\n%q", err, line)
		}
	}
}

// TestAClosedLogStopsNothing simulates a log collector that has crashed.
func TestAClosedLogStopsNothing(t *testing.T) {
	t.Parallel()
	server := start(t)
	closed := make(chan struct{})
	l := launch{readLog: func(p *program, pipe *os.File) {
		readUntilListening(p, pipe)
		pipe.Close()
		close(closed)
	}}
	p := l.start(t, "--betanet.url="+server.URL(), "--request.timeout=900ms", "--collect.interval=1s", "--collect.timeout=950ms",
		"--retry.backoff=1ms", "--retry.max-backoff=2ms", "--breaker.failures=1000", "--cache.max-stale=0")
	<-closed
	for id := range 3 {
		setAll(server, fake.Status(500, "{}"))
		p.await(t, "", func(e exposition) error { return (endpoint{"", fake.Metrics}).reasons(e, "http_5xx") })
		publish(server, id)
		p.awaitGood(t, "", id)
	}
	p.checkEndsOn(t, syscall.SIGTERM)
}
