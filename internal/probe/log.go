package probe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

const (
	maxLogged = 200 // attempts per log
	maxLogs   = 8   // open logs at the same time
)

// Attempt is one request, as /probe?debug=true shows it.
type Attempt struct {
	Ended    time.Time
	Endpoint betanet.Endpoint
	Replica  string // "" for an upstream with one URL
	Number   int    // within the collection, from 1
	Took     time.Duration
	Failure  *betanet.Failure // nil on success
	Retry    bool             // another attempt follows after Wait
	Wait     time.Duration
	NoBudget bool // the retry budget was exhausted
}

// Logs records the attempts of targets while their logs are open. The zero value is
// ready to use. Its methods are safe for concurrent use.
type Logs struct {
	mu   sync.Mutex
	logs map[*attemptLog]struct{}
}

// attemptLog is an open log of one target.
type attemptLog struct {
	name     string // display name of the target
	attempts []Attempt
}

// Report adds an attempt to the open logs of its target. It ignores other events.
func (l *Logs) Report(e poll.Event) {
	a, ok := e.(poll.Attempt)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for log := range l.logs {
		if log.name == a.Upstream.DisplayName() && len(log.attempts) < maxLogged {
			log.attempts = append(log.attempts, Attempt{
				Ended: time.Now(), Endpoint: a.Endpoint, Replica: a.Replica, Number: a.Number, Took: a.Duration,
				Failure: a.Failure, Retry: a.Retry, Wait: a.Wait, NoBudget: a.NoBudget,
			})
		}
	}
}

// open opens a log of the target with a display name. ok is false if too many logs are
// open.
func (l *Logs) open(name string) (log *attemptLog, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.logs) >= maxLogs {
		return nil, false
	}
	if l.logs == nil {
		l.logs = make(map[*attemptLog]struct{})
	}
	log = &attemptLog{name: name}
	l.logs[log] = struct{}{}
	return log, true
}

// close closes a log and returns its attempts.
func (l *Logs) close(log *attemptLog) []Attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.logs, log)
	return log.attempts
}

// Debug is like Collect, but also returns the attempts that are made meanwhile, at most
// maxLogged. If maxLogs calls of Debug are already running, it returns an error that wraps
// ErrBusy.
func (t *Targets) Debug(ctx context.Context, name string, limit time.Duration) (v *fleet.View, late bool, log []Attempt, err error) {
	displayName := name
	if t.o.Lookup(name) == nil {
		a, err := parse(name)
		if err != nil {
			return nil, false, nil, err
		}
		displayName = a.String()
	}
	attempts, ok := t.o.Logs.open(displayName)
	if !ok {
		return nil, false, nil, fmt.Errorf("the limit of %d concurrent debug requests is reached; %w", maxLogs, ErrBusy)
	}
	v, late, err = t.Collect(ctx, name, limit)
	return v, late, t.o.Logs.close(attempts), err
}
