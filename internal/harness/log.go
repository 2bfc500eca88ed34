package harness

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

// keptLines is the minimum number of lines that a full Log keeps.
const keptLines = 5000

// Log keeps the last lines that a process wrote. The zero value is an empty log. Its methods are safe for concurrent use.
type Log struct {
	mu       sync.Mutex
	complete []string
	last     []byte // an unfinished line
}

// Write implements io.Writer. It never fails.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = append(l.last, b...)
	for {
		line, rest, found := bytes.Cut(l.last, []byte("\n"))
		if !found {
			break
		}
		l.complete, l.last = append(l.complete, string(line)), rest
	}
	if len(l.complete) > 2*keptLines {
		l.complete = slices.Clone(l.complete[len(l.complete)-keptLines:])
	}
	return len(b), nil
}

// Lines returns the kept lines, including an unfinished last one.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := slices.Clone(l.complete)
	if len(l.last) > 0 {
		lines = append(lines, string(l.last))
	}
	return lines
}

// String returns the kept lines.
func (l *Log) String() string { return strings.Join(l.Lines(), "\n") }

// Contains reports whether a line contains text.
func (l *Log) Contains(text string) bool { return l.From(text) != "" }

// From returns the first line that contains text, and up to 59 lines after it, or "" if no line contains it.
func (l *Log) From(text string) string {
	lines := l.Lines()
	i := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, text) })
	if i < 0 {
		return ""
	}
	return strings.Join(lines[i:min(i+60, len(lines))], "\n")
}

// Tail returns the last 20 lines that contain text, or the last 20 of all lines if none does.
func (l *Log) Tail(text string) string {
	lines := l.Lines()
	matching := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.Contains(line, text) })
	if len(matching) > 0 {
		lines = matching
	}
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
