// Package probe collects the target that a scraper names: a configured upstream,
// or an address that an operator allows. It is the guard of /probe, where
// anybody who can reach the exporter says what it connects to. A target is
// allowed by its addresses, not by its name alone; they are checked again
// whenever a connection is made, and only checked addresses are dialled.
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
	maxKnown   = 1000
	maxFlights = 32
)

// Why a target is not collected. Errors of Collect wrap one of these, in one line
// that says what, why and what is accepted.
var (
	ErrMalformed = errors.New("malformed target")
	ErrForbidden = errors.New("target not allowed")
	ErrBusy      = errors.New("try again later")
)

// Options are what Targets need from outside.
type Options struct {
	Poller *poll.Poller
	// Logs get the events of the poller; nil where nobody debugs.
	Logs *Logs
	// Lookup gives the configured or discovered upstream of a name, or nil.
	Lookup func(name string) *fleet.Upstream
	// Settings and API are those of targets that are not configured, until
	// SetSettings. These have no credentials, labels or proxy.
	Settings fleet.Settings
	API      betanet.API
	// Resolver looks names up, net.DefaultResolver if it is nil.
	Resolver interface {
		LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	}
}

// Targets are what may be probed. All methods may be called at the same time.
type Targets struct {
	o       Options
	ctx     context.Context
	dial    fleet.Dial // of addresses in numbers
	running sync.WaitGroup

	mu      sync.Mutex
	rules   rules
	known   map[target]*entry
	flights map[target]*flight
	uses    uint64
	stopped bool
}

// New makes Targets that allow configured upstreams alone, until SetRules. When
// ctx ends, so do collections that are not configured; Wait waits for that.
func New(ctx context.Context, o Options) *Targets {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Logs == nil {
		o.Logs = new(Logs)
	}
	return &Targets{
		o: o, ctx: ctx, dial: new(net.Dialer).DialContext,
		known: make(map[target]*entry), flights: make(map[target]*flight),
	}
}

// SetRules says what is allowed from now on. Known targets that no longer are go
// at once, with their connections; the others keep what is known of them.
func (t *Targets) SetRules(allow []Rule) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rules = normal(allow)
	for a, e := range t.known {
		if t.rules.check(a, e.resolved) != nil {
			t.forget(a)
		}
	}
}

// SetSettings changes the settings of targets that are not configured. If they
// differ, known targets go, and come back with the new ones.
func (t *Targets) SetSettings(s fleet.Settings, api betanet.API) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.o.Settings == s && t.o.API == api {
		return
	}
	t.o.Settings, t.o.API = s, api
	for a := range t.known {
		t.forget(a)
	}
}

// settings are those of targets that are not configured.
func (t *Targets) settings() fleet.Settings {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.o.Settings
}

// Wait waits, once New's ctx has ended, for everything that Collect began.
func (t *Targets) Wait() {
	<-t.ctx.Done()
	t.mu.Lock()
	t.stopped = true
	t.mu.Unlock()
	t.running.Wait()
}

// Collect collects a target: the configured upstream of that name, or host:port
// that the rules allow. It returns what is known at the end of the collection,
// which calls at the same time share. If the limit is over before, it returns what
// was known, and late; a limit of 0 is that of the target's settings. The end of
// ctx ends the wait and no collection. Without an error there is a view, also of a
// target that cannot be reached.
func (t *Targets) Collect(ctx context.Context, name string, limit time.Duration) (v *fleet.View, late bool, err error) {
	if u := t.o.Lookup(name); u != nil {
		return t.configured(ctx, u, limit)
	}
	a, err := parse(name)
	if err != nil {
		return nil, false, err
	}
	settings := t.settings()
	wait, collection := times(limit, &settings)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	f, err := t.join(a, collection)
	if err != nil {
		return nil, false, err
	}
	select {
	case <-f.done:
		return f.view, f.late, f.err
	case <-ctx.Done():
		return t.soFar(a, f)
	}
}

func (t *Targets) configured(ctx context.Context, u *fleet.Upstream, limit time.Duration) (*fleet.View, bool, error) {
	wait, collection := times(limit, &u.Settings)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	v, late := t.o.Poller.CollectNow(ctx, u, collection)
	if v == nil {
		return nil, false, fmt.Errorf("the configured upstream %s is being replaced or removed; %w", quote(u.DisplayName()), ErrBusy)
	}
	return v, late, nil
}

// margin is for a caller to see the end of a collection.
const margin = 50 * time.Millisecond

// times are how long a caller with a limit waits, and how long a collection for
// it may take.
func times(limit time.Duration, s *fleet.Settings) (wait, collection time.Duration) {
	wait = s.Timeout + margin
	if limit > 0 {
		wait = min(wait, limit)
	}
	return wait, max(wait-min(margin, wait/10), shortest(s))
}

// shortest is the time that a healthy upstream is given in any case: a caller in
// a hurry must not open breakers for all the others.
func shortest(s *fleet.Settings) time.Duration { return min(time.Second, s.RequestTimeout) }
