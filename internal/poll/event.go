package poll

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Event is something that happened while collecting: one of the types below.
// The function that takes them is called from many goroutines and must not
// block.
type Event interface{ event() }

// Source is where an event happened.
type Source struct {
	Upstream *fleet.Upstream
	Replica  string // "" of an upstream with one URL
	Endpoint betanet.Endpoint
}

// Began is the start of a collection.
type Began struct {
	Upstream  *fleet.Upstream
	Replica   string    // that is asked first, "" of an upstream with one URL
	Endpoints int       // how many are asked there
	Due       time.Time // zero if it was not due at a time: at start, or on demand
	Delay     time.Duration
}

// Skipped are collections that could not start when they were due.
type Skipped struct {
	Upstream *fleet.Upstream
	Count    int
}

// Attempt is one request and what follows from it.
type Attempt struct {
	Source
	Number    int              // within the collection, from 1
	Failure   *betanet.Failure // nil on success
	Duration  time.Duration
	Wait      time.Duration // until the retry, where Retry
	Retry     bool
	NoBudget  bool // a retry was due and could not be paid for
	Recurring bool // the endpoint failed in an earlier collection already
	Detecting bool // it only finds out whether the upstream has the other API
}

// Transition is a state that a breaker entered.
type Transition struct {
	Source
	To    breaker.State
	Until time.Time // end of the pause, where To is Open
	Again bool      // To is Open because the probe failed
}

// Cache is how the cache answered one request for a document.
type Cache struct {
	Source
	Result CacheResult
}

// CacheResult is how the cache answered.
type CacheResult string

// The answers of the cache.
const (
	Hit   CacheResult = "hit"   // without a fetch
	Miss  CacheResult = "miss"  // by a fetch
	Stale CacheResult = "stale" // with the last good document, as the fetch failed
)

// Failing says that an endpoint's collection failed and the one before did not,
// or for another reason.
type Failing struct {
	Source
	Failure *betanet.Failure
	First   bool          // the one before did not fail
	Cached  bool          // there are last good values, now flagged stale
	Age     time.Duration // of those
}

// Recovered says that an endpoint gave a document again.
type Recovered struct {
	Source
	After time.Duration // since the first failed collection
	Probe bool          // by the probe that closed its breaker
}

// Switched says that another replica of an upstream is in use.
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
