package history

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// totals are the values of an upstream that history follows; nil is not known.
type totals struct {
	messages, dropped, sent, received *uint64
	forwarded                         *uint64 // of API v1 the packets processed, which exclude those dropped
	microseconds, packets             *uint64 // of API mixnodes: the latency of packets, added up
	latency                           *float64
}

// totalsOf is the only place of this package that knows how values are kept.
func totalsOf(v *fleet.View, now time.Time) totals {
	values := v.Values(now)
	t := totals{
		messages: values.Uint(betanet.PacketsProcessed), dropped: values.Uint(betanet.PacketsDropped),
		sent: values.Uint(betanet.BytesTransmitted), received: values.Uint(betanet.BytesReceived),
		forwarded: values.Counter(betanet.PacketsForwarded, v.API), latency: values.LatencySeconds(),
	}
	if p := values.PacketLatency; p != nil {
		t.microseconds, t.packets = &p.Microseconds, &p.Packets
	} else {
		t.microseconds, t.packets = new(uint64), new(uint64)
	}
	return t
}
