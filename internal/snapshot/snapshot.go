// Package snapshot remembers the last good document of an endpoint and reports whether
// it is fresh, stale or expired. Ages are monotonic: setting the wall clock does not
// change them.
package snapshot

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// Record is the state of one endpoint. Its methods return a changed copy, so that
// readers never see a record change.
type Record struct {
	Doc     *betanet.Document // last good document, nil if none is kept
	At      time.Time         // when it was fetched
	Tried   bool              // a collection has finished, successfully or not
	Failure *betanet.Failure  // of the last collection, nil if it succeeded
	Since   time.Time         // when the current series of failures began
}

// Fetched records a good document.
func (r Record) Fetched(doc *betanet.Document, now time.Time) Record {
	return Record{Doc: doc, At: now, Tried: true}
}

// Failed records a failed collection. The last good document is kept.
func (r Record) Failed(f *betanet.Failure, now time.Time) Record {
	if r.Failure == nil {
		r.Since = now
	}
	r.Tried, r.Failure = true, f
	return r
}

// Up reports whether the last collection succeeded.
func (r Record) Up() bool { return r.Tried && r.Failure == nil }

// Fresh reports whether an on-demand collection may use the record: its document is
// younger than ttl, and nothing has failed since.
func (r Record) Fresh(now time.Time, ttl time.Duration) bool {
	return r.Doc != nil && r.Failure == nil && now.Sub(r.At) < ttl
}

// Current returns the document, or nil if it may no longer be shown. A maxStale of 0
// means no limit.
func (r Record) Current(now time.Time, maxStale time.Duration) *betanet.Document {
	if r.Doc == nil || maxStale > 0 && now.Sub(r.At) >= maxStale {
		return nil
	}
	return r.Doc
}

// Expires returns the time from which on Current returns nil, zero for never.
func (r Record) Expires(maxStale time.Duration) time.Time {
	if r.Doc == nil || maxStale == 0 {
		return time.Time{}
	}
	return r.At.Add(maxStale)
}

// Stale reports whether a document is shown although the last collection failed.
func (r Record) Stale(now time.Time, maxStale time.Duration) bool {
	return r.Failure != nil && r.Current(now, maxStale) != nil
}
