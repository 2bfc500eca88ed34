package poll

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Event is something that happened while collecting: one of the types below.
// Options.Report is called with them from many goroutines and must not block.
type Event interface{ event() }

// Origin is where an event happened.
type Origin struct {
	Upstream *fleet.Upstream
	Replica  string // "" for an upstream with one URL
	Endpoint betanet.Endpoint
}

// Began is the start of a collection.
type Began struct {
	Upstream  *fleet.Upstream
	Replica   string    // the one requested first, "" for an upstream with one URL
	Endpoints int       // number of endpoints to request there
	Due       time.Time // zero for a collection at start or on demand
	Delay     time.Duration
}

// Skipped are collections that could not start when they were due.
type Skipped struct {
	Upstream *fleet.Upstream
	Count    int
}

// Attempt is one request and its consequences.
type Attempt struct {
	Origin
	Number    int              // within the collection, from 1
	Failure   *betanet.Failure // nil on success
	Duration  time.Duration
	Wait      time.Duration // until the retry, if Retry is set
	Retry     bool
	NoBudget  bool // a retry was due, but the budget was empty
	Recurring bool // the previous collection of the endpoint failed
	Detecting bool // it only detects the API
}

// Transition is a state that a breaker entered.
type Transition struct {
	Origin
	To    breaker.State
	Until time.Time // end of the pause, if To is Open
	Again bool      // To is Open because the probe failed
}

// Cache reports how the cache served one request for a document.
type Cache struct {
	Origin
	Result CacheResult
}

// CacheResult is the way the cache served a request.
type CacheResult string

// The cache results.
const (
	CacheHit   CacheResult = "hit"   // without a fetch
	CacheMiss  CacheResult = "miss"  // by a fetch
	CacheStale CacheResult = "stale" // with the last good document, as the fetch failed
)

// Failing reports that the collection of an endpoint failed, and that the previous one
// did not or failed for another reason.
type Failing struct {
	Origin
	Failure *betanet.Failure
	First   bool          // the previous collection did not fail
	Cached  bool          // last good values are shown, now flagged as stale
	Age     time.Duration // of the last good values
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

// Ended is the end of a collection.
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
