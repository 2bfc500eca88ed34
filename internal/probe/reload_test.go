package probe

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsNoLongerAllowedGoesAtOnce(t *testing.T) {
	inBubble(t, append([]Rule{prefix("127.0.0.1/32", 9000)}, append(internal, inside...)...), func(t *testing.T, b *bed) {
		all := map[string]string{ // targets and their addresses
			"10.0.0.1:9000": "10.0.0.1", "name.example:9000": "10.0.0.2", "a.internal:9000": "203.0.113.1", "local.internal:9000": "127.0.0.1",
		}
		for target, address := range all {
			b.dns.give(strings.TrimSuffix(target, ":9000"), address)
			b.host(address+":9000", healthy(1))
			wantSamples(t, b.samples(t, target), "betanet_up 1")
		}
		b.targets.SetRules([]Rule{glob("*.INTERNAL.", 9000), prefix("10.0.0.2/32", 9000)})
		synctest.Wait()
		for target, stays := range map[string]bool{"10.0.0.1:9000": false, "name.example:9000": true, "a.internal:9000": true, "local.internal:9000": false} {
			if got := b.openTo(all[target] + ":9000"); (got > 0) != stays {
				t.Errorf("%s: %d connections are open", target, got)
			}
			if err := b.refused(target); (err == nil) != stays || err != nil && !errors.Is(err, ErrForbidden) {
				t.Errorf("%s: got %v", target, err)
			}
			if got := b.requests(all[target] + ":9000"); got != 3 {
				t.Errorf("%s: got %d requests, want the cache to stay", target, got)
			}
		}
	})
}

func TestATargetThatIsForbiddenMeanwhileIsNotAnswered(t *testing.T) {
	for _, connects := range []http.HandlerFunc{hang, dead} {
		inBubble(t, inside, func(t *testing.T, b *bed) {
			b.host("10.0.0.1:9000", connects)
			synctest.Wait()
			before, start := goroutines(), time.Now()
			time.AfterFunc(time.Second, func() { b.targets.SetRules(nothing) })
			if err := b.refused("10.0.0.1:9000"); !errors.Is(err, ErrForbidden) || time.Since(start) != time.Second {
				t.Errorf("got %v after %v, want it forbidden at once", err, time.Since(start))
			}
			synctest.Wait()
			if got := goroutines(); got != before {
				t.Errorf("got %d goroutines, want %d", got, before)
			}
		})
	}
}

func TestTargetsTakeOnChangedSettings(t *testing.T) {
	inBubble(t, inside, func(t *testing.T, b *bed) {
		b.host("10.0.0.1:9000", healthy(1))
		wantSamples(t, b.samples(t, "10.0.0.1:9000"), "betanet_up 1")
		same := b.targets.settings()
		b.targets.SetSettings(same, b.targets.o.API)
		synctest.Wait()
		if got := b.openTo("10.0.0.1:9000"); got == 0 {
			t.Error("the connections are gone though nothing changed")
		}
		changed := same
		changed.Attempts = 1
		b.targets.SetSettings(changed, b.targets.o.API)
		synctest.Wait()
		if got := b.openTo("10.0.0.1:9000"); got != 0 {
			t.Errorf("%d connections of the old settings are open", got)
		}
		b.host("10.0.0.1:9000", dead)
		wantSamples(t, b.samples(t, "10.0.0.1:9000"), "betanet_up 0")
	})
}
