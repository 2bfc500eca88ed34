package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// startServer starts a server and returns its URL.
func startServer(t *testing.T, h http.HandlerFunc) *url.URL {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// startService starts a Betanet service and returns its URL.
func startService(t *testing.T, messages int) *url.URL {
	t.Helper()
	return startServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"packets_processed":%d,"packets_dropped":1,"active_nodes":1,"inactive_nodes":0,"total_nodes":1,`+
			`"bytes_transmitted":1,"bytes_received":1,"avg_latency_ms":1,"peak_throughput":1}`, messages)
	})
}

func named(name string, base *url.URL) *fleet.Upstream {
	return &fleet.Upstream{Name: name, URLs: []*url.URL{base}, API: betanet.V1, Settings: fleet.Settings{
		Interval: time.Hour, Timeout: 10 * time.Second, RequestTimeout: 10 * time.Second, Attempts: 1, Backoff: 1, MaxBackoff: 1,
		Jitter: retry.None, BreakerFailures: 5, BreakerOpen: time.Second, Histogram: true,
	}}
}

// upstreamSetFixture is an upstreamSet with a running poller.
type upstreamSetFixture struct {
	*upstreamSet
	ctx context.Context // of the collections
	log logBuffer
}

func newUpstreamSetFixture(t *testing.T) *upstreamSetFixture {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &upstreamSetFixture{ctx: ctx}
	registry := exposition.NewRegistry()
	poller := newPoller(registry, newObserver(registry.Exporter, slog.New(slog.DiscardHandler)), 0, nil)
	f.upstreamSet = newUpstreamSet(poller, registry, f.log.logger(), true)
	ended := make(chan struct{})
	go func() { poller.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return f
}

// configureAll configures static upstreams and sources. Discovered upstreams have the
// same settings as the result of named.
func (f *upstreamSetFixture) configureAll(static []*fleet.Upstream, sources ...string) {
	all := make(map[string]*betanet.HTTPConfig)
	for _, s := range sources {
		all[s] = nil
	}
	f.configure(f.ctx, static, named("", nil).Settings, betanet.V1, all)
}

// found returns a list of targets from alternating names and URLs.
func found(all ...any) (l discovery.List) {
	for i := 0; i < len(all); i += 2 {
		l.Targets = append(l.Targets, discovery.Target{Name: all[i].(string), URL: all[i+1].(*url.URL)})
	}
	return l
}

func (f *upstreamSetFixture) exposition(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	if err := f.registry.Write(&b, exposition.Text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// waitForLine waits until the exposition has a line, or no longer has it if want is false.
func (f *upstreamSetFixture) waitForLine(t *testing.T, line string, want bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(f.exposition(t), "\n"+line+"\n") == want {
			return
		}
	}
	t.Fatalf("exposition has the line %s: %v, want %v", line, !want, want)
}

func TestUnchangedUpstreamsKeepTheirState(t *testing.T) {
	f := newUpstreamSetFixture(t)
	a, b := startService(t, 10), startService(t, 20)
	f.configureAll([]*fleet.Upstream{named("a", a), named("b", b)})
	f.waitForLine(t, `betanet_messages_total{upstream="a"} 10`, true)
	f.waitForLine(t, `betanet_messages_total{upstream="b"} 20`, true)
	before := f.lookup("a")
	changed := named("b", b)
	changed.Labels = []fleet.Label{{Name: "region", Value: "eu"}}
	f.configureAll([]*fleet.Upstream{named("a", a), changed})
	if f.lookup("a") != before {
		t.Error("an upstream that did not change was replaced")
	}
	f.waitForLine(t, `betanet_messages_total{region="eu",upstream="b"} 20`, true)
	f.waitForLine(t, `betanet_messages_total{upstream="b"} 20`, false)
	f.waitForLine(t, `betanet_message_latency_seconds_count{upstream="a"} 1`, true)
}

func TestRemovedUpstreamHasNoSeries(t *testing.T) {
	f := newUpstreamSetFixture(t)
	f.configureAll([]*fleet.Upstream{named("a", startService(t, 10)), named("b", startService(t, 20))})
	f.waitForLine(t, `betanet_up{upstream="b"} 1`, true)
	f.configureAll([]*fleet.Upstream{named("a", f.lookup("a").URLs[0])})
	if text := f.exposition(t); strings.Contains(text, `upstream="b"`) || !strings.Contains(text, "betanet_exporter_upstreams 1\n") {
		t.Error("the exposition still has series of the removed upstream")
	}
}

func TestFailingSourceKeepsItsLastList(t *testing.T) {
	f := newUpstreamSetFixture(t)
	f.configureAll(nil, "file:x")
	f.discovered(f.ctx, "file:x", found("a", startService(t, 10)))
	f.waitForLine(t, `betanet_messages_total{upstream="a"} 10`, true)
	f.waitForLine(t, `betanet_exporter_discovery_up{source="file:x"} 1`, true)
	f.discovered(f.ctx, "file:x", discovery.List{Err: errors.New("no such file")})
	f.waitForLine(t, `betanet_exporter_discovery_up{source="file:x"} 0`, true)
	if f.lookup("a") == nil {
		t.Error("a failed read removed an upstream of the last list")
	}
	f.discovered(f.ctx, "file:x", found())
	if f.lookup("a") != nil {
		t.Error("an empty list did not remove the upstream")
	}
}

func TestStaticNamesWinAndDuplicatesAreCounted(t *testing.T) {
	f := newUpstreamSetFixture(t)
	static := startService(t, 10)
	f.configureAll([]*fleet.Upstream{named("a", static)}, "file:x", "file:y")
	f.discovered(f.ctx, "file:x", found("a", startService(t, 20), "b", startService(t, 30)))
	f.discovered(f.ctx, "file:y", found("b", startService(t, 40)))
	f.waitForLine(t, `betanet_messages_total{upstream="a"} 10`, true)
	f.waitForLine(t, `betanet_messages_total{upstream="b"} 30`, true)
	f.waitForLine(t, `betanet_exporter_discovery_duplicates{source="file:x"} 1`, true)
	f.waitForLine(t, `betanet_exporter_discovery_duplicates{source="file:y"} 1`, true)
	f.configureAll(nil, "file:y")
	f.waitForLine(t, `betanet_messages_total{upstream="b"} 40`, true)
	f.waitForLine(t, `betanet_exporter_discovery_up{source="file:x"} 1`, false)
	f.discovered(f.ctx, "file:x", found("late", static))
	if f.lookup("late") != nil {
		t.Error("a source that is no longer configured added an upstream")
	}
}

func TestNothingIsFetchedOrExposedOnDemand(t *testing.T) {
	f := newUpstreamSetFixture(t)
	f.scheduled = false
	requested := false
	u := startServer(t, func(http.ResponseWriter, *http.Request) { requested = true })
	f.configureAll([]*fleet.Upstream{named("a", u)})
	f.waitForLine(t, `betanet_exporter_upstreams 1`, true)
	f.waitForLine(t, `betanet_up{upstream="a"} 0`, false)
	if requested {
		t.Error("an upstream got a request")
	}
}

func TestInvalidUpstreamIsLoggedOncePerAppearance(t *testing.T) {
	f := newUpstreamSetFixture(t)
	broken := &betanet.HTTPConfig{TLSConfig: config.TLSConfig{CAFile: t.TempDir() + "/none"}}
	f.configure(f.ctx, nil, named("", nil).Settings, betanet.V1, map[string]*betanet.HTTPConfig{"file:a": broken})
	secured := &url.URL{Scheme: "https", Host: "127.0.0.1:1"}
	wantOne := func(when string) {
		t.Helper()
		log := strings.Join(f.log.take(), "\n")
		if got := strings.Count(log, "Upstream left out"); got != 1 {
			t.Errorf("%s: got %d lines, want 1:\n%s", when, got, log)
		}
	}
	for range 3 {
		f.discovered(f.ctx, "file:a", found("x", secured))
	}
	wantOne("listed three times")
	f.discovered(f.ctx, "file:a", found())
	f.discovered(f.ctx, "file:a", found("x", secured))
	wantOne("listed again after its removal")
}
