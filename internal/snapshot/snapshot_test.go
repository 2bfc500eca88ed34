package snapshot

import (
	"errors"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
)

// The defaults of --cache.ttl and --cache.max-stale.
const (
	ttl      = 10 * time.Second
	maxStale = 5 * time.Minute
)

var (
	start   = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	timeout = &betanet.Failure{Reason: betanet.ReasonTimeout, Err: errors.New("no answer in time")}
	refused = &betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.New("refused")}
)

func document() *betanet.Document { return betanettest.Metrics{PacketsProcessed: 7}.Doc() }

// fetched is the record of an endpoint that gave a document at the start.
func fetched() (Record, *betanet.Document) {
	d := document()
	return Record{}.Fetched(d, start), d
}

// The seed's cache test: an answer comes from the cache for ten seconds.
func TestTheCacheAnswersWithinItsTTL(t *testing.T) {
	r, _ := fetched()
	for _, c := range []struct {
		age  time.Duration
		want bool
	}{
		{0, true},
		{5 * time.Second, true},
		{ttl - 1, true},
		{ttl, false},
		{time.Minute, false},
	} {
		if got := r.Fresh(start.Add(c.age), ttl); got != c.want {
			t.Errorf("Fresh() at the age of %v: got %v, want %v", c.age, got, c.want)
		}
	}
}

func TestNothingIsFreshBeforeTheFirstDocument(t *testing.T) {
	if (Record{}).Fresh(start, ttl) {
		t.Error("Fresh() of an empty record: got true, want false")
	}
	if (Record{}).Failed(timeout, start).Fresh(start, ttl) {
		t.Error("Fresh() of a record of failures: got true, want false")
	}
}

func TestNothingIsFreshAfterAFailure(t *testing.T) {
	r, _ := fetched()
	r = r.Failed(timeout, start.Add(time.Second))
	if r.Fresh(start.Add(2*time.Second), ttl) {
		t.Error("Fresh(): got true, want false")
	}
	r = r.Fetched(document(), start.Add(3*time.Second))
	if !r.Fresh(start.Add(4*time.Second), ttl) {
		t.Error("Fresh() after recovery: got false, want true")
	}
}

func TestATTLOfZeroCachesNothing(t *testing.T) {
	if r, _ := fetched(); r.Fresh(start, 0) {
		t.Error("Fresh(): got true, want false")
	}
}

func TestADocumentIsNotStaleWhileItIsTheLatest(t *testing.T) {
	r, d := fetched()
	at := start.Add(time.Minute)
	if r.Current(at, maxStale) != d || r.Stale(at, maxStale) {
		t.Errorf("Current(), Stale(): got %v, %v, want the document and false", r.Current(at, maxStale), r.Stale(at, maxStale))
	}
}

func TestTheLastDocumentIsStaleAfterAFailure(t *testing.T) {
	r, d := fetched()
	r = r.Failed(timeout, start.Add(15*time.Second))
	at := start.Add(16 * time.Second)
	if r.Current(at, maxStale) != d || !r.Stale(at, maxStale) {
		t.Errorf("Current(), Stale(): got %v, %v, want the document and true", r.Current(at, maxStale), r.Stale(at, maxStale))
	}
	if !r.At.Equal(start) {
		t.Errorf("At: got %v, want %v, when the document was fetched", r.At, start)
	}
}

func TestAFailureKeepsTheDocumentAndItsAge(t *testing.T) {
	r, d := fetched()
	for i := range 30 {
		r = r.Failed(timeout, start.Add(time.Duration(i)*15*time.Second))
	}
	if got := r.Expires(maxStale); r.Doc != d || !got.Equal(start.Add(maxStale)) {
		t.Errorf("Doc, Expires(): got %v, %v, want %v, %v", r.Doc, got, d, start.Add(maxStale))
	}
}

