package history

import (
	"math"
	"net/url"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// countersOf lists the counters in the documents of an endpoint.
var countersOf = [betanet.NumEndpoints][]betanet.Field{
	betanet.Metrics:  {betanet.PacketsProcessed, betanet.PacketsDropped, betanet.PacketsForwarded},
	betanet.Mixnodes: {betanet.PacketsProcessed, betanet.PacketsDropped, betanet.PacketsForwarded},
	betanet.Network:  {betanet.BytesTransmitted, betanet.BytesReceived},
}

// rateTracker turns the totals of one upstream into rates. It starts again when the URL
// or the API changes, because the totals then belong to another service.
type rateTracker struct {
	url                   *url.URL
	api                   betanet.API
	counters              [betanet.NumCounters]rate // of the values that fleet.Values.Counter returns
	microseconds, packets rate                      // API mixnodes only: rates of fleet.LatencySum
	latency               float64                   // seconds; NaN if the last collection had none
}

// read reads the documents of a view.
func (r *rateTracker) read(v *fleet.View, now time.Time) {
	if r.url != v.URL || r.api != v.API {
		*r = rateTracker{url: v.URL, api: v.API}
	}
	r.latency = math.NaN()
	values := v.Values(now)
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		for _, f := range countersOf[e.Endpoint] {
			r.counters[f].read(e, values.Counter(f, v.API))
		}
		if seconds, ok := values.Metric(betanet.AvgLatency); e.Endpoint == betanet.Network && e.Up() && ok {
			r.latency = seconds
		}
		if e.Endpoint == betanet.Mixnodes {
			r.readMixnodes(e, values.PacketLatency)
		}
	}
}

// readMixnodes sets the latency to the mean of the packets between the last two
// documents, because the mean in a document covers all packets since deployment.
func (r *rateTracker) readMixnodes(e *fleet.EndpointView, sum *fleet.LatencySum) {
	if sum == nil {
		sum = new(fleet.LatencySum)
	}
	r.microseconds.read(e, &sum.Microseconds)
	r.packets.read(e, &sum.Packets)
	if packets := r.packets.now(); packets > 0 {
		r.latency = r.microseconds.now() / packets / 1e6
	}
}

// rate is the growth of one total.
type rate struct {
	at        int64 // when the last document with the total was fetched, in ns since epoch; 0 before the first
	total     uint64
	perSecond float64
	took      float32 // seconds between the last two documents; 0 before the second
	live      bool    // the last document is from the last collection
	fresh     bool    // the last call to read updated the rate
}

// epoch is the origin of the times of documents. Times since epoch are monotonic, so a
// change of the wall clock does not matter.
var epoch = time.Now().Add(-time.Hour)

// read updates the rate if the endpoint has a new document; total is nil if it is unknown.
func (r *rate) read(e *fleet.EndpointView, total *uint64) {
	at := int64(e.At.Sub(epoch))
	r.live, r.fresh = e.Up() && total != nil, false
	if total == nil || at == r.at {
		return
	}
	if took := time.Duration(at - r.at).Seconds(); r.at != 0 && took > 0 {
		r.perSecond, r.took, r.fresh = float64(fleet.Increase(r.total, *total))/took, float32(took), true
	}
	r.at, r.total = at, *total
}

// now returns the current rate, NaN if it is unknown.
func (r *rate) now() float64 {
	if r.took == 0 || !r.live {
		return math.NaN()
	}
	return r.perSecond
}
