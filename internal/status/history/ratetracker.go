package history

import (
	"net/url"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// rateTracker turns the totals of one upstream into rates. With a new URL or another
// API it is another upstream.
type rateTracker struct {
	url                               *url.URL
	api                               betanet.API
	messages, dropped, sent, received rate
	forwarded                         rate    // of API v1 the packets processed, which exclude those dropped
	microseconds, packets             rate    // of API mixnodes: the latency of packets, added up
	latency                           float64 // seconds, where hasLatency
	hasLatency                        bool    // latency is of the last collection
}

// read reads what is known now.
func (r *rateTracker) read(v *fleet.View, t *totals) {
	if r.url != v.URL || r.api != v.API {
		*r = rateTracker{url: v.URL, api: v.API}
	}
	r.hasLatency = false
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		switch e.Endpoint {
		case betanet.Metrics, betanet.Mixnodes:
			r.messages.read(e, t.messages)
			r.dropped.read(e, t.dropped)
			r.forwarded.read(e, t.forwarded)
			if v.API == betanet.MixnodesAPI {
				r.meanLatency(e, t)
			}
		case betanet.Network:
			r.sent.read(e, t.sent)
			r.received.read(e, t.received)
			if e.Up() && t.latency != nil {
				r.latency, r.hasLatency = *t.latency, true
			}
		}
	}
}

// meanLatency takes the mean of the packets between the last two documents, because
// the one of a document is over all packets since deployment.
func (r *rateTracker) meanLatency(e *fleet.EndpointView, t *totals) {
	r.microseconds.read(e, t.microseconds)
	r.packets.read(e, t.packets)
	if packets, ok := r.packets.now(); ok && packets > 0 {
		us, _ := r.microseconds.now()
		r.latency, r.hasLatency = us/packets/1e6, true
	}
}

// both returns the rates of packets that were dropped and of all; ok is false
// unless both are known.
func (r *rateTracker) both() (dropped, all float64, ok bool) {
	dropped, hasDropped := r.dropped.now()
	forwarded, hasForwarded := r.forwarded.now()
	return dropped, dropped + forwarded, hasDropped && hasForwarded
}

// rate is by how much one total grows.
type rate struct {
	at        int64 // of the document of the last total, in ns since the epoch of the monotonic clock; 0 if there was none
	total     uint64
	perSecond float64
	took      float32 // seconds between the two documents
	known     bool    // there were two documents
	live      bool    // the second is of the last collection
	fresh     bool    // the second came with the last call of read
}

// epoch is what the times of documents are kept from, so that moving the wall
// clock changes nothing.
var epoch = time.Now().Add(-time.Hour)

func (r *rate) read(e *fleet.EndpointView, total *uint64) {
	at := int64(e.At.Sub(epoch))
	r.live, r.fresh = e.Up() && total != nil, false
	if total == nil || at == r.at {
		return
	}
	if took := time.Duration(at - r.at).Seconds(); r.at != 0 && took > 0 {
		r.perSecond, r.took = float64(fleet.Increase(r.total, *total))/took, float32(took)
		r.known, r.fresh = true, true
	}
	r.at, r.total = at, *total
}

// now returns the rate; ok is false if there is none at present.
func (r *rate) now() (perSecond float64, ok bool) { return r.perSecond, r.known && r.live }
