// Package discovery watches the places that list upstreams: files, web servers
// and name servers. It reports what they list and decides nothing.
//
// A target that is not valid is left out, and the others of its document are
// used. A document that cannot be read as a list of groups keeps the targets that
// it had before.
package discovery

import (
	"context"
	"net/url"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Target is an upstream that a source names. It never changes.
type Target struct {
	Name   string        // the label upstream of its group, else host:port as it stands there
	URL    *url.URL      // http://host:port, or https by __scheme__
	Labels []fleet.Label // of its group, sorted by name; nil for none
}

// List is what a source lists. It never changes.
type List struct {
	// Targets are all valid targets, in the order of the place; names may occur
	// more than once. Of a document that could not be read they are those of its
	// last good content that this source has seen.
	Targets []Target
	// Rejected are the targets that are left out, each with the reason. Their text
	// holds no secret.
	Rejected []string
	// Stripped are the names of targets whose labels instance or job were dropped.
	Stripped []string
	// Note is something that an operator should know although nothing failed.
	Note string
	// Err tells why a document, or the whole source, could not be read.
	Err error
	// Partial reports whether, with an error, Targets are complete except for what
	// the error is about. Otherwise nothing is known of the source's targets.
	Partial bool
}

// A Source watches one place that lists upstreams.
type Source interface {
	// String is the value of the label source. It holds no secret: of a URL
	// userinfo, query and fragment are left out, so that two sources may have
	// the same.
	String() string

	// Run reads the place at once and then again and again until ctx ends, and
	// returns when nothing of it runs any more. It may be called once.
	//
	// After each read, also if nothing changed, it calls found with what is listed
	// now. A read that the end of ctx cut short is not reported. The calls come one
	// by one, from the goroutine of Run.
	Run(ctx context.Context, found func(List))
}

// watch calls read at once and then every so often, and found with each result,
// until ctx ends. A read that takes longer skips the ticks it missed.
func watch(ctx context.Context, every time.Duration, read func(context.Context) List, found func(List)) {
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
