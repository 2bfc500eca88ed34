package fleet

import (
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// Values are the values of an upstream's unexpired documents, in the same form for
// both APIs. An unknown value is absent or nil.
type Values struct {
	betanet.Values
	PacketLatency *LatencySum // with API mixnodes only
	Latency       *dto.Histogram
	Mixnodes      []betanet.Mixnode
}

// Values returns the values that may be shown at the given time.
func (v *View) Values(now time.Time) Values {
	var out Values
	for i := range v.Endpoints {
		d := v.Endpoints[i].Current(now, v.Upstream.Settings.MaxStale)
		if d == nil {
			continue
		}
		out.Merge(&d.Values)
		switch d.Endpoint {
		case betanet.Mixnodes:
			out.addMixnodes(d.Mixnodes, &v.Totals)
			out.Latency = v.Totals.Latency
		case betanet.Network:
			out.Latency = v.Totals.Latency
		}
	}
	return out
}

// addMixnodes sets the values computed from a list of mixnodes and from totals. Neither
// may change afterwards, because v refers to them.
func (v *Values) addMixnodes(list []betanet.Mixnode, t *Totals) {
	v.Mixnodes, v.PacketLatency = list, &t.PacketLatency
	var active uint64
	for i := range list {
		if list[i].Active() {
			active++
		}
	}
	total := uint64(len(list))
	v.Set(betanet.TotalNodes, total)
	v.Set(betanet.ActiveNodes, active)
	v.Set(betanet.InactiveNodes, total-active)
	v.Merge(&t.Sums)
	if ms, ok := betanet.MeanLatency(list); ok {
		v.SetFloat(betanet.AvgLatency, ms)
	}
}

// LatencySeconds returns the mean latency, nil if it is unknown.
func (v *Values) LatencySeconds() *float64 {
	seconds, ok := v.Metric(betanet.AvgLatency)
	if !ok {
		return nil
	}
	return &seconds
}

// Counter returns a counter for sums over several upstreams, nil if it is unknown. With
// API v1 the packets forwarded are the packets processed, which exclude the packets
// dropped, so that loss has the same formula with both APIs.
func (v *Values) Counter(f betanet.Field, api betanet.API) *uint64 {
	if f == betanet.PacketsForwarded && api == betanet.V1 {
		f = betanet.PacketsProcessed
	}
	return v.Uint(f)
}
