package probe

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

const node = "10.0.0.1:9000"

func TestAnUnreachableTargetIsReportedAsDown(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		wantSamples(t, f.samples(t, node), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="connect"} 1`,
			`betanet_exporter_endpoint_failing{endpoint="network",reason="connect"} 1`)
		f.host("10.0.0.2:9000", blackhole)
		wantSamples(t, f.samples(t, "10.0.0.2:9000"), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="timeout"} 1`)
	})
}

func TestTheLastGoodValuesAreMarkedStale(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.host(node, healthy(5))
		wantSamples(t, f.samples(t, node), "betanet_up 1", "betanet_exporter_data_stale 0")
		f.host(node, status(500))
		time.Sleep(defaults.TTL)
		wantSamples(t, f.samples(t, node), "betanet_up 0", "betanet_messages_total 5",
			"betanet_exporter_data_stale 1", `betanet_exporter_endpoint_failing{endpoint="metrics",reason="http_5xx"} 1`)
	})
}

func TestTheCacheIsUsedUntilTheTTLExpires(t *testing.T) {
	inBubble(t, []Rule{glob("*.internal", 9000)}, func(t *testing.T, f *fixture) {
		f.dns.add("a.internal", "203.0.113.1")
		f.host("203.0.113.1:9000", healthy(5))
		f.samples(t, "a.internal:9000")
		synctest.Wait() // net/http may have started a dial that it does not need
		lookups := f.dns.lookups
		time.Sleep(defaults.TTL - 1)
		wantSamples(t, f.samples(t, "a.internal:9000"), "betanet_up 1", "betanet_messages_total 5")
		if got := f.requests("203.0.113.1:9000"); got != 3 || f.dns.lookups != lookups {
			t.Errorf("got %d requests and %d further lookups, want 3 and 0", got, f.dns.lookups-lookups)
		}
		time.Sleep(time.Nanosecond)
		f.samples(t, "a.internal:9000")
		if got := f.requests("203.0.113.1:9000"); got != 6 {
			t.Errorf("got %d requests after the TTL, want 6", got)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.host(node, status(503, "Retry-After", "120"))
		f.samples(t, node)
		time.Sleep(119 * time.Second)
		f.host(node, healthy(1))
		wantSamples(t, f.samples(t, node), "betanet_up 0")
		if got := f.requests(node); got != 3 {
			t.Errorf("got %d requests before Retry-After, want 3", got)
		}
		time.Sleep(time.Second)
		wantSamples(t, f.samples(t, node), "betanet_up 1")
	})
}

func TestACollectionEndsAtTheLimitAsATimeout(t *testing.T) {
	for _, limit := range []time.Duration{1500 * time.Millisecond, 9500 * time.Millisecond, time.Hour, 0} {
		inBubble(t, privateRange, func(t *testing.T, f *fixture) {
			f.host(node, hang)
			want := limit
			if limit == 0 || limit == time.Hour {
				want = defaults.Timeout
			}
			start := time.Now()
			v, late, err := f.targets.Collect(context.Background(), node, limit)
			if took := time.Since(start); err != nil || late || took > want || took < want-100*time.Millisecond {
				t.Errorf("limit %v: got late %v, %v after %v, want the end of the collection after %v", limit, late, err, took, want)
			}
			wantSamples(t, text(v, late), "betanet_up 0", `betanet_exporter_endpoint_failing{endpoint="nodes",reason="timeout"} 1`)
		})
	}
}

func TestAShortLimitDoesNotFailTheCollection(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.host(node, slow(900*time.Millisecond))
		for range 5 {
			wantSamples(t, f.lateSamples(t, node, time.Millisecond), "betanet_up 0")
		}
		time.Sleep(time.Second)
		wantSamples(t, f.samples(t, node), "betanet_up 1", "betanet_messages_total 9")
		if got := f.requests(node); got != 3 {
			t.Errorf("got %d requests, want 3", got)
		}
	})
}

func TestACanceledCallerDoesNotFailTheOthers(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.host(node, slow(3*time.Second))
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Second, cancel)
		first := make(chan bool)
		go func() {
			start := time.Now()
			_, late, _ := f.targets.Collect(ctx, node, 0)
			first <- late && time.Since(start) == time.Second
		}()
		time.Sleep(time.Millisecond)
		wantSamples(t, f.samples(t, node), "betanet_up 1", "betanet_messages_total 9")
		if !<-first {
			t.Error("the first caller did not return at the end of its context")
		}
		if got := f.requests(node); got != 3 {
			t.Errorf("got %d requests, want 3", got)
		}
	})
}

func TestAtTheLimitACallerGetsThePreviousView(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.host(node, healthy(5))
		f.samples(t, node)
		time.Sleep(defaults.TTL)
		f.host(node, hang)
		wantSamples(t, f.lateSamples(t, node, 500*time.Millisecond), "betanet_up 0", "betanet_messages_total 5")
	})
}

func TestAtTheLimitAnUnresolvedNameIsBusy(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.dns.hang("slow.example")
		if _, _, err := f.targets.Collect(context.Background(), "slow.example:9000", time.Millisecond); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want busy", err)
		}
	})
}
