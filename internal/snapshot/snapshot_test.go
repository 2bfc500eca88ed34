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
	timeout = &betanet.Failure{Reason: betanet.ReasonTimeout, Err: errors.New("no response in time")}
	refused = &betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.New("refused")}
	doc     = betanettest.Metrics{PacketsProcessed: 7}.Doc()
	good    = Record{}.Fetched(doc, start)
	failed  = good.Failed(timeout, start.Add(time.Second))
)

func TestRecordIsFreshWithinTheTTL(t *testing.T) {
	for _, c := range []struct {
		name     string
		r        Record
		age, ttl time.Duration
		want     bool
	}{
		{"just fetched", good, 0, ttl, true},
		{"fetched 5 s ago", good, 5 * time.Second, ttl, true},
		{"just before the TTL", good, ttl - 1, ttl, true},
		{"at the TTL", good, ttl, ttl, false},
		{"long after the TTL", good, time.Minute, ttl, false},
		{"with a TTL of zero", good, 0, 0, false},
		{"before the first document", Record{}, 0, ttl, false},
		{"after only failures", Record{}.Failed(timeout, start), 0, ttl, false},
		{"after a failure", failed, 2 * time.Second, ttl, false},
		{"after recovery", failed.Fetched(doc, start.Add(3*time.Second)), 4 * time.Second, ttl, true},
	} {
		if got := c.r.Fresh(start.Add(c.age), c.ttl); got != c.want {
			t.Errorf("%s: Fresh(): got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestDocumentExpiresExactlyAtTheLimit(t *testing.T) {
	failedOften := good
	for i := range 30 {
		failedOften = failedOften.Failed(timeout, start.Add(time.Duration(i)*15*time.Second))
	}
	for _, c := range []struct {
		name  string
		r     Record
		stale bool
	}{
		{"without a later collection", good, false},
		{"after a failure", failed, true},
		{"after two failures", failed.Failed(refused, start.Add(time.Minute)), true},
		{"after many failures", failedOften, true},
	} {
		end := c.r.Expires(maxStale)
		if !end.Equal(start.Add(maxStale)) || !c.r.At.Equal(start) {
			t.Errorf("%s: Expires(), At: got %v, %v, want %v, %v", c.name, end, c.r.At, start.Add(maxStale), start)
		}
		for _, at := range []time.Time{start.Add(16 * time.Second), start.Add(time.Minute), end.Add(-1)} {
			if got, stale := c.r.Current(at, maxStale), c.r.Stale(at, maxStale); got != doc || stale != c.stale {
				t.Errorf("%s: Current(), Stale() after %v: got %v, %v, want the document and %v", c.name, at.Sub(start), got, stale, c.stale)
			}
		}
		if got, stale := c.r.Current(end, maxStale), c.r.Stale(end, maxStale); got != nil || stale {
			t.Errorf("%s: Current(), Stale() at the limit: got %v, %v, want nil and false", c.name, got, stale)
		}
	}
}

func TestZeroLimitMeansForever(t *testing.T) {
	at := start.AddDate(50, 0, 0)
	if failed.Current(at, 0) != doc || !failed.Stale(at, 0) {
		t.Errorf("Current(), Stale(): got %v, %v, want the document and true", failed.Current(at, 0), failed.Stale(at, 0))
	}
	if got := failed.Expires(0); !got.IsZero() {
		t.Errorf("Expires(): got %v, want the zero time", got)
	}
}

func TestRecordWithoutDocumentIsNeverStale(t *testing.T) {
	for _, r := range []Record{{}, Record{}.Failed(timeout, start)} {
		for _, limit := range []time.Duration{0, maxStale} {
			if r.Stale(start, limit) || r.Current(start, limit) != nil || !r.Expires(limit).IsZero() {
				t.Errorf("Stale(), Current(), Expires(): got %v, %v, %v, want false, nil, zero",
					r.Stale(start, limit), r.Current(start, limit), r.Expires(limit))
			}
		}
	}
}

func TestRecordIsUpAfterADocument(t *testing.T) {
	for name, c := range map[string]struct {
		r         Record
		up, tried bool
	}{
		"empty":                {Record{}, false, false},
		"fetched":              {good, true, true},
		"failed":               {Record{}.Failed(timeout, start), false, true},
		"failed with document": {good.Failed(timeout, start), false, true},
		"recovered":            {good.Failed(timeout, start).Fetched(doc, start), true, true},
	} {
		if c.r.Up() != c.up || c.r.Tried != c.tried {
			t.Errorf("%s: Up(), Tried: got %v, %v, want %v, %v", name, c.r.Up(), c.r.Tried, c.up, c.tried)
		}
	}
}

func TestSinceIsTheFirstOfConsecutiveFailures(t *testing.T) {
	first := start.Add(15 * time.Second)
	r := good.Failed(timeout, first).Failed(refused, start.Add(30*time.Second))
	if !r.Since.Equal(first) || r.Failure != refused {
		t.Errorf("Since, Failure: got %v, %v, want %v and the latest failure", r.Since, r.Failure, first)
	}
	r = r.Fetched(doc, start.Add(45*time.Second))
	if !r.Since.IsZero() || r.Failure != nil {
		t.Errorf("Since, Failure after a document: got %v, %v, want the zero time and nil", r.Since, r.Failure)
	}
	r = r.Failed(timeout, start.Add(60*time.Second))
	if want := start.Add(60 * time.Second); !r.Since.Equal(want) {
		t.Errorf("Since after the next failure: got %v, want %v", r.Since, want)
	}
}

func TestChangesDoNotModifyTheEarlierRecord(t *testing.T) {
	r := good
	r.Failed(timeout, start.Add(time.Second))
	r.Fetched(doc, start.Add(time.Second))
	if r != good {
		t.Errorf("the earlier record: got %+v, want %+v", r, good)
	}
}
