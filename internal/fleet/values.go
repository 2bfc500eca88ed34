package fleet

import (
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// Values are what an upstream's unexpired documents say, in one shape for both
// APIs. What is not known is nil.
type Values struct {
	Peers, Active, Inactive      *uint64
	Messages, Dropped            *uint64
	Forwarded                    *uint64 // of API mixnodes only
	BytesTransmitted, BytesRecvd *uint64
	PeakThroughput               *uint64
	LatencySeconds               *float64
	PacketLatency                *LatencySum // of API mixnodes only
	Latency                      *dto.Histogram
	Mixnodes                     betanet.MixnodesDoc
}

// Values are the values that may be shown at the given moment.
func (v *View) Values(now time.Time) Values {
	var out Values
	for i := range v.Endpoints {
		switch d := v.Endpoints[i].Current(now, v.Upstream.Settings.MaxStale).(type) {
		case *betanet.MetricsDoc:
			out.Messages, out.Dropped = &d.PacketsProcessed, &d.PacketsDropped
		case *betanet.NodesDoc:
			out.Peers, out.Active, out.Inactive = &d.Total, &d.Active, &d.Inactive
		case *betanet.NetworkDoc:
			out.BytesTransmitted, out.BytesRecvd, out.PeakThroughput = &d.BytesTransmitted, &d.BytesReceived, &d.PeakThroughput
			out.Latency = v.Totals.Latency
			if d.AvgLatencyMS != nil {
				seconds := *d.AvgLatencyMS / 1000
				out.LatencySeconds = &seconds
			}
		case betanet.MixnodesDoc:
			v.mixnodes(d, &out)
		}
	}
	return out
}

func (v *View) mixnodes(d betanet.MixnodesDoc, out *Values) {
	var active uint64
	for i := range d {
		if d[i].Active() {
			active++
		}
	}
	total := uint64(len(d))
	inactive := total - active
	t := &v.Totals // never changed, as the view
	out.Peers, out.Active, out.Inactive = &total, &active, &inactive
	out.Messages, out.PacketLatency = &t.Messages, &t.PacketLatency
	out.Mixnodes = d
	if t.DroppedKnown {
		out.Dropped = &t.Dropped
	}
	if t.ForwardedKnown {
		out.Forwarded = &t.Forwarded
	}
	if seconds, ok := d.LatencySeconds(); ok {
		out.LatencySeconds = &seconds
	}
	out.Latency = v.Totals.Latency
}
