// Package probe collects the target of a /probe request: a configured upstream, or a host
// and port that probe.allow permits. Anyone who can reach the exporter can choose the target,
// so whether a name is permitted also depends on its addresses. They are checked again for
// each connection, and only checked addresses are dialed.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

// Limits of targets that are not configured.
const (
	maxKnown       = 1000
	maxCollections = 32 // at the same time
)

// The errors of Collect wrap one of these. Their texts are one line each.
var (
	ErrMalformed = errors.New("malformed target")
	ErrForbidden = errors.New("target not allowed")
	ErrBusy      = errors.New("try again later")
)

// Options configures Targets.
type Options struct {
	Poller *poll.Poller
	// Logs records attempts for Debug, which returns none if Logs is nil. Its Report method
	// must receive the events of Poller.
	Logs *Logs
	// Lookup returns the configured or discovered upstream with the given name, or nil.
	Lookup func(name string) *fleet.Upstream
	// Settings and API apply to targets that are not configured, until
	// SetSettings. Such targets have no credentials, labels or proxy.
	Settings fleet.Settings
	API      betanet.API
	// Resolver is net.DefaultResolver if nil.
	Resolver interface {
		LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	}
}

// Targets collects the targets of /probe. Its methods are safe for concurrent use.
type Targets struct {
	o       Options
	ctx     context.Context
	dial    fleet.Dial // for IP addresses
	running sync.WaitGroup

	mu          sync.Mutex
	rules       rules
	known       map[target]*knownTarget
	collections map[target]*collection
	uses        uint64 // of known targets so far
	stopped     bool   // no further collection may start
}

// New returns Targets that permit only configured upstreams until SetRules is called. The
// end of ctx ends the collections of all other targets; Wait waits for them.
func New(ctx context.Context, o Options) *Targets {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Logs == nil {
		o.Logs = new(Logs)
	}
	return &Targets{
		o: o, ctx: ctx, dial: new(net.Dialer).DialContext,
		known: make(map[target]*knownTarget), collections: make(map[target]*collection),
	}
}

// SetRules replaces the rules. Known targets that they do not allow are removed at
// once, with their connections; the others keep their state.
func (t *Targets) SetRules(allow []Rule) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rules = normalize(allow)
	for a, k := range t.known {
		if t.rules.check(a, k.resolved) != nil {
			t.remove(a)
		}
	}
}

// SetSettings replaces the settings of targets that are not configured. If they
// differ, all known targets are removed.
func (t *Targets) SetSettings(s fleet.Settings, api betanet.API) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o.Settings == s && t.o.API == api {
		return
	}
	t.o.Settings, t.o.API = s, api
	for a := range t.known {
		t.remove(a)
	}
}

// settings returns the settings of targets that are not configured.
func (t *Targets) settings() fleet.Settings {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.o.Settings
}

// Wait waits until the context passed to New and all collections of targets that are not
// configured have ended.
func (t *Targets) Wait() {
	<-t.ctx.Done()
	t.mu.Lock()
	t.stopped = true
	t.mu.Unlock()
	t.running.Wait()
}

// Collect collects a target: the name of a configured upstream, or a host:port that the
// rules allow. Concurrent calls share a collection. Collect returns the view after the
// collection, even if the target cannot be reached. If the limit or ctx ends first, it
// returns the previous view and late, and the collection continues. A limit of 0 means
// the timeout in the target's settings.
func (t *Targets) Collect(ctx context.Context, name string, limit time.Duration) (v *fleet.View, late bool, err error) {
	if u := t.o.Lookup(name); u != nil {
		return t.collectConfigured(ctx, u, limit)
	}
	a, err := parse(name)
	if err != nil {
		return nil, false, err
	}
	settings := t.settings()
	wait, collection := times(limit, &settings)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	c, err := t.join(a, collection)
	if err != nil {
		return nil, false, err
	}
	select {
	case <-c.done:
		return c.view, c.late, c.err
	case <-ctx.Done():
		return t.partial(a, c)
	}
}

func (t *Targets) collectConfigured(ctx context.Context, u *fleet.Upstream, limit time.Duration) (*fleet.View, bool, error) {
	wait, collection := times(limit, &u.Settings)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	v, late := t.o.Poller.CollectNow(ctx, u, collection)
	if v == nil {
		return nil, false, fmt.Errorf("the configured upstream %s is being replaced or removed; %w", quote(u.DisplayName()), ErrBusy)
	}
	return v, late, nil
}

// margin is how long a caller waits beyond the limit of its collection.
const margin = 50 * time.Millisecond

// times returns how long a caller with a limit waits, and the limit of its collection. A
// limit of 0 means the timeout in the settings.
func times(limit time.Duration, s *fleet.Settings) (wait, collection time.Duration) {
	wait = s.Timeout + margin
	if limit > 0 {
		wait = min(wait, limit)
	}
	return wait, max(wait-min(margin, wait/10), minLimit(s))
}

// minLimit returns the minimum limit of a collection. Without a minimum, callers with a
// short limit would open the breakers of a healthy target.
func minLimit(s *fleet.Settings) time.Duration { return min(time.Second, s.RequestTimeout) }
