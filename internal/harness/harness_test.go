package harness

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLogKeepsTheLastLines(t *testing.T) {
	var log Log
	for i := range 3 * keptLines {
		fmt.Fprintf(&log, "line %d\n", i)
	}
	fmt.Fprint(&log, "unfin")
	fmt.Fprint(&log, "ished")
	lines := log.Lines()
	if n := len(lines); n < keptLines || n > 2*keptLines+1 || lines[n-1] != "unfinished" {
		t.Errorf("got %d lines, the last is %q, want at least %d and an unfinished last line", n, lines[n-1], keptLines)
	}
	if got, want := log.From("line 14998"), "line 14998\nline 14999\nunfinished"; got != want {
		t.Errorf("From() = %q, want %q", got, want)
	}
	if got := strings.Split(log.Tail("line"), "\n"); len(got) != 20 || got[19] != "line 14999" {
		t.Errorf("Tail() = %q, want the last 20 lines with the text", got)
	}
	if got := log.Tail("nothing"); !strings.HasSuffix(got, "unfinished") || log.Contains("nothing") {
		t.Errorf("Tail() of an absent text = %q, want the last lines", got)
	}
}

func TestStopEndsOrKillsTheProcess(t *testing.T) {
	for script, clean := range map[string]bool{ // whether the process ends cleanly on SIGTERM
		"trap 'echo stopped; exit 0' TERM; echo started; while true; do sleep 0.01; done": true,
		"trap '' TERM; echo started; while true; do sleep 0.01; done":                     false,
	} {
		var log Log
		cmd := exec.Command("sh", "-c", script)
		cmd.Stdout = &log
		p, err := Start(cmd)
		if err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); !log.Contains("started") && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		limit := 30 * time.Second
		if !clean {
			limit = 50 * time.Millisecond
		}
		if err := p.Stop(limit); (err == nil) != clean || (p.Err == nil) != clean || slices.Contains(log.Lines(), "stopped") != clean {
			t.Errorf("%s: Stop() = %v, process ended with %v, want a clean exit: %v\n%s", script, err, p.Err, clean, &log)
		}
	}
}

func TestFreePortCanBeListenedOn(t *testing.T) {
	port, err := FreePort("127.0.0.1", "127.0.0.2")
	if err == nil {
		err = listenOnce(port, []string{"127.0.0.1", "127.0.0.2"})
	}
	if err != nil {
		t.Error(err)
	}
	if port, err := FreePort("192.0.2.1"); err == nil {
		t.Errorf("FreePort() for an address of another machine = %s, want an error", port)
	}
}
