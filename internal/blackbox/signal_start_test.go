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

	"github.com/betanet/betanet_exporter/internal/harness"
)

// starts is the number of times that each test starts the exporter, because the timing of the signal varies.
const starts = 12

const reloaded = "Reloaded the configuration"

func TestAHangupAsSoonAsThePortIsOpenReloads(t *testing.T) {
	t.Parallel()
	for range starts {
		address := freeAddress(t)
		p := launch{exact: true}.spawn(t, "--web.listen-address="+address, "--betanet.url=http://127.0.0.1:1")
		p.eventually(t, 0, func() error {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
			}
			return err
		}, p.logTail)
		signal(t, p, syscall.SIGHUP)
		p.awaitLog(t, reloaded)
		p.stop(t)
	}
}

// TestAHangupBeforeTheConfigurationIsReadIsNotLost makes the exporter read its file from a pipe, so that the test
// controls its progress.
func TestAHangupBeforeTheConfigurationIsReadIsNotLost(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "c.yml")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch{}.spawn(t, "--config.file="+file)
	for i := range 2 { // at startup and at the reload
		pipe := p.openForWriting(t, file)
		if i == 0 {
			signal(t, p, syscall.SIGHUP)
		}
		if _, err := pipe.WriteString("# no upstream"); err != nil {
			t.Fatal(err)
		}
		pipe.Close()
		p.awaitLog(t, "Starting betanet_exporter") // now it has closed the pipe
	}
	p.awaitLog(t, reloaded)
	p.stop(t)
}

// openForWriting opens a named pipe as soon as the exporter reads from it.
func (p *program) openForWriting(t *testing.T, file string) (pipe *os.File) {
	t.Helper()
	p.eventually(t, time.Millisecond, func() (err error) {
		pipe, err = os.OpenFile(file, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return err
	}, p.logTail)
	return pipe
}

// freeAddress returns a loopback address that is not in use. No other test listens on this host, so none can take the
// port before the exporter does.
func freeAddress(t *testing.T) string {
	t.Helper()
	const host = "127.0.54.1"
	port, err := harness.FreePort(host)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(host, port)
}

// TestAHangupAsSoonAsTheServiceIsReadyReloads imitates systemd, with a socket that the exporter opens and with one that
// it inherits.
func TestAHangupAsSoonAsTheServiceIsReadyReloads(t *testing.T) {
	t.Parallel()
	for _, inherited := range []bool{false, true} {
		t.Run(fmt.Sprintf("inherited socket %v", inherited), func(t *testing.T) {
			t.Parallel()
			for range starts {
				systemd := notifySocket(t)
				l, args := launch{env: []string{"NOTIFY_SOCKET=" + systemd.LocalAddr().String()}}, []string{"--betanet.url=http://127.0.0.1:1"}
				if inherited {
					// The shell and the exporter that replaces it have the same process ID.
					l.wrapper = []string{"sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`}
					l.files, l.exact = []*os.File{listener(t)}, true
					args = append(args, "--web.systemd-socket")
				}
				p := l.spawn(t, args...)
				p.awaitReady(t, systemd)
				signal(t, p, syscall.SIGHUP)
				p.awaitLog(t, reloaded)
				p.stop(t)
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
func (p *program) awaitReady(t *testing.T, systemd *net.UnixConn) {
	t.Helper()
	systemd.SetReadDeadline(time.Now().Add(deadline))
	message := make([]byte, 4096)
	for {
		n, err := systemd.Read(message)
		if err != nil {
			t.Fatalf("the exporter is not ready: %v\n%s", err, p.logTail())
		}
		if slices.Contains(strings.Split(string(message[:n]), "\n"), "READY=1") {
			return
		}
	}
}

func TestAHangupDuringShutdownChangesNothing(t *testing.T) {
	t.Parallel()
	for range starts {
		p := launch{}.start(t, "--betanet.url=http://127.0.0.1:1")
		signal(t, p, syscall.SIGTERM)
		for ended := false; !ended; {
			select {
			case <-p.Gone:
				ended = true
			default:
				_ = p.Cmd.Process.Signal(syscall.SIGHUP) // it may have ended
			}
		}
	}
}

// TestAHangupEndsACommandThatDoesNotServe simulates closing a terminal. The test catches the signal so that the child
// gets its default action even under nohup, which makes processes ignore it.
func TestAHangupEndsACommandThatDoesNotServe(t *testing.T) {
	t.Parallel()
	hangups := make(chan os.Signal, 1)
	ossignal.Notify(hangups, syscall.SIGHUP)
	defer ossignal.Stop(hangups)
	p := launch{exact: true}.spawn(t, "simulate", "--listen-address="+freeAddress(t))
	p.awaitLog(t, "Simulating")
	p.ownCheck = true // the signal kills it
	signal(t, p, syscall.SIGHUP)
	select {
	case <-p.done:
	case <-time.After(deadline):
		t.Error("the simulator did not end on SIGHUP")
	}
}
