package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Limits of what the service manager is told: how often its line about the
// upstreams may change, how many words may wait for it to read them, and how
// long the end of the program waits for the last one.
const (
	statusEvery    = 5 * time.Second
	maxUntold      = 32
	partingTimeout = 200 * time.Millisecond
)

// notifier tells the service manager that started the process, systemd with
// Type=notify, how it is doing. A service manager that does not read must not
// stop the collecting: what does not fit into the queue is lost. A nil notifier has
// nobody to tell.
type notifier struct {
	words    *queue[string]
	watchdog time.Duration // how long the service manager does without a sign of life, 0 for no limit
	failed   atomic.Bool   // the last reload
}

// notifySystemd makes the notifier that the environment asks for.
func notifySystemd() (*notifier, error) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil, nil
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return nil, err
	}
	return newNotifier(func(word string) {
		_, _ = daemon.SdNotify(false, word) // who cannot hear it cannot be told
	}, watchdog), nil
}

func newNotifier(say func(word string), watchdog time.Duration) *notifier {
	return &notifier{words: newQueue(maxUntold, say), watchdog: watchdog}
}

func (n *notifier) tell(word string) {
	if n != nil {
		n.words.put(word)
	}
}

// ready says that the start is over: the sockets are open and the configuration
// is in force. Upstreams may be down; that is what the exporter is there to tell.
func (n *notifier) ready() { n.tell(daemon.SdNotifyReady) }

// reloading says that a reload has begun, reloaded that it has ended. After one
// that failed the service is as ready as before, and its status says so.
func (n *notifier) reloading() {
	word := daemon.SdNotifyReloading
	if t := monotonicUsec(); t != "" {
		word += "\nMONOTONIC_USEC=" + t
	}
	n.tell(word)
}

func (n *notifier) reloaded(ok bool) {
	if n != nil {
		n.failed.Store(!ok)
	}
	n.ready()
}

// watch tells how the upstreams are whenever that has changed, and gives signs of
// life as long as collecting goes on, until ctx ends. It looks for life more
// often than the service manager asks for it: being late once is no death.
func (n *notifier) watch(ctx context.Context, r *exposition.Registry, onDemand bool) {
	if n == nil {
		return
	}
	look := statusEvery
	if n.watchdog > 0 {
		look = min(look, n.watchdog/2)
	}
	changes, life := time.NewTicker(statusEvery), time.NewTicker(look)
	defer changes.Stop()
	defer life.Stop()
	last := n.status("", r, onDemand)
	for {
		select {
		case <-ctx.Done():
			n.tell(daemon.SdNotifyStopping)
			return
		case <-changes.C:
			last = n.status(last, r, onDemand)
		case <-life.C:
			if n.watchdog > 0 && fleet.Alive(r.Views(), time.Now()) {
				n.tell(daemon.SdNotifyWatchdog)
			}
		}
	}
}

// status tells how the upstreams are if that is not what was told last, and
// returns it.
func (n *notifier) status(last string, r *exposition.Registry, onDemand bool) string {
	line := "Collecting on demand"
	if !onDemand {
		line = summary(r.Views(), time.Now())
	}
	if n.failed.Load() {
		line += "; the last reload failed, see the log"
	}
	if line != last {
		n.tell("STATUS=" + line)
	}
	return line
}

// close says what waits, if that is possible within partingTimeout.
func (n *notifier) close() {
	if n != nil {
		n.words.close(partingTimeout)
	}
}

// summary is how the upstreams are, in one line.
func summary(views []*fleet.View, now time.Time) string {
	n := make(map[fleet.State]int)
	for _, v := range views {
		n[v.State(now)]++
	}
	line := fmt.Sprintf("Watching %d upstreams", len(views))
	if len(views) == 1 {
		line = "Watching 1 upstream"
	}
	var states []string
	for _, s := range []fleet.State{fleet.Up, fleet.Stale, fleet.Down, fleet.Pending} {
		if n[s] > 0 {
			states = append(states, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	if len(states) > 0 {
		line += ": " + strings.Join(states, ", ")
	}
	return line
}
