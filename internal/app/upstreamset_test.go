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
	"go.uber.org/goleak"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a Betanet service in the test's process.
func service(t *testing.T, messages int) *url.URL {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"packets_processed":%d,"packets_dropped":1,"active_nodes":1,"inactive_nodes":0,"total_nodes":1,`+
			`"bytes_transmitted":1,"bytes_received":1,"avg_latency_ms":1,"peak_throughput":1}`, messages)
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func named(name string, base *url.URL) *fleet.Upstream {
	return &fleet.Upstream{Name: name, URLs: []*url.URL{base}, API: betanet.V1, Settings: fleet.Settings{
		Interval: time.Hour, Timeout: 10 * time.Second, RequestTimeout: 10 * time.Second, Attempts: 1, Backoff: 1, MaxBackoff: 1,
		Jitter: retry.None, BreakerFailures: 5, BreakerOpen: time.Second, Histogram: true,
	}}
}

// team is a roster at work.
type team struct {
	*upstreamSet
	ctx      context.Context // of the collections
	registry *exposition.Registry
}

func newTeam(t *testing.T) *team {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	registry := exposition.NewRegistry()
	poller := newPoller(registry, new(recorder), log, 0, nil)
	ended := make(chan struct{})
	go func() { poller.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	return &team{newUpstreamSet(poller, registry, log, true), ctx, registry}
}

// configured configures upstreams, and sources whose upstreams have the settings
// of named.
func (te *team) configured(static []*fleet.Upstream, sources []string) {
	all := make(map[string]*betanet.HTTPConfig)
	for _, s := range sources {
		all[s] = nil
	}
	te.configure(te.ctx, static, named("", nil).Settings, betanet.V1, all)
}

// found is what a source found, in turn names and addresses.
func found(all ...any) (l discovery.List) {
	for i := 0; i < len(all); i += 2 {
		l.Targets = append(l.Targets, discovery.Target{Name: all[i].(string), URL: all[i+1].(*url.URL)})
	}
	return l
}

// exposed waits until the exposition has a line, or has not.
func (te *team) exposed(t *testing.T, line string, want bool) {
	t.Helper()
	var b strings.Builder
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		b.Reset()
		if err := te.registry.Write(&b, exposition.Text); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "\n"+line+"\n") == want {
			return
		}
	}
	t.Fatalf("%s: got %v, want %v", line, !want, want)
}

func TestUnchangedUpstreamsKeepTheirState(t *testing.T) {
	te := newTeam(t)
	a, b := service(t, 10), service(t, 20)
	te.configured([]*fleet.Upstream{named("a", a), named("b", b)}, nil)
	te.exposed(t, `betanet_messages_total{upstream="a"} 10`, true)
	te.exposed(t, `betanet_messages_total{upstream="b"} 20`, true)
	before := te.lookup("a")
	changed := named("b", b)
	changed.Labels = []fleet.Label{{Name: "region", Value: "eu"}}
	te.configured([]*fleet.Upstream{named("a", a), changed}, nil)
	if te.lookup("a") != before {
		t.Error("an upstream that did not change was replaced")
	}
	te.exposed(t, `betanet_messages_total{region="eu",upstream="b"} 20`, true)
	te.exposed(t, `betanet_messages_total{upstream="b"} 20`, false)
	te.exposed(t, `betanet_message_latency_seconds_count{upstream="a"} 1`, true)
}

func TestAnUpstreamThatLeavesIsGone(t *testing.T) {
	te := newTeam(t)
	te.configured([]*fleet.Upstream{named("a", service(t, 10)), named("b", service(t, 20))}, nil)
	te.exposed(t, `betanet_up{upstream="b"} 1`, true)
	te.configured([]*fleet.Upstream{named("a", te.lookup("a").URLs[0])}, nil)
	var b strings.Builder
	if err := te.registry.Write(&b, exposition.Text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), `upstream="b"`) || !strings.Contains(b.String(), "betanet_exporter_upstreams 1\n") {
		t.Error("series of the upstream are still there")
	}
}

func TestAFailingSourceKeepsItsLastList(t *testing.T) {
	te := newTeam(t)
	te.configured(nil, []string{"file:x"})
	te.discovered(te.ctx, "file:x", found("a", service(t, 10)))
	te.exposed(t, `betanet_messages_total{upstream="a"} 10`, true)
	te.exposed(t, `betanet_exporter_discovery_up{source="file:x"} 1`, true)
	te.discovered(te.ctx, "file:x", discovery.List{Err: errors.New("no such file")})
	te.exposed(t, `betanet_exporter_discovery_up{source="file:x"} 0`, true)
	if te.lookup("a") == nil {
		t.Error("the last list is gone")
	}
	te.discovered(te.ctx, "file:x", found())
	if te.lookup("a") != nil {
		t.Error("an empty list left an upstream")
	}
}

func TestStaticNamesWinAndDuplicatesAreCounted(t *testing.T) {
	te := newTeam(t)
	static := service(t, 10)
	te.configured([]*fleet.Upstream{named("a", static)}, []string{"file:x", "file:y"})
	te.discovered(te.ctx, "file:x", found("a", service(t, 20), "b", service(t, 30)))
	te.discovered(te.ctx, "file:y", found("b", service(t, 40)))
	te.exposed(t, `betanet_messages_total{upstream="a"} 10`, true)
	te.exposed(t, `betanet_messages_total{upstream="b"} 30`, true)
	te.exposed(t, `betanet_exporter_discovery_duplicates{source="file:x"} 1`, true)
	te.exposed(t, `betanet_exporter_discovery_duplicates{source="file:y"} 1`, true)
	te.configured(nil, []string{"file:y"})
	te.exposed(t, `betanet_messages_total{upstream="b"} 40`, true)
	te.exposed(t, `betanet_exporter_discovery_up{source="file:x"} 1`, false)
	te.discovered(te.ctx, "file:x", found("late", static))
	if te.lookup("late") != nil {
		t.Error("a source that is no longer configured added an upstream")
	}
}

func TestWithoutAGridNothingIsFetchedOrExposed(t *testing.T) {
	te := newTeam(t)
	te.scheduled = false
	asked := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer s.Close()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	te.configured([]*fleet.Upstream{named("a", u)}, nil)
	te.exposed(t, `betanet_exporter_upstreams 1`, true)
	te.exposed(t, `betanet_up{upstream="a"} 0`, false)
	if asked {
		t.Error("an upstream was asked")
	}
}

// What keeps an upstream out is logged once, not each time that a source is read,
// and again when it is back.
func TestAnUpstreamThatCannotBeAddedIsLoggedOnce(t *testing.T) {
	te := newTeam(t)
	var log strings.Builder
	te.log = slog.New(slog.NewTextHandler(&log, nil))
	broken := &betanet.HTTPConfig{TLSConfig: config.TLSConfig{CAFile: t.TempDir() + "/none"}}
	te.configure(te.ctx, nil, named("", nil).Settings, betanet.V1, map[string]*betanet.HTTPConfig{"file:a": broken})
	secured := &url.URL{Scheme: "https", Host: "127.0.0.1:1"}
	lines := func() int { return strings.Count(log.String(), "Upstream left out") }
	for range 3 {
		te.discovered(te.ctx, "file:a", found("x", secured))
	}
	if got := lines(); got != 1 {
		t.Errorf("got %d lines, want 1:\n%s", got, log.String())
	}
	te.discovered(te.ctx, "file:a", found())
	te.discovered(te.ctx, "file:a", found("x", secured))
	if got := lines(); got != 2 {
		t.Errorf("got %d lines after it was gone, want 2:\n%s", got, log.String())
	}
}
