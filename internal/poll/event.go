package poll

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// An Event is something that happened while collecting: one of the types below.
type Event interface{ event() }

// Origin is the document that an event is about, and where it is collected.
type Origin struct {
	Upstream *fleet.Upstream
	Replica  string // "" for an upstream with one URL
	Endpoint betanet.Endpoint
}

// Began reports the start of a collection.
type Began struct {
	Upstream  *fleet.Upstream
	Replica   string        // requested first, "" for an upstream with one URL
	Endpoints int           // number of endpoints to request there
	Due       time.Time     // zero for an initial or on-demand collection
	Delay     time.Duration // since Due
}

// Skipped reports scheduled collections that did not start, because another was running
// or the process was stopped.
type Skipped struct {
	Upstream *fleet.Upstream
	Count    int
}

// Attempt reports the result of one request and whether it will be retried.
type Attempt struct {
	Origin
	Number    int              // within the collection, from 1
	Failure   *betanet.Failure // nil on success
	Duration  time.Duration
	Wait      time.Duration // until the retry, if Retry is set
	Retry     bool
	NoBudget  bool // it will not be retried, because the retry budget is empty
	Recurring bool // the previous collection of the endpoint failed
	Detecting bool // it was made only to detect the API
}

// Transition reports that a breaker changed its state.
type Transition struct {
	Origin
	To    breaker.State
	Until time.Time // end of the pause, if To is Open
	Again bool      // the breaker is open again because the probe failed
}

// Cache reports how the cache served one request for a document.
type Cache struct {
	Origin
	Result CacheResult
}

// CacheResult is how the cache served a request.
type CacheResult string

// The cache results.
const (
	CacheHit   CacheResult = "hit"   // without a fetch
	CacheMiss  CacheResult = "miss"  // by a fetch, or not at all if the fetch failed
	CacheStale CacheResult = "stale" // with the last good document, because a fetch failed or is not allowed
)

// Failing reports that collecting an endpoint failed, unless the previous collection failed
// for the same reason.
type Failing struct {
	Origin
	Failure *betanet.Failure
	First   bool          // the previous collection, if any, did not fail
	Cached  bool          // the last good values are still shown, flagged as stale
	Age     time.Duration // of the last good values, if Cached is set
}

// Recovered reports that an endpoint returned a document again.
type Recovered struct {
	Origin
	After time.Duration // since the first failed collection
	Probe bool          // by the probe that closed its breaker
}

// Switched reports that another replica of an upstream is in use.
type Switched struct {
	Upstream *fleet.Upstream
	From, To string
}

// Ended reports the end of a collection.
type Ended struct {
	View     *fleet.View
	Duration time.Duration
}

func (Began) event()      {}
func (Skipped) event()    {}
func (Attempt) event()    {}
func (Transition) event() {}
func (Cache) event()      {}
func (Failing) event()    {}
func (Recovered) event()  {}
func (Switched) event()   {}
func (Ended) event()      {}
