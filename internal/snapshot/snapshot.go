// Package snapshot remembers the last good document of an endpoint and says
// what it is still worth: fresh, stale or expired. Ages are monotonic; moving
// the wall clock changes nothing.
package snapshot

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// Record is what is known of one endpoint. It is a value: recording something
// gives a new one, so that readers never see it change.
type Record struct {
	Doc     *betanet.Document // last good document, nil if there never was one
	At      time.Time         // when it was fetched
	Tried   bool              // a collection has finished, well or badly
	Failure *betanet.Failure  // why the last collection failed, nil if it did not
	Since   time.Time         // when the current run of failed collections began
}

// Fetched records a good document.
func (r Record) Fetched(doc *betanet.Document, now time.Time) Record {
	return Record{Doc: doc, At: now, Tried: true}
}

// Failed records a collection that gave no document; the last good one stays.
func (r Record) Failed(f *betanet.Failure, now time.Time) Record {
	if r.Failure == nil {
		r.Since = now
	}
	r.Tried, r.Failure = true, f
	return r
}

// Up reports whether the last collection gave a document.
func (r Record) Up() bool { return r.Tried && r.Failure == nil }

// Fresh reports whether an on-demand collection may answer from the record:
// its document is younger than the TTL, and nothing failed since.
func (r Record) Fresh(now time.Time, ttl time.Duration) bool {
	return r.Doc != nil && r.Failure == nil && now.Sub(r.At) < ttl
}

// Current is the document if it may still be shown, else nil. A limit of 0 is
// none.
func (r Record) Current(now time.Time, maxStale time.Duration) *betanet.Document {
	if r.Doc == nil || maxStale > 0 && now.Sub(r.At) >= maxStale {
		return nil
	}
	return r.Doc
}

// Expires is when Current will begin to give nil, the zero time for never.
func (r Record) Expires(maxStale time.Duration) time.Time {
	if r.Doc == nil || maxStale == 0 {
		return time.Time{}
	}
	return r.At.Add(maxStale)
}

// Stale reports whether the document that is shown is not from the last
// collection.
func (r Record) Stale(now time.Time, maxStale time.Duration) bool {
	return r.Failure != nil && r.Current(now, maxStale) != nil
}
