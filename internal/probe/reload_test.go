package probe

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTargetsThatNewRulesForbidAreRemovedAtOnce(t *testing.T) {
	inBubble(t, append([]Rule{prefix("127.0.0.1/32", 9000)}, append(internalNames, privateRange...)...), func(t *testing.T, f *fixture) {
		all := map[string]string{ // addresses by target
			"10.0.0.1:9000": "10.0.0.1", "name.example:9000": "10.0.0.2", "a.internal:9000": "203.0.113.1", "local.internal:9000": "127.0.0.1",
		}
		for target, address := range all {
			f.dns.add(strings.TrimSuffix(target, ":9000"), address)
			f.host(address+":9000", healthy(1))
			wantSamples(t, f.samples(t, target), "betanet_up 1")
		}
		f.targets.SetRules([]Rule{glob("*.INTERNAL.", 9000), prefix("10.0.0.2/32", 9000)})
		synctest.Wait()
		for target, kept := range map[string]bool{"10.0.0.1:9000": false, "name.example:9000": true, "a.internal:9000": true, "local.internal:9000": false} {
			if got := f.openTo(all[target] + ":9000"); (got > 0) != kept {
				t.Errorf("%s: got %d open connections, want kept %v", target, got, kept)
			}
			if err := f.collectError(target); (err == nil) != kept || err != nil && !errors.Is(err, ErrForbidden) {
				t.Errorf("%s: got %v, want allowed %v", target, err, kept)
			}
			if got := f.requests(all[target] + ":9000"); got != 3 {
				t.Errorf("%s: got %d requests, want 3, because the cache is kept", target, got)
			}
		}
	})
}

func TestATargetForbiddenDuringItsCollectionIsNotShown(t *testing.T) {
	for _, handler := range []http.HandlerFunc{hang, blackhole} {
		inBubble(t, privateRange, func(t *testing.T, f *fixture) {
			f.host("10.0.0.1:9000", handler)
			synctest.Wait()
			before, start := goroutines(), time.Now()
			time.AfterFunc(time.Second, func() { f.targets.SetRules(noRules) })
			if err := f.collectError("10.0.0.1:9000"); !errors.Is(err, ErrForbidden) || time.Since(start) != time.Second {
				t.Errorf("got %v after %v, want forbidden at once", err, time.Since(start))
			}
			synctest.Wait()
			if got := goroutines(); got != before {
				t.Errorf("got %d goroutines, want %d", got, before)
			}
		})
	}
}

func TestChangedSettingsApplyToKnownTargets(t *testing.T) {
	inBubble(t, privateRange, func(t *testing.T, f *fixture) {
		f.host("10.0.0.1:9000", healthy(1))
		wantSamples(t, f.samples(t, "10.0.0.1:9000"), "betanet_up 1")
		same := f.targets.settings()
		f.targets.SetSettings(same, f.targets.o.API)
		synctest.Wait()
		if got := f.openTo("10.0.0.1:9000"); got == 0 {
			t.Error("got no open connections although nothing changed")
		}
		changed := same
		changed.Attempts = 1
		f.targets.SetSettings(changed, f.targets.o.API)
		synctest.Wait()
		if got := f.openTo("10.0.0.1:9000"); got != 0 {
			t.Errorf("got %d open connections with the old settings, want none", got)
		}
		f.host("10.0.0.1:9000", blackhole)
		wantSamples(t, f.samples(t, "10.0.0.1:9000"), "betanet_up 0")
	})
}
