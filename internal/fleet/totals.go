package fleet

import "github.com/betanet/betanet_exporter/internal/betanet"

// Totals are what grows over the documents of an upstream. It is a value.
type Totals struct {
	Latency           Histogram // one observation per fresh document
	Messages, Dropped uint64    // sums over mixnodes, of API mixnodes only
	DroppedKnown      bool      // a mixnode has given its drops
	Resets            uint64    // counters seen to fall
}

// maxDeparted is how many mixnodes that left are remembered per upstream.
const maxDeparted = 1000

// Accumulator makes the Totals of one upstream. It is not safe for concurrent
// use.
type Accumulator struct {
	Totals
	messages, dropped *Sum
}

// Restart forgets what belongs to the documents of one API; counted resets
// stay.
func (a *Accumulator) Restart() {
	*a = Accumulator{Totals: Totals{Resets: a.Resets}}
}

// Fetched takes in a fresh document and the one it replaces, nil if none.
func (a *Accumulator) Fetched(before, doc betanet.Document) {
	switch d := doc.(type) {
	case *betanet.MetricsDoc:
		if b, ok := before.(*betanet.MetricsDoc); ok {
			a.reset(b.PacketsProcessed, d.PacketsProcessed)
			a.reset(b.PacketsDropped, d.PacketsDropped)
		}
	case *betanet.NetworkDoc:
		if b, ok := before.(*betanet.NetworkDoc); ok {
			a.reset(b.BytesTransmitted, d.BytesTransmitted)
			a.reset(b.BytesReceived, d.BytesReceived)
		}
		a.Latency.Observe(d.AvgLatencyMS / 1000)
	case betanet.MixnodesDoc:
		a.mixnodes(d)
	}
}

func (a *Accumulator) reset(before, now uint64) {
	if now < before {
		a.Resets++
	}
}

func (a *Accumulator) mixnodes(d betanet.MixnodesDoc) {
	if a.messages == nil {
		a.messages, a.dropped = NewSum(maxDeparted), NewSum(maxDeparted)
	}
	a.messages.Begin()
	a.dropped.Begin()
	for i := range d {
		a.count(a.messages.Add(d[i].ID, d[i].PacketsProcessed))
		if d[i].PacketsDropped != nil {
			a.DroppedKnown = true
			a.count(a.dropped.Add(d[i].ID, *d[i].PacketsDropped))
		}
	}
	a.messages.End()
	a.dropped.End()
	a.Messages, a.Dropped = a.messages.Total(), a.dropped.Total()
	if seconds, ok := d.LatencySeconds(); ok {
		a.Latency.Observe(seconds)
	}
}

func (a *Accumulator) count(fell bool) {
	if fell {
		a.Resets++
	}
}
