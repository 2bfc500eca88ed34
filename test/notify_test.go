package test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// installedUnit has the settings in the installed unit that concern the process.
type installedUnit struct {
	command, environment []string
	value                map[string]string // by key; the last one if a key is repeated
}

// readUnit reads the installed unit and its environment file.
func readUnit(t *testing.T) installedUnit {
	t.Helper()
	u := installedUnit{value: make(map[string]string)}
	variables := make(map[string]string)
	set := func(text string) {
		name, value, _ := strings.Cut(text, "=")
		variables[name] = strings.Trim(value, `"`)
	}
	setting := regexp.MustCompile(`^(\w+)=(.*)$`)
	for line := range strings.Lines(readFile(t, unitFile)) {
		m := setting.FindStringSubmatch(strings.TrimSpace(line))
		switch {
		case m == nil:
		case m[1] == "Environment":
			set(m[2])
		case m[1] == "EnvironmentFile":
			for line := range strings.Lines(readFile(t, strings.TrimPrefix(m[2], "-"))) {
				if line = strings.TrimSpace(line); setting.MatchString(line) {
					set(line)
				}
			}
		default:
			u.value[m[1]] = m[2]
		}
	}
	for _, word := range strings.Fields(u.value["ExecStart"]) {
		if name, ok := strings.CutPrefix(word, "$"); ok {
			u.command = append(u.command, strings.Fields(variables[name])...)
		} else {
			u.command = append(u.command, word)
		}
	}
	for name, value := range variables {
		u.environment = append(u.environment, name+"="+value)
	}
	if len(u.command) == 0 || u.value["User"] != serviceUser || u.value["Type"] != "notify" {
		t.Fatalf("%s is not in the form that this test expects: %v", unitFile, u)
	}
	return u
}

// notifySocket is the socket on which systemd receives the notifications of a service.
type notifySocket struct {
	name string
	conn *net.UnixConn
}

// notification is a message from a process, with the process' credentials from the kernel.
type notification struct {
	text, uid string
	pid       int
}

// listenAsSystemd listens on an abstract socket, because every user can connect to it.
func listenAsSystemd(t *testing.T) *notifySocket {
	t.Helper()
	name := fmt.Sprintf("@betanet_exporter/test/%d", os.Getpid())
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var optionErr error
	err = raw.Control(func(fd uintptr) {
		optionErr = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1)
	})
	if err := errors.Join(err, optionErr); err != nil {
		t.Fatal(err)
	}
	return &notifySocket{name, conn}
}

// expect waits for a notification that matches the pattern completely. Only watchdog and
// status notifications may come before it.
func (s *notifySocket) expect(t *testing.T, p *process, pattern string) notification {
	t.Helper()
	want := regexp.MustCompile(`^(?:` + pattern + `)$`)
	for end := time.Now().Add(patience); ; {
		n, err := s.next(end)
		if err != nil {
			t.Fatalf("no %q within %v: %v\n%s", pattern, patience, err, &p.log)
		}
		if want.MatchString(n.text) {
			return n
		}
		if !strings.HasPrefix(n.text, "STATUS=") && n.text != "WATCHDOG=1" {
			t.Fatalf("systemd got %q, want %q", n.text, pattern)
		}
	}
}

// next returns the next notification, or an error after end.
func (s *notifySocket) next(end time.Time) (n notification, err error) {
	if err := s.conn.SetReadDeadline(end); err != nil {
		return n, err
	}
	text, control := make([]byte, 4096), make([]byte, syscall.CmsgSpace(syscall.SizeofUcred))
	size, controlSize, _, _, err := s.conn.ReadMsgUnix(text, control)
	if err != nil {
		return n, err
	}
	messages, err := syscall.ParseSocketControlMessage(control[:controlSize])
	if err != nil {
		return n, err
	}
	if len(messages) != 1 {
		return n, fmt.Errorf("got %d control messages, want 1", len(messages))
	}
	sender, err := syscall.ParseUnixCredentials(&messages[0])
	if err != nil {
		return n, err
	}
	return notification{string(text[:size]), strconv.Itoa(int(sender.Uid)), int(sender.Pid)}, nil
}
