package probe

import (
	"sync"

	"github.com/betanet/betanet_exporter/internal/poll"
)

// Limits of a log: of attempts in it, and of logs that are written at the same time.
const (
	maxLogged = 200
	maxLogs   = 8
)

// Logs follow the attempts of targets for as long as somebody wants to read them. The
// zero value is ready for use, and all methods may be called at the same time.
type Logs struct {
	mu   sync.Mutex
	open map[*logOf]struct{}
}

// logOf is the log of one target.
type logOf struct {
	title    string
	attempts []Attempted
}

// Report records what happened while collecting, if somebody wants to know.
func (l *Logs) Report(e poll.Event) {
	a, ok := e.(poll.Attempt)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for one := range l.open {
		if one.title == a.Upstream.DisplayName() && len(one.attempts) < maxLogged {
			one.attempts = append(one.attempts, attempted(a))
		}
	}
}

// begin opens a log of the upstream of a title; ok is false if too many are open.
func (l *Logs) begin(title string) (log *logOf, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= maxLogs {
		return nil, false
	}
	if l.open == nil {
		l.open = make(map[*logOf]struct{})
	}
	log = &logOf{title: title}
	l.open[log] = struct{}{}
	return log, true
}

// end closes a log and returns what is in it.
func (l *Logs) end(log *logOf) []Attempted {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, log)
	return log.attempts
}
