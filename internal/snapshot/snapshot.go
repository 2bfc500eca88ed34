// Package snapshot keeps the last good document of an endpoint and determines whether it is
// fresh, stale or expired. Ages are based on the monotonic clock, so setting the wall clock
// does not change them.
package snapshot

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// A Record is the state of one endpoint. It is immutable: Fetched and Failed return a
// changed copy.
type Record struct {
	Doc     *betanet.Document // last good document, nil if there is none
	At      time.Time         // when it was fetched
	Tried   bool              // a collection has finished, successfully or not
	Failure *betanet.Failure  // of the last collection, nil if it succeeded
	Since   time.Time         // when the current run of failures began, zero without a failure
}

// Fetched returns the record after a good document was fetched.
func (r Record) Fetched(doc *betanet.Document, now time.Time) Record {
	return Record{Doc: doc, At: now, Tried: true}
}

// Failed returns the record after a collection failed. It keeps the last good document.
func (r Record) Failed(f *betanet.Failure, now time.Time) Record {
	if r.Failure == nil {
		r.Since = now
	}
	r.Tried, r.Failure = true, f
	return r
}

// Up reports whether the last collection succeeded.
func (r Record) Up() bool { return r.Tried && r.Failure == nil }

// Fresh reports whether an on-demand collection may use the document: it is younger than
// ttl, and no collection has failed since.
func (r Record) Fresh(now time.Time, ttl time.Duration) bool {
	return r.Doc != nil && r.Failure == nil && now.Sub(r.At) < ttl
}

// Current returns the document, or nil if there is none or it is too old to be shown.
// A maxStale of 0 means no limit.
func (r Record) Current(now time.Time, maxStale time.Duration) *betanet.Document {
	if r.Doc == nil || maxStale > 0 && now.Sub(r.At) >= maxStale {
		return nil
	}
	return r.Doc
}

// Expires returns when Current begins to return nil, or the zero time if that never
// happens or there is no document.
func (r Record) Expires(maxStale time.Duration) time.Time {
	if r.Doc == nil || maxStale == 0 {
		return time.Time{}
	}
	return r.At.Add(maxStale)
}

// Stale reports whether the document is still shown although the last collection failed.
func (r Record) Stale(now time.Time, maxStale time.Duration) bool {
	return r.Failure != nil && r.Current(now, maxStale) != nil
}
