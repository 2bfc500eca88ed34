package probe

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

var (
	noRules       []Rule
	internalNames = []Rule{glob("*.internal", 9000)}
	privateRange  = []Rule{prefix("10.0.0.0/8", 9000)}
)

const metadata = "169.254.169.254:9000" // the metadata service of cloud machines, a common target of attacks

func wantForbidden(t *testing.T, f *fixture, target, why string) {
	t.Helper()
	err := f.collectError(target)
	if !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: got %v, want forbidden: %s", target, err, why)
	}
	if got := f.dials(); got != "" {
		t.Errorf("%s: dialed %s, want no dial", target, got)
	}
}

func TestWithoutRulesOnlyConfiguredUpstreamsAreCollected(t *testing.T) {
	inBubble(t, noRules, func(t *testing.T, f *fixture) {
		f.host("127.0.0.1:9000", healthy(1))
		u := &fleet.Upstream{Name: "edge 1/ü", URLs: []*url.URL{{Scheme: "http", Host: "127.0.0.1:9000"}}, API: betanet.V1, Settings: defaults}
		f.configured[u.Name] = u
		if err := f.poller.Add(context.Background(), u, false); err != nil {
			t.Fatal(err)
		}
		wantForbidden(t, f, "127.0.0.1:9000", "no entry")
		wantForbidden(t, f, "a.internal:9000", "no entry")
		if f.dns.lookups != 0 {
			t.Errorf("got %d lookups of a name that cannot be allowed, want 0", f.dns.lookups)
		}
		if err := f.collectError("edge 1"); !errors.Is(err, ErrMalformed) {
			t.Errorf("got %v, want malformed for an unknown name", err)
		}
		wantSamples(t, f.samples(t, "edge 1/ü"), "betanet_up 1", "betanet_messages_total 1")
	})
}

func TestAConfiguredUpstreamThatIsBeingReplacedIsBusy(t *testing.T) {
	inBubble(t, noRules, func(t *testing.T, f *fixture) {
		f.configured["a"] = &fleet.Upstream{Name: "a", Settings: defaults}
		if err := f.collectError("a"); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want busy", err)
		}
	})
}

func TestAddressesAreAllowedByPrefixAndPort(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		wantForbidden(t, f, "10.0.0.1:9001", "no entry")
		wantForbidden(t, f, "11.0.0.1:9000", "no entry")
		wantForbidden(t, f, "[::ffff:127.0.0.1]:9000", "no entry")
		wantForbidden(t, f, "[::ffff:169.254.169.254]:9000", "no entry")
		f.host("10.0.0.1:9000", healthy(7))
		wantSamples(t, f.samples(t, "10.0.0.1:9000"), "betanet_up 1", "betanet_messages_total 7")
		wantSamples(t, f.samples(t, "[::ffff:10.0.0.1]:9000"), "betanet_up 1")
		if got := f.requests("10.0.0.1:9000"); got != 3 {
			t.Errorf("got %d requests, want 3: both are one target", got)
		}
	})
}

func TestNamesAreAllowedByTheirAddresses(t *testing.T) {
	inBubble(t, append(internalNames, privateRange...), func(t *testing.T, f *fixture) {
		f.dns.add("evil.internal", "169.254.169.254")
		f.dns.add("mixed.internal", "203.0.113.1", "127.0.0.1")
		f.dns.add("mapped.internal", "::ffff:127.0.0.1")
		f.dns.add("half.example", "10.0.0.1", "203.0.113.1")
		f.dns.add("internal", "203.0.113.1")
		wantForbidden(t, f, "evil.internal:9000", "link-local address 169.254.169.254")
		wantForbidden(t, f, "mixed.internal:9000", "loopback address 127.0.0.1")
		wantForbidden(t, f, "mapped.internal:9000", "loopback address 127.0.0.1")
		wantForbidden(t, f, "half.example:9000", "no entry")
		wantForbidden(t, f, "internal:9000", "no entry")
		wantForbidden(t, f, "a.internal.example:9000", "no entry")
		wantForbidden(t, f, "a.internal:9001", "no entry")
		f.dns.add("whole.example", "::ffff:10.0.0.1") // LookupNetIP may return mapped IPv4
		f.host("10.0.0.1:9000", healthy(3))
		wantSamples(t, f.samples(t, "WHOLE.example.:9000"), "betanet_up 1", "betanet_messages_total 3")
	})
}

