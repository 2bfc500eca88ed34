package blackbox

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// unread is an exporter of which nobody reads what it writes, from the moment on at which it listens.
type unread struct {
	p            *program
	pipe         *os.File
	resume       chan struct{} // close it to have the rest read
	alive        *fake.Server
	broken       []*fake.Server
	onceListened chan struct{}
}

func startUnread(t *testing.T) *unread {
	t.Helper()
	u := &unread{resume: make(chan struct{}), onceListened: make(chan struct{}), alive: start(t)}
	args := []string{"--betanet.url=" + u.alive.URL(), "--collect.interval=250ms", "--collect.timeout=240ms", "--breaker.failures=1000000", "--retry.backoff=1ms"}
	for range 25 {
		server := start(t)
		for _, path := range v1Paths {
			server.Set(path, fake.Status(500, `{"error":"`+strings.Repeat("long ", 40)+`"}`))
		}
		u.broken = append(u.broken, server)
		args = append(args, "--betanet.url="+server.URL())
	}
	s := surroundings{logs: func(p *program, pipe *os.File) {
		lines := bufio.NewReaderSize(pipe, 16)
		u.pipe = pipe
		p.log.until("Listening on", lines)
		close(u.onceListened)
		select {
		case <-u.resume:
		case <-p.gone:
		}
		p.log.read(lines)
	}}
	u.p = s.start(t, args...)
	<-u.onceListened
	return u
}

// isFull complains unless the pipe takes nothing more: a line may be longer than what is left.
func (u *unread) isFull() error {
	var waiting int32
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, u.pipe.Fd(), 0x541b /* FIONREAD */, uintptr(unsafe.Pointer(&waiting)))
	if size := 64 << 10; errno != 0 || int(waiting) < size-4<<10 {
		return fmt.Errorf("the pipe has %d bytes waiting (%v), want almost %d", waiting, errno, size)
	}
	return nil
}

// collects complains unless all upstreams are asked and their values shown while nothing is read, though pipe and queue
// are full.
func (u *unread) collects(t *testing.T) {
	t.Helper()
	u.p.await(t, u.alive.Addr(), func(e exposition) error {
		return errors.Join(u.isFull(), allGood(e, u.alive.Addr(), documentBefore))
	})
	u.p.await(t, "", func(e exposition) error {
		if n := sumOf(e, "betanet_exporter_attempts_total"); n < 2000 { // a line each
			return fmt.Errorf("got %v attempts, want 2000", n)
		}
		return nil
	})
	publish(u.alive, documentAfter)
	before := map[*fake.Server]int{}
	for _, server := range append(u.broken, u.alive) {
		before[server] = server.Requests(fake.Metrics)
	}
	u.p.await(t, u.alive.Addr(), func(e exposition) error {
		all := []error{allGood(e, u.alive.Addr(), documentAfter)}
		for server, was := range before {
			if n := server.Requests(fake.Metrics) - was; n < 3 {
				all = append(all, fmt.Errorf("%s has got %d requests since, want 3", server.Addr(), n))
			}
			if server != u.alive {
				all = append(all, allNever(e, server.Addr(), "http_5xx"))
			}
		}
		return errors.Join(all...)
	})
	if err := u.isFull(); err != nil {
		t.Error(err)
	}
}

func TestALogThatNobodyReadsStopsNeitherCollectingNorTheEnd(t *testing.T) {
	t.Parallel()
	u := startUnread(t)
	u.collects(t)
	u.p.endsOn(t, syscall.SIGTERM)
}

func TestWhatALogCouldNotTakeIsCountedInIt(t *testing.T) {
	t.Parallel()
	inTheWholeSuiteOnly(t)
	u := startUnread(t)
	u.collects(t)
	close(u.resume)
	u.p.await(t, "", func(exposition) error {
		for _, line := range u.p.log.all() {
			if strings.Contains(strings.ToLower(line), "log lines dropped") {
				return isLogfmt(line)
			}
		}
		return errors.New("no line says that others were dropped")
	})
	u.p.endsOn(t, syscall.SIGTERM)
	for _, line := range u.p.log.all() {
		if err := isLogfmt(line); err != nil {
			t.Errorf("%v in the line\n%q", err, line)
		}
	}
}

// TestALogThatIsClosedStopsNothing is for a collector of logs that has died.
func TestALogThatIsClosedStopsNothing(t *testing.T) {
	t.Parallel()
	server := start(t)
	closed := make(chan struct{})
	s := surroundings{logs: func(p *program, pipe *os.File) {
		p.log.until("Listening on", bufio.NewReaderSize(pipe, 16))
		pipe.Close()
		close(closed)
	}}
	p := s.start(t, append([]string{"--betanet.url=" + server.URL()}, brisk("--request.timeout=900ms")...)...)
	<-closed
	for id := range 3 {
		for _, path := range v1Paths {
			server.Set(path, fake.Status(500, "{}"))
		}
		p.await(t, "", func(e exposition) error { return (state{"", fake.Metrics}).reasons(e, "http_5xx") })
		publish(server, id)
		p.await(t, "", func(e exposition) error { return allGood(e, "", id) })
	}
	p.endsOn(t, syscall.SIGTERM)
}
