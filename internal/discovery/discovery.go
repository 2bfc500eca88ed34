// Package discovery finds upstreams in files, HTTP documents and DNS.
//
// An invalid target is rejected, and the other targets of its document are used. If a
// document is invalid as a whole, its previous targets are kept.
package discovery

import (
	"context"
	"net/url"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Target is a discovered upstream. It is immutable.
type Target struct {
	Name   string        // the label upstream, by default host:port in lower case
	URL    *url.URL      // http://host:port, or https if the label __scheme__ sets it
	Labels []fleet.Label // of its group, sorted by name; nil if there are none
}

// List is the result of reading a source. It is immutable.
type List struct {
	// Targets has all valid targets in the source's order. Names need not be unique. A
	// document that could not be read contributes its last good targets.
	Targets []Target
	// Rejected has the invalid targets, each with the reason, without secrets.
	Rejected []string
	// Stripped has the names of targets whose labels instance or job were dropped.
	Stripped []string
	// Note is a warning for the operator about a read that did not fail; "" for none.
	Note string
	// Err is set if a document, or the whole source, could not be read.
	Err error
	// Partial is set if Targets is complete except for changes in the documents that Err is
	// about. If Err is set and Partial is not, the targets are unknown.
	Partial bool
}

// A Source lists upstreams.
type Source interface {
	// String returns the value of the label source, without secrets. It omits userinfo,
	// query and fragment of a URL, so two sources may have the same value.
	String() string

	// Run reads the source at once and then regularly until ctx ends. It returns
	// when its goroutines have ended, and may be called once. It calls found from
	// its own goroutine after each read, even if nothing changed, unless the read
	// was interrupted by the end of ctx.
	Run(ctx context.Context, found func(List))
}

// repeat calls read at once and then at an interval, which must be positive, until ctx ends.
// It calls found with each result, except one that is returned after the end of ctx. It skips
// the ticks that a slow read has missed.
func repeat(ctx context.Context, every time.Duration, read func(context.Context) List, found func(List)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		list := read(ctx)
		if ctx.Err() != nil {
			return
		}
		found(list)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