func TestANameWithoutUsableAddressesNeedsAPattern(t *testing.T) {
	inBubble(t, append(internalNames, privateRange...), func(t *testing.T, f *fixture) {
		wantForbidden(t, f, "gone.example:9000", "no entry")
		wantSamples(t, f.samples(t, "gone.internal:9000"), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="dns"} 1`)
		f.dns.add("empty.internal") // neither an error nor an address
		wantSamples(t, f.samples(t, "empty.internal:9000"), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="dns"} 1`)
		f.dns.add("many.internal", strings.Fields(strings.Repeat("203.0.113.1 ", maxAddresses+1))...)
		wantSamples(t, f.samples(t, "many.internal:9000"), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="dns"} 1`)
	})
}

func TestAHangingResolverTakesAtMostHalfTheLimit(t *testing.T) {
	inBubble(t, append(internalNames, privateRange...), func(t *testing.T, f *fixture) {
		f.dns.hang("slow.example")
		start := time.Now()
		wantForbidden(t, f, "slow.example:9000", "no entry")
		if got := time.Since(start); got > 7*time.Second {
			t.Errorf("forbidden after %v, want at most half of 14 s", got)
		}
		f.dns.hang("slow.internal")
		wantSamples(t, f.samples(t, "slow.internal:9000"), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="timeout"} 1`)
	})
}

func TestALookupThatExceedsItsAttemptIsATimeout(t *testing.T) {
	inBubble(t, internalNames, func(t *testing.T, f *fixture) {
		f.dns.hang("slow.internal")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := f.targets.resolveAllowed(ctx, target{name: "slow.internal", port: 9000}, new(knownTarget)); err != context.DeadlineExceeded {
			t.Errorf("got %v, want context.DeadlineExceeded", err)
		}
	})
}

func TestANameIsCheckedAgainForEachConnection(t *testing.T) {
	for _, later := range [][]string{{"169.254.169.254"}, {"203.0.113.1", "169.254.169.254"}, {"127.0.0.1"}, {"::ffff:169.254.169.254"}} {
		inBubble(t, internalNames, func(t *testing.T, f *fixture) {
			f.host("203.0.113.1:9000", healthy(1))
			f.host(metadata, healthy(666))
			f.host("127.0.0.1:9000", healthy(666))
			f.dns.add("rebind.internal", "203.0.113.1")
			f.dns.add("rebind.internal", later...)
			v, _, err := f.targets.Collect(context.Background(), "rebind.internal:9000", 0)
			if err != nil {
				t.Fatal(err)
			}
			wantSamples(t, text(v, false), "betanet_up 0", `betanet_exporter_endpoint_failing{endpoint="metrics",reason="connect"} 1`)
			if f := v.Endpoints[0].Failure; !errors.Is(f, syscall.EPERM) || !strings.Contains(f.Error(), " address ") {
				t.Errorf("%v: got %v, want EPERM and the address", later, f)
			}
			if got := f.dials(); got != "" {
				t.Errorf("%v: dialed %s, want no dial", later, got)
			}
		})
	}
}

func TestOnlyTheCheckedAddressIsDialed(t *testing.T) {
	inBubble(t, internalNames, func(t *testing.T, f *fixture) {
		f.host("203.0.113.1:9000", healthy(1))
		f.dns.add("a.internal", "203.0.113.1")
		wantSamples(t, f.samples(t, "a.internal:9000"), "betanet_up 1")
		if got := f.dials(); got != "203.0.113.1:9000" {
			t.Errorf("dialed %s, want 203.0.113.1:9000", got)
		}
	})
}

func TestAnUnresponsiveAddressDoesNotHideAHealthyOne(t *testing.T) {
	inBubble(t, internalNames, func(t *testing.T, f *fixture) {
		f.host("[2001:db8::1]:9000", blackhole)
		f.host("203.0.113.1:9000", healthy(1))
		f.dns.add("a.internal", "2001:db8::1", "2001:db8::2", "203.0.113.1") // unresponsive, refusing, healthy
		start := time.Now()
		wantSamples(t, f.samples(t, "a.internal:9000"), "betanet_up 1")
		if got := time.Since(start); got >= defaults.RequestTimeout {
			t.Errorf("took %v, want success in the first attempt", got)
		}
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.host("10.0.0.1:9000", status(302, "Location", "http://"+metadata+"/latest/"))
		f.host(metadata, healthy(666))
		wantSamples(t, f.samples(t, "10.0.0.1:9000"), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="redirect"} 1`)
		if got := f.dials(); got != "10.0.0.1:9000" {
			t.Errorf("dialed %s, want only 10.0.0.1:9000", got)
		}
	})
}
