package poll

import (
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

func TestRestartIsCountedOncePerCollection(t *testing.T) {
	inBubble(t, defaults, betanet.V1, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		f.behave(forEndpoint(betanet.Metrics, body(`{"packets_processed":3,"packets_dropped":1}`),
			only(betanet.Network, body(`{"bytes_transmitted":5,"bytes_received":5,"avg_latency_ms":45.0,"peak_throughput":1}`))))
		f.until(f.tick() + time.Second)
		if got := f.view().Resets; got != 1 {
			t.Errorf("got %d resets after the counters of two documents fell, want 1", got)
		}
	})
}

func TestRestartOfMixnodesServerIsCounted(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.behave(mixnodes)
		f.until(time.Second)
		for i, id := range []string{"b", "c", "c"} {
			f.behave(only(betanet.Mixnodes, body(`[{"id":"`+id+`","status":"active","packets_processed":0,"uptime_seconds":0}]`)))
			f.until(f.tick() + time.Duration(i)*15*time.Second + time.Second)
			if got, want := f.view().Resets, uint64(min(i+1, 2)); got != want {
				t.Errorf("got %d resets with node %s, want %d", got, id, want)
			}
		}
	})
}

// Documents of different replicas are not compared with each other, and the resets of a
// replica remain counted after another one is used.
func TestResetsRemainCountedAfterFailover(t *testing.T) {
	withReplicas(t, defaults, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		lower := only(betanet.Metrics, body(`{"packets_processed":3,"packets_dropped":1}`))
		f.behave(lower)
		f.until(f.tick() + time.Second)
		first := preferred(f.upstream, "")[0].Host
		f.behave(forReplica(first, failWith(500), only(betanet.Metrics, body(`{"packets_processed":1,"packets_dropped":0}`))))
		f.until(f.tick() + 25*time.Second)
		if v := f.view(); v.Switches != 1 || v.Resets != 1 {
			t.Errorf("got %d resets after %d switches, want 1 and 1", v.Resets, v.Switches)
		}
	})
}

func TestAPIChangeIsNotARestart(t *testing.T) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		f.behave(mixnodes) // with fewer packets
		f.until(f.tick() + time.Second)
		if v := f.view(); v.API != betanet.MixnodesAPI || v.Resets != 0 {
			t.Errorf("got API %v and %d resets, want mixnodes and none", v.API, v.Resets)
		}
	})
}
