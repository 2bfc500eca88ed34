package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

// knownTarget is an allowed target. Like a configured upstream, it has its own breakers,
// cache and connections.
type knownTarget struct {
	upstream *fleet.Upstream
	resolved []netip.Addr // addresses that were checked last; empty if the name did not resolve
	used     uint64       // higher is more recent
	view     *fleet.View  // at the end of the last collection; pending before the first
	cancel   context.CancelFunc
}

// collection is a running check and collection of one target. All callers that wait for
// it share it.
type collection struct {
	done chan struct{} // closed when the other fields are set
	view *fleet.View
	late bool // the collection had not finished when the exporter began to stop
	err  error
}

// join returns the running collection of a target, or starts one with a limit.
func (t *Targets) join(a target, limit time.Duration) (*collection, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.collections[a]; c != nil {
		return c, nil
	}
	switch k := t.known[a]; {
	case k != nil:
		t.uses++
		k.used = t.uses
	case !t.rules.couldMatch(a):
		return nil, forbidden(a, t.rules.check(a, nil))
	}
	switch {
	case t.stopped || t.ctx.Err() != nil:
		return nil, errStopping
	case len(t.collections) >= maxCollections:
		return nil, fmt.Errorf("the limit of %d concurrent collections of targets that are not configured is reached; %w", maxCollections, ErrBusy)
	}
	c := &collection{done: make(chan struct{})}
	t.collections[a] = c
	t.running.Go(func() { t.collect(a, c, limit) })
	return c, nil
}

// collect checks and collects a target.
func (t *Targets) collect(a target, c *collection, limit time.Duration) {
	start := time.Now()
	k, err := t.admit(a, limit/2)
	var v *fleet.View
	if err == nil {
		v, c.late = t.o.Poller.CollectNow(t.ctx, k.upstream, max(limit-time.Since(start), minLimit(&k.upstream.Settings)))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.collections, a)
	switch {
	case err != nil:
		c.err = err
	case t.known[a] != k:
		c.err = forbidden(a, errors.New("the configuration changed during the collection"))
	case v == nil:
		c.err = errStopping
	default:
		c.view, k.view = v, v
	}
	close(c.done)
}

// partial returns the previous view, for a caller whose limit ends before the collection
// does.
func (t *Targets) partial(a target, c *collection) (v *fleet.View, late bool, err error) {
	select {
	case <-c.done: // the collection ended at the same time
		return c.view, c.late, c.err
	default:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.known[a]; k != nil {
		return k.view, true, nil
	}
	return nil, false, fmt.Errorf("the name of target %s is still being looked up; %w", quote(a.String()), ErrBusy)
}

// admit returns a known target, or checks and adds a new one.
func (t *Targets) admit(a target, limit time.Duration) (*knownTarget, error) {
	t.mu.Lock()
	k := t.known[a]
	t.mu.Unlock()
	if k != nil {
		return k, nil // each connection is checked
	}
	var resolved []netip.Addr
	if a.name != "" {
		ctx, cancel := context.WithTimeout(t.ctx, limit)
		resolved, _ = t.resolve(ctx, a.name) // the collection reports the error
		cancel()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.rules.check(a, resolved); err != nil {
		return nil, forbidden(a, err)
	}
	return t.add(a, resolved)
}

// add adds a target, evicting the least recently used one if there are too many.
// The caller holds the mutex.
func (t *Targets) add(a target, resolved []netip.Addr) (*knownTarget, error) {
	if len(t.known) >= maxKnown {
		t.remove(t.leastRecent())
	}
	ctx, cancel := context.WithCancel(t.ctx)
	t.uses++
	k := &knownTarget{resolved: resolved, used: t.uses, cancel: cancel}
	u := &fleet.Upstream{
		URLs: []*url.URL{{Scheme: "http", Host: a.String()}}, API: t.o.API, Settings: t.o.Settings,
		Dial: t.checkedDial(ctx, a, k),
	}
	if err := t.o.Poller.Add(ctx, u, false); err != nil {
		cancel()
		if errors.Is(err, poll.ErrStopped) {
			err = errStopping
		}
		return nil, err
	}
	k.upstream, k.view = u, pending(u)
	t.known[a] = k
	return k, nil
}

// leastRecent returns the least recently used target that is not being collected.
func (t *Targets) leastRecent() (found target) {
	least := t.uses + 1
	for a, k := range t.known {
		if k.used < least && t.collections[a] == nil {
			found, least = a, k.used
		}
	}
	return found
}

// remove removes a target and ends its collection and connections. The caller
// holds the mutex.
func (t *Targets) remove(a target) {
	k := t.known[a]
	delete(t.known, a)
	t.o.Poller.Remove(k.upstream)
	k.cancel()
}

// pending returns the view of an upstream that has not been collected.
func pending(u *fleet.Upstream) *fleet.View {
	v := &fleet.View{Upstream: u, URL: u.URLs[0], API: u.API}
	if v.API == betanet.Auto {
		v.API = betanet.V1
	}
	for _, e := range v.API.Endpoints() {
		v.Endpoints = append(v.Endpoints, fleet.EndpointView{Endpoint: e})
	}
	return v
}

var errStopping = fmt.Errorf("the exporter is stopping; %w", ErrBusy)

func forbidden(a target, why error) error {
	return fmt.Errorf("%w: %s: %w; want the name of a configured upstream or a target that probe.allow lists", ErrForbidden, quote(a.String()), why)
}
