package blackbox

import (
	"errors"
	"fmt"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// step has new values of an upstream's counters, and the expected series.
type step struct {
	messages, sent uint64
	resets         float64 // total so far
	fleetMessages  float64 // increase of the fleet's counters so far
	fleetSent      float64
}

func TestACounterThatFallsIsExposedAsSentAndCountedOnce(t *testing.T) {
	for name, steps := range map[string][]step{
		"it falls": {
			{messages: 5000, sent: 100},
			{messages: 5100, sent: 200, fleetMessages: 100, fleetSent: 100},
			{messages: 40, sent: 300, resets: 1, fleetMessages: 140, fleetSent: 200},
			{messages: 50, sent: 400, resets: 1, fleetMessages: 150, fleetSent: 300},
		},
		"it is 0 for a moment": {
			{messages: 5000, sent: 100},
			{messages: 0, sent: 100, resets: 1},
			{messages: 5000, sent: 100, resets: 1, fleetMessages: 5000},
		},
		"the service starts again": {
			{messages: 5000, sent: 100},
			{messages: 10, sent: 5, resets: 1, fleetMessages: 10, fleetSent: 5},
			{messages: 9, sent: 4, resets: 2, fleetMessages: 19, fleetSent: 9},
		},
		"the largest number": {
			{messages: 1<<64 - 1, sent: 1},
			{messages: 1, sent: 1<<64 - 1, resets: 1, fleetMessages: 1, fleetSent: 1<<64 - 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			upstream := server.Addr()
			server.Set(fake.Metrics, fake.JSON(steps[0].metrics()))
			server.Set(fake.Network, fake.JSON(steps[0].network()))
			p := collector(t, server, "--betanet.url="+start(t).URL()) // fleet counters need two upstreams
			for _, s := range steps {
				server.Set(fake.Metrics, fake.JSON(s.metrics()))
				server.Set(fake.Network, fake.JSON(s.network()))
				shown := func(e exposition) error { return s.shown(e, upstream) }
				p.await(t, upstream, shown)
				// A failure in between is not a reset.
				server.Set(fake.Metrics, fake.Status(500, s.metrics()))
				p.await(t, upstream, func(e exposition) error {
					return errors.Join(shown(e), (endpoint{upstream, fake.Metrics}).reasons(e, "http_5xx"))
				})
			}
		})
	}
}

func (s step) metrics() string {
	return fmt.Sprintf(`{"packets_processed":%d,"packets_dropped":10}`, s.messages)
}

func (s step) network() string {
	return fmt.Sprintf(`{"bytes_transmitted":%d,"bytes_received":500000,"avg_latency_ms":45.0,"peak_throughput":10000}`, s.sent)
}

func (s step) shown(e exposition, upstream string) error {
	return errors.Join(
		e.is(series("betanet_messages_total", "upstream", upstream), float64(s.messages)),
		e.is(series("betanet_bytes_transmitted_total", "upstream", upstream), float64(s.sent)),
		e.is(series("betanet_packets_dropped_total", "upstream", upstream), 10),
		e.is(series("betanet_exporter_upstream_resets_total", "upstream", upstream), s.resets),
		e.is("betanet_fleet_messages_total", s.fleetMessages),
		e.is("betanet_fleet_bytes_transmitted_total", s.fleetSent),
		e.is("betanet_fleet_packets_dropped_total", 0),
		e.is("betanet_fleet_bytes_received_total", 0),
	)
}
