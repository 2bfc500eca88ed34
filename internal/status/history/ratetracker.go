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
	forwarded                         rate     // of API v1 the packets processed, which exclude those dropped
	microseconds, packets             rate     // of API mixnodes: the latency of packets, added up
	latency                           *float64 // seconds; nil unless it is of the last collection
}

// read takes in what is known now.
func (m *rateTracker) read(v *fleet.View, now time.Time) {
	if m.url != v.URL || m.api != v.API {
		*m = rateTracker{url: v.URL, api: v.API}
	}
	values := v.Values(now)
	m.latency = nil
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		switch e.Endpoint {
		case betanet.Metrics, betanet.Mixnodes:
			m.messages.read(e, values.Uint(betanet.PacketsProcessed))
			m.dropped.read(e, values.Uint(betanet.PacketsDropped))
			m.forwarded.read(e, values.Counter(betanet.PacketsForwarded, v.API))
			if v.API != betanet.V1 {
				m.meanLatency(e, values.PacketLatency)
			}
		case betanet.Network:
			m.sent.read(e, values.Uint(betanet.BytesTransmitted))
			m.received.read(e, values.Uint(betanet.BytesReceived))
			if e.Up() {
				m.latency = values.LatencySeconds()
			}
		}
	}
}

// meanLatency takes the mean of the packets between the last two documents, since
// that of a document is over all packets since deployment.
func (m *rateTracker) meanLatency(e *fleet.EndpointView, sum *fleet.LatencySum) {
	if sum == nil {
		sum = new(fleet.LatencySum)
	}
	m.microseconds.read(e, &sum.Microseconds)
	m.packets.read(e, &sum.Packets)
	if packets := m.packets.now(); packets != nil && *packets > 0 {
		seconds := *m.microseconds.now() / *packets / 1e6
		m.latency = &seconds
	}
}

// Rates are what an upstream did between its last two documents; nil is not
// known, or not of its last collection.
type Rates struct {
	MessagesPerSecond *float64
	Loss              *float64 // ratio, nil without packets
	LatencySeconds    *float64 // of API mixnodes nil without packets
}

func (m *rateTracker) rates() Rates {
	r := Rates{MessagesPerSecond: m.messages.now(), LatencySeconds: m.latency}
	if all := m.all(); all != nil && *all > 0 {
		loss := *m.dropped.now() / *all
		r.Loss = &loss
	}
	return r
}

// all is the rate of all packets, dropped and forwarded ones; nil unless both
// are known.
func (m *rateTracker) all() *float64 {
	dropped, forwarded := m.dropped.now(), m.forwarded.now()
	if dropped == nil || forwarded == nil {
		return nil
	}
	both := *dropped + *forwarded
	return &both
}

// rate is by how much one total grows.
type rate struct {
	at        time.Time // of the document of the last total, zero if there was none
	total     uint64
	perSecond float64
	known     bool // there were two documents
	live      bool // the second is of the last collection
}

func (r *rate) read(e *fleet.EndpointView, total *uint64) {
	r.live = e.Up() && total != nil
	if total == nil || e.At.Equal(r.at) {
		return
	}
	if took := e.At.Sub(r.at).Seconds(); !r.at.IsZero() && took > 0 {
		r.perSecond, r.known = float64(fleet.Increase(r.total, *total))/took, true
	}
	r.at, r.total = e.At, *total
}

// now is the rate, nil if there is none at present.
func (r *rate) now() *float64 {
	if !r.known || !r.live {
		return nil
	}
	return &r.perSecond
}
