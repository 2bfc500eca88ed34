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
	nothing  []Rule
	internal = []Rule{glob("*.internal", 9000)}
	inside   = []Rule{prefix("10.0.0.0/8", 9000)}
)

const metadata = "169.254.169.254:9000" // of a cloud's machines, what attackers are after

func wantForbidden(t *testing.T, b *bed, target, why string) {
	t.Helper()
	err := b.refused(target)
	if !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: got %v, want it forbidden: %s", target, err, why)
	}
	if got := b.dials(); got != "" {
		t.Errorf("%s: dialled %s", target, got)
	}
}

func TestWithoutRulesOnlyConfiguredNamesAreCollected(t *testing.T) {
	inBubble(t, nothing, func(t *testing.T, b *bed) {
		b.host("127.0.0.1:9000", healthy(1))
		u := &fleet.Upstream{Name: "edge 1/ü", URLs: []*url.URL{{Scheme: "http", Host: "127.0.0.1:9000"}}, API: betanet.V1, Settings: defaults}
		b.configured[u.Name] = u
		if err := b.poller.Add(context.Background(), u, false); err != nil {
			t.Fatal(err)
		}
		wantForbidden(t, b, "127.0.0.1:9000", "no entry")
		wantForbidden(t, b, "a.internal:9000", "no entry")
		if b.dns.asked != 0 {
			t.Errorf("a name server was asked for a name that cannot be allowed")
		}
		if err := b.refused("edge 1"); !errors.Is(err, ErrMalformed) {
			t.Errorf("got %v, want an unknown name malformed", err)
		}
		wantSamples(t, b.samples(t, "edge 1/ü"), "betanet_up 1", "betanet_messages_total 1")
	})
}

func TestAConfiguredUpstreamThatIsBeingReplacedIsToBeAskedAgain(t *testing.T) {
	inBubble(t, nothing, func(t *testing.T, b *bed) {
		b.configured["a"] = &fleet.Upstream{Name: "a", Settings: defaults}
		if err := b.refused("a"); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want busy", err)
		}
	})
}

func TestAddressesAreAllowedByPrefixAndPort(t *testing.T) {
	inBubble(t, inside, func(t *testing.T, b *bed) {
		wantForbidden(t, b, "10.0.0.1:9001", "no entry")
		wantForbidden(t, b, "11.0.0.1:9000", "no entry")
		wantForbidden(t, b, "[::ffff:127.0.0.1]:9000", "no entry")
		wantForbidden(t, b, "[::ffff:169.254.169.254]:9000", "no entry")
		b.host("10.0.0.1:9000", healthy(7))
		wantSamples(t, b.samples(t, "10.0.0.1:9000"), "betanet_up 1", "betanet_messages_total 7")
		wantSamples(t, b.samples(t, "[::ffff:10.0.0.1]:9000"), "betanet_up 1")
		if got := b.requests("10.0.0.1:9000"); got != 3 {
			t.Errorf("got %d requests, want 3: both are one target", got)
		}
	})
}

func TestNamesAreAllowedByWhatTheyResolveTo(t *testing.T) {
	inBubble(t, append(internal, inside...), func(t *testing.T, b *bed) {
		b.dns.give("evil.internal", "169.254.169.254")
		b.dns.give("mixed.internal", "203.0.113.1", "127.0.0.1")
		b.dns.give("mapped.internal", "::ffff:127.0.0.1")
		b.dns.give("half.example", "10.0.0.1", "203.0.113.1")
		b.dns.give("internal", "203.0.113.1")
		wantForbidden(t, b, "evil.internal:9000", "link-local address 169.254.169.254")
		wantForbidden(t, b, "mixed.internal:9000", "loopback address 127.0.0.1")
		wantForbidden(t, b, "mapped.internal:9000", "loopback address 127.0.0.1")
		wantForbidden(t, b, "half.example:9000", "no entry")
		wantForbidden(t, b, "internal:9000", "no entry")
		wantForbidden(t, b, "a.internal.example:9000", "no entry")
		wantForbidden(t, b, "a.internal:9001", "no entry")
		b.dns.give("whole.example", "::ffff:10.0.0.1") // as LookupNetIP may give IPv4
		b.host("10.0.0.1:9000", healthy(3))
		wantSamples(t, b.samples(t, "WHOLE.example.:9000"), "betanet_up 1", "betanet_messages_total 3")
	})
}

