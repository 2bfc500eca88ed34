// Package fleet knows which upstreams exist, what is known of each at this
// moment, and how to add up counters of services that come, go and restart.
package fleet

import (
	"context"
	"net"
	"net/url"
	"reflect"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/retry"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// Upstream is one Betanet service as it was configured. It never changes.
type Upstream struct {
	Name     string     // value of the label upstream; "" where upstreams have no names
	URLs     []*url.URL // one, or its replicas, of which one at a time is in use
	API      betanet.API
	Settings Settings
	Labels   []Label             // of its data series and betanet_up, sorted by name
	HTTP     *betanet.HTTPConfig // credentials, TLS and proxy; nil for none
	Dial     Dial                // makes its connections, nil for the network's
}

// Dial makes a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Label is a name and a value that an operator gave.
type Label struct{ Name, Value string }

// Same reports whether two upstreams are configured alike in everything, so that
// one may go on with the state of the other.
func (u *Upstream) Same(o *Upstream) bool { return reflect.DeepEqual(u, o) }

// DisplayName names the upstream where people read it, also if it has no name.
func (u *Upstream) DisplayName() string {
	if u.Name != "" {
		return u.Name
	}
	return HostPort(u.URLs[0])
}

// Settings configure how an upstream is collected.
type Settings struct {
	Interval        time.Duration // of the grid of collections
	Timeout         time.Duration // of one collection, retries included
	RequestTimeout  time.Duration // of one attempt
	Attempts        int           // per endpoint and collection
	Backoff         time.Duration // first wait
	MaxBackoff      time.Duration // longest wait
	Jitter          retry.Jitter
	BreakerFailures uint32 // consecutive, that open
	BreakerOpen     time.Duration
	TTL             time.Duration // within which an on-demand collection answers from the cache
	MaxStale        time.Duration // age at which values vanish, 0 for never
	Histogram       bool          // keep the histogram of latencies
	Mixnodes        int           // how many mixnodes have series of their own
}

// View is what is known of an upstream at one moment. It never changes; the
// next change gives another View.
type View struct {
	Upstream  *Upstream
	URL       *url.URL    // the one in use
	Replica   string      // its name, "" of an upstream with one URL
	Standby   []Standby   // the replicas that are not in use
	Switches  uint64      // between replicas
	Resets    uint64      // collections that showed a restart or a counter that fell
	API       betanet.API // V1 or MixnodesAPI; V1 as long as Auto has not found out
	Endpoints []EndpointView
	Totals    Totals
	// CertificateExpiry is when the first of the certificates expires that the URL in
	// use sent last; zero if it sent none.
	CertificateExpiry time.Time
	Duration          time.Duration // of the last finished collection
	Collected         bool          // a collection has finished
	// Collecting says that a collection is running: another view will follow.
	Collecting bool
	Ticked     time.Time // when the last collection was due and not missed
	Polled     bool      // collected on a grid, not only on demand
}

// Standby is an endpoint of a replica that is not in use.
type Standby struct {
	Replica  string
	Endpoint betanet.Endpoint
	Breaker  breaker.State
	Tried    bool // it was asked at least once
}

// EndpointView is one endpoint of a View.
type EndpointView struct {
	Endpoint betanet.Endpoint
	snapshot.Record
	Breaker   breaker.State
	OpenUntil time.Time // zero unless the breaker is open
	NotBefore time.Time // what a Retry-After asked for, zero if nothing did
	Next      time.Time // when it will be asked again
	Attempts  uint64    // since the upstream is there
}

// Up reports whether the last collection of every endpoint succeeded.
func (v *View) Up() bool {
	for i := range v.Endpoints {
		if !v.Endpoints[i].Up() {
			return false
		}
	}
	return true
}

// Tried reports whether a first collection of every endpoint has finished,
// well or badly.
func (v *View) Tried() bool {
	for i := range v.Endpoints {
		if !v.Endpoints[i].Tried {
			return false
		}
	}
	return true
}

// Attempted reports whether the first attempt of every endpoint has finished,
// successfully or not.
func (v *View) Attempted() bool {
	for i := range v.Endpoints {
		if e := &v.Endpoints[i]; e.Attempts == 0 && !e.Tried {
			return false
		}
	}
	return true
}

// Stale reports whether a value that is shown is a last good one, kept because
// fetching failed since.
func (v *View) Stale(now time.Time) bool {
	for i := range v.Endpoints {
		if v.Endpoints[i].Stale(now, v.Upstream.Settings.MaxStale) {
			return true
		}
	}
	return false
}

// NotClosed is how many circuit breakers are open or half-open.
func (v *View) NotClosed() (n int) {
	for i := range v.Endpoints {
		if v.Endpoints[i].Breaker != breaker.Closed {
			n++
		}
	}
	return n
}

// State is the state of an upstream as a whole.
type State string

// The states of an upstream.
const (
	Up      State = "up"      // every endpoint's last collection succeeded
	Stale   State = "stale"   // one failed, and there are values to show
	Down    State = "down"    // one failed, and there is nothing to show
	Pending State = "pending" // not yet tried
)

// Shows reports whether a value is shown at the given moment.
func (v *View) Shows(now time.Time) bool {
	for i := range v.Endpoints {
		if v.Endpoints[i].Current(now, v.Upstream.Settings.MaxStale) != nil {
			return true
		}
	}
	return false
}

// State tells how the upstream is at the given moment.
func (v *View) State(now time.Time) State {
	failed, shown := false, false
	for i := range v.Endpoints {
		failed = failed || v.Endpoints[i].Failure != nil
		shown = shown || v.Endpoints[i].Current(now, v.Upstream.Settings.MaxStale) != nil
	}
	switch {
	case v.Up():
		return Up
	case failed && shown:
		return Stale
	case v.Tried():
		return Down
	default:
		return Pending
	}
}

// Expires is the first moment at which a value of the view is too old to be
// shown, the zero time if that never comes.
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

// State tells how the endpoint is at the given moment.
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