func TestADocumentExpiresExactlyAtTheLimit(t *testing.T) {
	healthy, d := fetched()
	for name, r := range map[string]Record{
		"after a failure":     healthy.Failed(timeout, start.Add(time.Second)),
		"that was not tried":  healthy, // nobody asked again; it is too old all the same
		"after two failures ": healthy.Failed(timeout, start.Add(time.Second)).Failed(refused, start.Add(time.Minute)),
	} {
		end := r.Expires(maxStale)
		if !end.Equal(start.Add(maxStale)) {
			t.Errorf("%s: Expires(): got %v, want %v", name, end, start.Add(maxStale))
		}
		if got := r.Current(end.Add(-1), maxStale); got != d {
			t.Errorf("%s: Current() just before: got %v, want the document", name, got)
		}
		if got := r.Current(end, maxStale); got != nil {
			t.Errorf("%s: Current() at the limit: got %v, want nil", name, got)
		}
		if r.Stale(end, maxStale) {
			t.Errorf("%s: Stale() at the limit: got true, want false, for nothing is shown", name)
		}
	}
}

func TestALimitOfZeroIsForEver(t *testing.T) {
	r, d := fetched()
	r = r.Failed(timeout, start.Add(time.Second))
	at := start.AddDate(50, 0, 0)
	if r.Current(at, 0) != d || !r.Stale(at, 0) {
		t.Errorf("Current(), Stale(): got %v, %v, want the document and true", r.Current(at, 0), r.Stale(at, 0))
	}
	if got := r.Expires(0); !got.IsZero() {
		t.Errorf("Expires(): got %v, want the zero time", got)
	}
}

func TestWithoutADocumentNothingIsStale(t *testing.T) {
	for _, r := range []Record{{}, Record{}.Failed(timeout, start)} {
		for _, limit := range []time.Duration{0, maxStale} {
			if r.Stale(start, limit) || r.Current(start, limit) != nil || !r.Expires(limit).IsZero() {
				t.Errorf("Stale(), Current(), Expires(): got %v, %v, %v, want false, nil, zero",
					r.Stale(start, limit), r.Current(start, limit), r.Expires(limit))
			}
		}
	}
}

func TestARecordIsUpAfterADocument(t *testing.T) {
	good, _ := fetched()
	for name, c := range map[string]struct {
		r         Record
		up, tried bool
	}{
		"empty":                {Record{}, false, false},
		"fetched":              {good, true, true},
		"failed":               {Record{}.Failed(timeout, start), false, true},
		"failed with document": {good.Failed(timeout, start), false, true},
		"recovered":            {good.Failed(timeout, start).Fetched(document(), start), true, true},
	} {
		if c.r.Up() != c.up || c.r.Tried != c.tried {
			t.Errorf("%s: Up(), Tried: got %v, %v, want %v, %v", name, c.r.Up(), c.r.Tried, c.up, c.tried)
		}
	}
}

func TestSinceIsTheBeginningOfTheRunOfFailures(t *testing.T) {
	r, _ := fetched()
	r = r.Failed(timeout, start.Add(15*time.Second))
	r = r.Failed(refused, start.Add(30*time.Second))
	if want := start.Add(15 * time.Second); !r.Since.Equal(want) || r.Failure != refused {
		t.Errorf("Since, Failure: got %v, %v, want %v and the latest", r.Since, r.Failure, want)
	}
	r = r.Fetched(document(), start.Add(45*time.Second))
	if !r.Since.IsZero() || r.Failure != nil {
		t.Errorf("Since, Failure after a document: got %v, %v, want neither", r.Since, r.Failure)
	}
	r = r.Failed(timeout, start.Add(60*time.Second))
	if want := start.Add(60 * time.Second); !r.Since.Equal(want) {
		t.Errorf("Since of the next run: got %v, want %v", r.Since, want)
	}
}

func TestRecordingLeavesTheEarlierRecordAlone(t *testing.T) {
	r, d := fetched()
	r.Failed(timeout, start.Add(time.Second))
	r.Fetched(document(), start.Add(time.Second))
	if r.Doc != d || r.Failure != nil || !r.At.Equal(start) || !r.Since.IsZero() {
		t.Errorf("the earlier record: got %+v, want it unchanged", r)
	}
}
