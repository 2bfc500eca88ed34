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
)

// entry is a target that is allowed and remembered: with breakers, cache and
// connections, as a configured upstream has.
type entry struct {
	upstream *fleet.Upstream
	resolved []netip.Addr // that were checked last, none of a name that did not resolve
	used     uint64       // the higher, the later
	view     *fleet.View  // at the end of the last collection
	end      context.CancelFunc
}

// flight is the check and the collection of one target, whoever waits for it.
type flight struct {
	done chan struct{} // closed when the rest is set
	view *fleet.View
	late bool // the exporter stops
	err  error
}

// join gives the flight of a target, a new one if there is none.
func (t *Targets) join(a target, limit time.Duration) (*flight, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.flights[a]; f != nil {
		return f, nil
	}
	switch e := t.known[a]; {
	case e != nil:
		t.uses++
		e.used = t.uses
	case !t.rules.mayAllow(a):
		return nil, forbidden(a, t.rules.check(a, nil))
	}
	switch {
	case t.stopped || t.ctx.Err() != nil:
		return nil, fmt.Errorf("the exporter is stopping; %w", ErrBusy)
	case len(t.flights) >= maxFlights:
		return nil, fmt.Errorf("%d targets that are not configured are being collected already, the limit; %w", maxFlights, ErrBusy)
	}
	f := &flight{done: make(chan struct{})}
	t.flights[a] = f
	t.running.Go(func() { t.fly(a, f, limit) })
	return f, nil
}

// fly checks and collects a target.
func (t *Targets) fly(a target, f *flight, limit time.Duration) {
	start := time.Now()
	e, err := t.admit(a, limit/2)
	var v *fleet.View
	if err == nil {
		v, f.late = t.o.Poller.CollectNow(t.ctx, e.upstream, max(limit-time.Since(start), shortest(&e.upstream.Settings)))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.flights, a)
	switch {
	case err != nil:
		f.err = err
	case t.known[a] != e:
		f.err = forbidden(a, errors.New("the configuration has changed meanwhile"))
	case v == nil:
		f.err = fmt.Errorf("the exporter is stopping; %w", ErrBusy)
	default:
		f.view, e.view = v, v
	}
	close(f.done)
}

// soFar is the answer to a caller whose time is over before the flight is.
func (t *Targets) soFar(a target, f *flight) (v *fleet.View, late bool, err error) {
	select {
	case <-f.done: // at the same moment
		return f.view, f.late, f.err
	default:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.known[a]; e != nil {
		return e.view, true, nil
	}
	return nil, false, fmt.Errorf("the name of target %s is still being looked up; %w", quote(a.String()), ErrBusy)
}

// admit gives the entry of a target, after a check if it is not known.
func (t *Targets) admit(a target, limit time.Duration) (*entry, error) {
	t.mu.Lock()
	e := t.known[a]
	t.mu.Unlock()
	if e != nil {
		return e, nil // connections are checked when they are made
	}
	var resolved []netip.Addr
	if a.name != "" {
		ctx, cancel := context.WithTimeout(t.ctx, limit)
		resolved, _ = t.resolve(ctx, a.name) // collecting tells why it does not
		cancel()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.rules.check(a, resolved); err != nil {
		return nil, forbidden(a, err)
	}
	return t.remember(a, resolved)
}

// remember takes in a target, for the one that was not used for longest if there
// are too many. The caller holds the mutex.
func (t *Targets) remember(a target, resolved []netip.Addr) (*entry, error) {
	if len(t.known) >= maxKnown {
		t.forget(t.oldest())
	}
	ctx, end := context.WithCancel(t.ctx)
	t.uses++
	e := &entry{resolved: resolved, used: t.uses, end: end}
	u := &fleet.Upstream{
		URLs: []*url.URL{{Scheme: "http", Host: a.String()}}, API: t.o.API, Settings: t.o.Settings,
		Dial: t.checkedDial(ctx, a, e),
	}
	if err := t.o.Poller.Add(ctx, u, false); err != nil {
		end()
		return nil, err
	}
	e.upstream, e.view = u, pending(u)
	t.known[a] = e
	return e, nil
}

// oldest is the target that was not used for longest and is not being collected.
func (t *Targets) oldest() (oldest target) {
	least := t.uses + 1
	for a, e := range t.known {
		if e.used < least && t.flights[a] == nil {
			oldest, least = a, e.used
		}
	}
	return oldest
}

// forget ends a target: its collection, its connections, its memory. The caller
// holds the mutex.
func (t *Targets) forget(a target) {
	e := t.known[a]
	delete(t.known, a)
	t.o.Poller.Remove(e.upstream)
	e.end()
}

// pending is the view of an upstream that has not been collected.
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

func forbidden(a target, why error) error {
	return fmt.Errorf("%w: %s: %w; accepted are names of configured upstreams and what probe.allow lists", ErrForbidden, quote(a.String()), why)
}
