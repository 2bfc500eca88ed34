// Package discovery watches the places that list upstreams: files, web servers
// and name servers. It says what they list and decides nothing.
//
// A list counts only as a whole: of a document with one mistake nothing is
// taken, and the list before it stands.
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

// A Source watches one place that lists upstreams.
type Source interface {
	// String is the value of the label source. It holds no secret: of a URL
	// userinfo, query and fragment are left out, so that two sources may have
	// the same.
	String() string

	// Run reads the place at once and then again and again until ctx ends, and
	// returns when nothing of it runs any more. It may be called once.
	//
	// After each good read, also if nothing changed, it calls found with the
	// complete list, in the order of the place and with names that are there more
	// than once; after any other with no list and an error that says what was
	// tried. A read that the end of ctx cut short is not reported. The calls come
	// one by one, from the goroutine of Run, and nobody may change a list.
	Run(ctx context.Context, found func([]Target, error))
}

// watch calls read at once and then every so often, and found with each result,
// until ctx ends. A read that takes longer skips the ticks it missed.
func watch(ctx context.Context, every time.Duration, read func(context.Context) ([]Target, error), found func([]Target, error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		list, err := read(ctx)
		if ctx.Err() != nil {
			return
		}
		found(list, err)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
