// Package fleet defines upstreams and their state, and sums the counters of services
// that come, go and restart.
package fleet

import (
	"context"
	"net"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/retry"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// Upstream is one configured Betanet service. It is immutable.
type Upstream struct {
	Name     string     // value of the label upstream, "" for none
	URLs     []*url.URL // the replicas; one at a time is in use
	API      betanet.API
	Settings Settings
	Labels   []Label             // of all its series, sorted by name
	HTTP     *betanet.HTTPConfig // credentials, TLS and proxy; nil for none
	Dial     Dial                // opens its connections, nil for the default
}

// A Dial function opens a connection, like net.Dialer.DialContext.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Label is a label that an operator configured.
type Label struct{ Name, Value string }

// Same reports whether two upstreams have the same configuration, so that one may
// continue with the state of the other. It is false for different upstreams with a Dial
// function, because functions cannot be compared.
func (u *Upstream) Same(o *Upstream) bool { return reflect.DeepEqual(u, o) }

// DisplayName returns the name, or the host and port of an upstream without one.
func (u *Upstream) DisplayName() string {
	if u.Name != "" {
		return u.Name
	}
	return HostPort(u.URLs[0])
}

// Settings configure how an upstream is collected.
type Settings struct {
	Interval        time.Duration // between two collections
	Timeout         time.Duration // of one collection, retries included
	RequestTimeout  time.Duration // of one attempt
	Attempts        int           // per endpoint and collection
	Backoff         time.Duration // first wait before a retry
	MaxBackoff      time.Duration // longest wait before a retry
	Jitter          retry.Jitter
	BreakerFailures uint32        // consecutive failures that open a breaker
	BreakerOpen     time.Duration // how long a breaker stays open
	TTL             time.Duration // maximum age of a cached document in an on-demand collection
	MaxStale        time.Duration // age at which values disappear, 0 for never
	Histogram       bool          // enable the latency histogram
	Mixnodes        int           // maximum number of mixnodes with series of their own
}

// View is the state of an upstream at one moment. It is immutable: a change makes a
// new View.
type View struct {
	Upstream  *Upstream
	URL       *url.URL    // in use
	Replica   string      // the replica in use, "" if there is only one URL
	Standby   []Standby   // replicas that are not in use
	Switches  uint64      // between replicas
	Resets    uint64      // collections that showed a restart or a counter that fell
	API       betanet.API // V1 or MixnodesAPI; V1 until it is detected
	Endpoints []EndpointView
	Totals    Totals
	// CertificateExpiry is the earliest expiry among the certificates that the replica in
	// use sent last; zero if it sent none.
	CertificateExpiry time.Time
	Duration          time.Duration // of the last finished collection
	Collected         bool          // a collection has finished
	// Collecting means that a collection is running: another view will follow.
	Collecting bool
	Ticked     time.Time // start of the last scheduled collection, or when the upstream was added
	Polled     bool      // collected on a schedule, not only on demand
}

// Standby is an endpoint of a replica that is not in use.
type Standby struct {
	Replica  string
	Endpoint betanet.Endpoint
	Breaker  breaker.State
	Tried    bool // it was requested at least once
}

// EndpointView is one endpoint of a View.
type EndpointView struct {
	Endpoint betanet.Endpoint
	snapshot.Record
	Breaker   breaker.State
	OpenUntil time.Time // zero unless the breaker is open
	NotBefore time.Time // when Retry-After allows the next request, zero if none applies
	Next      time.Time // time of the next request
	Attempts  uint64    // since the upstream was added
}

// Up reports whether the last collection of every endpoint succeeded.
func (v *View) Up() bool {
	return !slices.ContainsFunc(v.Endpoints, func(e EndpointView) bool { return !e.Up() })
}

// Tried reports whether the first collection of every endpoint has finished,
// successfully or not.
func (v *View) Tried() bool {
	return !slices.ContainsFunc(v.Endpoints, func(e EndpointView) bool { return !e.Tried })
}

// Attempted reports whether the first attempt of every endpoint has finished,
// successfully or not.
func (v *View) Attempted() bool {
	return !slices.ContainsFunc(v.Endpoints, func(e EndpointView) bool { return e.Attempts == 0 && !e.Tried })
}

// Stale reports whether any value shown is the last good one because fetching has failed
// since.
func (v *View) Stale(now time.Time) bool {
	return slices.ContainsFunc(v.Endpoints, func(e EndpointView) bool { return e.Stale(now, v.Upstream.Settings.MaxStale) })
}

// NotClosed returns the number of circuit breakers that are open or half-open.
func (v *View) NotClosed() (n int) {
	for i := range v.Endpoints {
		if v.Endpoints[i].Breaker != breaker.Closed {
			n++
		}
	}
	return n
}

// State is the state of an upstream, or of one endpoint.
type State string

// The states of an upstream. The state of an endpoint is the state of an upstream with
// only that endpoint.
const (
	Up      State = "up"      // every endpoint's last collection succeeded
	Stale   State = "stale"   // one failed, and values are shown
	Down    State = "down"    // every endpoint was tried, and no values are shown
	Pending State = "pending" // an endpoint was not yet tried
)

// Shows reports whether any value is shown at the given time.
func (v *View) Shows(now time.Time) bool {
	return slices.ContainsFunc(v.Endpoints, func(e EndpointView) bool { return e.Current(now, v.Upstream.Settings.MaxStale) != nil })
}

// State returns the state of the upstream at the given time.
func (v *View) State(now time.Time) State {
	failed := slices.ContainsFunc(v.Endpoints, func(e EndpointView) bool { return e.Failure != nil })
	switch {
	case v.Up():
		return Up
	case failed && v.Shows(now):
		return Stale
	case v.Tried():
		return Down
	default:
		return Pending
	}
}

// Expires returns the next time at which a value becomes too old to be shown, zero if
// none does.
func (v *View) Expires(now time.Time) time.Time {
	var first time.Time
	for i := range v.Endpoints {
		at := v.Endpoints[i].Expires(v.Upstream.Settings.MaxStale)
		if at.After(now) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// State returns the state of the endpoint at the given time.
func (e *EndpointView) State(now time.Time, maxStale time.Duration) State {
	switch {
	case e.Up():
		return Up
	case e.Stale(now, maxStale):
		return Stale
	case e.Tried:
		return Down
	default:
		return Pending
	}
}
