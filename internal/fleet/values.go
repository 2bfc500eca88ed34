package fleet

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// MaxMixnodes is how many mixnodes of an upstream are shown one by one.
const MaxMixnodes = 1000

// Values are what an upstream's unexpired documents say, in one shape for both
// APIs. What is not known is nil.
type Values struct {
	Peers, Active, Inactive      *uint64
	Messages, Dropped            *uint64
	BytesTransmitted, BytesRecvd *uint64
	PeakThroughput               *uint64
	LatencySeconds               *float64
	Latency                      *Histogram
	Mixnodes                     betanet.MixnodesDoc // at most MaxMixnodes
	Omitted                      *uint64             // mixnodes beyond that
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
			seconds := d.AvgLatencyMS / 1000
			out.BytesTransmitted, out.BytesRecvd, out.PeakThroughput = &d.BytesTransmitted, &d.BytesReceived, &d.PeakThroughput
			out.LatencySeconds, out.Latency = &seconds, v.latency()
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
	inactive, shown := total-active, min(total, MaxMixnodes)
	omitted := total - shown
	messages := v.Totals.Messages
	out.Peers, out.Active, out.Inactive = &total, &active, &inactive
	out.Messages, out.Omitted, out.Mixnodes = &messages, &omitted, d[:shown]
	if v.Totals.DroppedKnown {
		dropped := v.Totals.Dropped
		out.Dropped = &dropped
	}
	if seconds, ok := d.LatencySeconds(); ok {
		out.LatencySeconds = &seconds
	}
	out.Latency = v.latency()
}

// latency is the histogram, nil if it is empty or not wanted.
func (v *View) latency() *Histogram {
	if v.Totals.Latency.Count == 0 || !v.Upstream.Settings.Histogram {
		return nil
	}
	return &v.Totals.Latency
}