func TestANameThatDoesNotResolveNeedsAPattern(t *testing.T) {
	inBubble(t, append(internal, inside...), func(t *testing.T, b *bed) {
		wantForbidden(t, b, "gone.example:9000", "no entry")
		wantSamples(t, b.samples(t, "gone.internal:9000"), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="dns"} 1`)
		b.dns.give("empty.internal") // no error and no address
		wantSamples(t, b.samples(t, "empty.internal:9000"), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="dns"} 1`)
	})
}

func TestAResolverThatHangsCostsHalfOfTheLimit(t *testing.T) {
	inBubble(t, append(internal, inside...), func(t *testing.T, b *bed) {
		b.dns.hang("slow.example")
		start := time.Now()
		wantForbidden(t, b, "slow.example:9000", "no entry")
		if got := time.Since(start); got > 7*time.Second {
			t.Errorf("forbidden after %v, want it within half of 14 s", got)
		}
		b.dns.hang("slow.internal")
		wantSamples(t, b.samples(t, "slow.internal:9000"), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="timeout"} 1`)
	})
}

func TestAnAttemptThatRunsOutOfTimeInTheResolverIsATimeOut(t *testing.T) {
	inBubble(t, internal, func(t *testing.T, b *bed) {
		b.dns.hang("slow.internal")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := b.targets.checked(ctx, target{name: "slow.internal", port: 9000}, new(entry)); err != context.DeadlineExceeded {
			t.Errorf("got %v, want the end of the time, not what the resolver says", err)
		}
	})
}

func TestANameIsCheckedOnceMoreWhenItIsDialled(t *testing.T) {
	for _, later := range [][]string{{"169.254.169.254"}, {"203.0.113.1", "169.254.169.254"}, {"127.0.0.1"}, {"::ffff:169.254.169.254"}} {
		inBubble(t, internal, func(t *testing.T, b *bed) {
			b.host("203.0.113.1:9000", healthy(1))
			b.host(metadata, healthy(666))
			b.host("127.0.0.1:9000", healthy(666))
			b.dns.give("rebind.internal", "203.0.113.1")
			b.dns.give("rebind.internal", later...)
			v, _, err := b.targets.Collect(context.Background(), "rebind.internal:9000", 0)
			if err != nil {
				t.Fatal(err)
			}
			wantSamples(t, text(v, false), "betanet_up 0", `betanet_exporter_endpoint_failing{endpoint="metrics",reason="connect"} 1`)
			if f := v.Endpoints[0].Failure; !errors.Is(f, syscall.EPERM) || !strings.Contains(f.Error(), " address ") {
				t.Errorf("%v: got %v, want why it is not permitted", later, f)
			}
			if got := b.dials(); got != "" {
				t.Errorf("%v: dialled %s", later, got)
			}
		})
	}
}

func TestTheCheckedAddressIsDialledByNumber(t *testing.T) {
	inBubble(t, internal, func(t *testing.T, b *bed) {
		b.host("203.0.113.1:9000", healthy(1))
		b.dns.give("a.internal", "203.0.113.1")
		wantSamples(t, b.samples(t, "a.internal:9000"), "betanet_up 1")
		if got := b.dials(); got != "203.0.113.1:9000" {
			t.Errorf("dialled %s, want the address", got)
		}
	})
}

func TestADeadAddressDoesNotHideAnother(t *testing.T) {
	inBubble(t, internal, func(t *testing.T, b *bed) {
		b.host("[2001:db8::1]:9000", dead)
		b.host("203.0.113.1:9000", healthy(1))
		b.dns.give("a.internal", "2001:db8::1", "2001:db8::2", "203.0.113.1") // dead, refusing, well
		start := time.Now()
		wantSamples(t, b.samples(t, "a.internal:9000"), "betanet_up 1")
		if got := time.Since(start); got >= defaults.RequestTimeout {
			t.Errorf("took %v, want the first attempt to succeed", got)
		}
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	inBubble(t, inside, func(t *testing.T, b *bed) {
		b.host("10.0.0.1:9000", status(302, "Location", "http://"+metadata+"/latest/"))
		b.host(metadata, healthy(666))
		wantSamples(t, b.samples(t, "10.0.0.1:9000"), "betanet_up 0",
			`betanet_exporter_endpoint_failing{endpoint="metrics",reason="redirect"} 1`)
		if got := b.dials(); got != "10.0.0.1:9000" {
			t.Errorf("dialled %s", got)
		}
	})
}
