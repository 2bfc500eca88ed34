package history

import (
	"net/url"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// meter turns the totals of one upstream into rates. With a new URL or another
// API it is another upstream.
type meter struct {
	url                               *url.URL
	api                               betanet.API
	messages, dropped, sent, received rate
	latency                           *float64 // seconds; nil unless it is of the last collection
}

// read takes in what is known now.
func (m *meter) read(v *fleet.View, now time.Time) {
	if m.url != v.URL || m.api != v.API {
		*m = meter{url: v.URL, api: v.API}
	}
	values := v.Values(now)
	m.latency = nil
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		switch e.Endpoint {
		case betanet.Metrics, betanet.Mixnodes:
			m.messages.read(e, values.Messages)
			m.dropped.read(e, values.Dropped)
		case betanet.Network:
			m.sent.read(e, values.BytesTransmitted)
			m.received.read(e, values.BytesRecvd)
		}
		if e.Up() && (e.Endpoint == betanet.Network || e.Endpoint == betanet.Mixnodes) {
			m.latency = values.LatencySeconds
		}
	}
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
