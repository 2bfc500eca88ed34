package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Limits of the notifications: the minimum time between two status lines, the
// length of the queue, and how long a shutdown waits until the queue is empty.
const (
	statusInterval  = 5 * time.Second
	maxQueuedStates = 32
	notifyTimeout   = 200 * time.Millisecond
)

// notifier reports the state of the program to systemd, for Type=notify. A service
// manager that does not read must not block the exporter, so notifications that do
// not fit into the queue are dropped. A nil notifier does nothing.
type notifier struct {
	states   *queue[string]
	watchdog time.Duration // maximum time between two keep-alives, 0 without a watchdog
}

// newSystemdNotifier returns a notifier for systemd, or nil if no service manager
// expects notifications.
func newSystemdNotifier() (*notifier, error) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil, nil
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return nil, err
	}
	send := func(state string) { _, _ = daemon.SdNotify(false, state) } // best effort
	return newNotifier(send, watchdog), nil
}

func newNotifier(send func(state string), watchdog time.Duration) *notifier {
	return &notifier{states: newQueue(maxQueuedStates, send), watchdog: watchdog}
}

func (n *notifier) notify(state string) {
	if n != nil {
		n.states.put(state)
	}
}

// ready reports that the sockets are open and a configuration is in effect. Upstreams
// may be down.
func (n *notifier) ready() { n.notify(daemon.SdNotifyReady) }

// reloading reports that a reload has begun; ready reports its end.
func (n *notifier) reloading() {
	state := daemon.SdNotifyReloading
	if t := monotonicUsec(); t != "" {
		state += "\nMONOTONIC_USEC=" + t
	}
	n.notify(state)
}

// watch sends the status line when it changes, and keep-alives while collections are
// running, until ctx ends. It checks at least twice in each watchdog interval, so that
// one late keep-alive does not kill the process. At the end it reports the shutdown.
func (n *notifier) watch(ctx context.Context, r *exposition.Registry, onDemand bool, reloadFailed func() bool) {
	if n == nil {
		return
	}
	check := statusInterval
	if n.watchdog > 0 {
		check = min(check, n.watchdog/2)
	}
	changes, keepAlives := time.NewTicker(statusInterval), time.NewTicker(check)
	defer changes.Stop()
	defer keepAlives.Stop()
	last := ""
	update := func() {
		if line := statusLine(r, onDemand, reloadFailed()); line != last {
			n.notify("STATUS=" + line)
			last = line
		}
	}
	update()
	for {
		select {
		case <-ctx.Done():
			n.notify(daemon.SdNotifyStopping)
			return
		case <-changes.C:
			update()
		case <-keepAlives.C:
			if n.watchdog > 0 && fleet.Alive(r.Views(), time.Now()) {
				n.notify(daemon.SdNotifyWatchdog)
			}
		}
	}
}

// close sends the queued notifications. It waits at most notifyTimeout.
func (n *notifier) close() {
	if n != nil {
		n.states.close(notifyTimeout)
	}
}

// statusLine summarizes the upstreams and the last reload.
func statusLine(r *exposition.Registry, onDemand, reloadFailed bool) string {
	line := "Collecting on demand"
	if !onDemand {
		line = summary(r.Views(), time.Now())
	}
	if reloadFailed {
		line += "; the last reload failed, see the log"
	}
	return line
}

// summary returns a text with the number of upstreams in each state.
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
