package blackbox

import (
	"bufio"
	"io"
	"strings"
	"sync"
)

// logTail keeps the end of what the program writes.
type logTail struct {
	mu   sync.Mutex
	kept []string
}

const keptLogLines = 5000

func (l *logTail) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		l.mu.Lock()
		l.kept = append(l.kept, lines.Text())
		if len(l.kept) > 2*keptLogLines {
			l.kept = append([]string(nil), l.kept[keptLogLines:]...)
		}
		l.mu.Unlock()
	}
	io.Copy(io.Discard, r)
}

// all is every line that was kept.
func (l *logTail) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.kept...)
}

func (l *logTail) contains(word string) bool { return l.around(word) != "" }

// around is the first line with word in it and those that follow.
func (l *logTail) around(word string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, line := range l.kept {
		if strings.Contains(line, word) {
			return strings.Join(l.kept[i:min(i+60, len(l.kept))], "\n")
		}
	}
	return ""
}

// lines is the last lines that mention word, or the last ones of all if none does.
func (l *logTail) lines(word string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, line := range l.kept {
		if strings.Contains(line, word) {
			found = append(found, line)
		}
	}
	if len(found) == 0 {
		found = l.kept
	}
	return strings.Join(found[max(0, len(found)-20):], "\n")
}

// until reads lines into the log until one has word in it.
func (l *logTail) until(word string, lines *bufio.Reader) error {
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.kept = append(l.kept, strings.TrimSuffix(line, "\n"))
		l.mu.Unlock()
		if strings.Contains(line, word) {
			return nil
		}
	}
}
