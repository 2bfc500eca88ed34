package blackbox

import (
	"fmt"
	"net"
	"os"
	ossignal "os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// starts is how often each test starts the exporter: a signal that is a little too early for one start is too late for the
// next.
const starts = 12

// awaitLog waits until the log has a line with the word, and fails if the process ends before.
func (p *program) awaitLog(t *testing.T, word string) {
	t.Helper()
	for end := time.Now().Add(deadline); !p.log.contains(word); {
		select {
		case <-p.done:
			t.Fatalf("the exporter ended before %q: %v\n%s", word, p.err, p.log.lines(""))
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatalf("the exporter did not log %q\n%s", word, p.log.lines(""))
		}
	}
}

const reloaded = "Reloaded the configuration"

func TestAHangupAsSoonAsThePortIsOpenReloads(t *testing.T) {
	t.Parallel()
	for range starts {
		address := freeAddress(t)
		l := surroundings{exact: true}.begin(t, "--web.listen-address="+address, "--betanet.url=http://127.0.0.1:1")
		for end := time.Now().Add(deadline); ; {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
				break
			}
			if time.Now().After(end) {
				t.Fatalf("nobody listens on %s: %v\n%s", address, err, l.log.lines(""))
			}
		}
		signal(t, l, syscall.SIGHUP)
		l.awaitLog(t, reloaded)
		l.stop(t)
	}
}

// TestAHangupBeforeTheConfigurationIsReadWaitsForIt has the exporter read its file from a pipe, so that the test knows how
// far it is.
func TestAHangupBeforeTheConfigurationIsReadWaitsForIt(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c.yml")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	l := surroundings{}.begin(t, "--config.file="+file)
	for i := range 2 { // at the start and at the reload
		pipe := l.openForWriting(t, file)
		if i == 0 {
			signal(t, l, syscall.SIGHUP)
		}
		if _, err := pipe.WriteString("# no upstream"); err != nil {
			t.Fatal(err)
		}
		pipe.Close()
		l.awaitLog(t, "Starting betanet_exporter") // it has closed the pipe
	}
	l.awaitLog(t, reloaded)
	l.stop(t)
}

// openForWriting opens a named pipe as soon as the exporter reads from it.
func (l *program) openForWriting(t *testing.T, file string) *os.File {
	t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(time.Millisecond) {
		pipe, err := os.OpenFile(file, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			return pipe
		}
		if time.Now().After(end) {
			t.Fatalf("nobody reads %s: %v\n%s", file, err, l.log.lines(""))
		}
	}
}

// freeAddress returns a loopback address that is not in use. Other tests listen on 127.0.0.1, so none of them can take its
// port before the exporter does.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.54.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestAHangupAsSoonAsTheServiceIsReadyReloads plays systemd, with sockets that the exporter opens and with one that it
// inherits.
func TestAHangupAsSoonAsTheServiceIsReadyReloads(t *testing.T) {
	t.Parallel()
	for _, inherited := range []bool{false, true} {
		t.Run(fmt.Sprintf("inherited socket %v", inherited), func(t *testing.T) {
			t.Parallel()
			for range starts {
				systemd := notifySocket(t)
				s, args := surroundings{env: []string{"NOTIFY_SOCKET=" + systemd.LocalAddr().String()}}, []string{"--betanet.url=http://127.0.0.1:1"}
				if inherited {
					// The variable has the process id, which the shell and what it becomes share.
					s.by = []string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`}
					s.files, s.exact = []*os.File{listener(t)}, true
					args = append(args, "--web.systemd-socket")
				}
				l := s.begin(t, args...)
				l.awaitReady(t, systemd)
				signal(t, l, syscall.SIGHUP)
				l.awaitLog(t, reloaded)
				l.stop(t)
			}
		})
	}
}

func notifySocket(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// listener returns a listening socket to inherit.
func listener(t *testing.T) *os.File {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// awaitReady waits for READY=1.
func (l *program) awaitReady(t *testing.T, systemd *net.UnixConn) {
	t.Helper()
	systemd.SetReadDeadline(time.Now().Add(deadline))
	word := make([]byte, 4096)
	for {
		n, err := systemd.Read(word)
		if err != nil {
			t.Fatalf("the exporter is not ready: %v\n%s", err, l.log.lines(""))
		}
		if slices.Contains(strings.Split(string(word[:n]), "\n"), "READY=1") {
			return
		}
	}
}

func TestAHangupWhileItEndsChangesNothing(t *testing.T) {
	t.Parallel()
	for range starts {
		l := surroundings{}.begin(t, "--betanet.url=http://127.0.0.1:1")
		l.awaitLog(t, "Listening on")
		signal(t, l, syscall.SIGTERM)
		for ended := false; !ended; {
			select {
			case <-l.gone:
				ended = true
			default:
				_ = l.cmd.Process.Signal(syscall.SIGHUP) // it may have ended
			}
		}
	}
}

// TestAHangupEndsACommandThatDoesNotServe is about a terminal that is closed. The test catches the signal itself, because a
// process below nohup inherits that it is ignored, and a signal that is caught has its default action in a child.
func TestAHangupEndsACommandThatDoesNotServe(t *testing.T) {
	t.Parallel()
	hangups := make(chan os.Signal, 1)
	ossignal.Notify(hangups, syscall.SIGHUP)
	defer ossignal.Stop(hangups)
	l := surroundings{exact: true}.begin(t, "simulate", "--listen-address="+freeAddress(t))
	l.awaitLog(t, "Simulating")
	l.kept = true // the signal ends it
	signal(t, l, syscall.SIGHUP)
	select {
	case <-l.done:
	case <-time.After(deadline):
		t.Error("the simulator did not end on SIGHUP")
	}
}
