package probe

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
	"github.com/betanet/betanet_exporter/internal/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var defaults = fleet.Settings{
	Interval: 15 * time.Second, Timeout: 14 * time.Second, RequestTimeout: 5 * time.Second,
	Attempts: 3, Backoff: time.Second, MaxBackoff: 4 * time.Second, Jitter: retry.None,
	BreakerFailures: 5, BreakerOpen: 30 * time.Second, TTL: 10 * time.Second, MaxStale: 5 * time.Minute,
}

// fixture is Targets with an in-memory network and resolver.
type fixture struct {
	*network
	dns         *resolver
	configured  map[string]*fleet.Upstream
	poller      *poll.Poller
	targets     *Targets
	cancel      context.CancelFunc // stops the targets
	stopPolling context.CancelFunc
}

// inBubble runs a test in a synctest bubble with a fixture that has the given rules.
func inBubble(t *testing.T, rules []Rule, test func(*testing.T, *fixture)) {
	synctest.Test(t, func(t *testing.T) { withFixture(rules, func(f *fixture) { test(t, f) }) })
}

func withFixture(rules []Rule, test func(*fixture)) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &fixture{network: newNetwork(), dns: &resolver{answers: make(map[string][]answer)}, configured: make(map[string]*fleet.Upstream), cancel: cancel}
	logs := new(Logs)
	f.poller = poll.New(poll.Options{Publish: func(*fleet.View) {}, Report: logs.Report, Dial: f.dial})
	f.targets = New(ctx, Options{
		Poller: f.poller, Logs: logs, Settings: defaults, API: betanet.V1, Resolver: f.dns,
		Lookup: func(name string) *fleet.Upstream { return f.configured[name] },
	})
	f.targets.dial = f.dial
	f.targets.SetRules(rules)
	polling, stop := context.WithCancel(context.Background())
	f.stopPolling = stop
	var running sync.WaitGroup
	running.Go(func() { f.poller.Run(polling) })
	defer running.Wait()
	defer stop()
	defer f.network.close()
	defer f.targets.Wait()
	defer cancel()
	test(f)
}

// samples probes a target and returns the samples.
func (f *fixture) samples(t *testing.T, target string) string {
	t.Helper()
	v, late, err := f.targets.Collect(context.Background(), target, 0)
	if err != nil {
		t.Fatalf("Collect(%s): %v", target, err)
	}
	return text(v, late)
}

// lateSamples probes a target and returns the samples. The probe must reach its limit.
func (f *fixture) lateSamples(t *testing.T, target string, limit time.Duration) string {
	t.Helper()
	v, late, err := f.targets.Collect(context.Background(), target, limit)
	if err != nil || !late {
		t.Fatalf("Collect(%s): got late %v, %v, want late", target, late, err)
	}
	return text(v, late)
}

func text(v *fleet.View, late bool) string {
	var all strings.Builder
	if err := exposition.WriteProbe(&all, exposition.Text, v, late); err != nil {
		panic(err)
	}
	return all.String()
}

func (f *fixture) collectError(target string) error {
	_, _, err := f.targets.Collect(context.Background(), target, 0)
	return err
}

func wantSamples(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, "\n"+w+"\n") {
			t.Errorf("want the sample %q, got\n%s", w, strings.Join(grep(got, "betanet_up", "failing", "stale", "messages"), "\n"))
		}
	}
}

// grep returns the samples that contain one of the words.
func grep(all string, words ...string) (found []string) {
	for line := range strings.Lines(all) {
		for _, w := range words {
			if strings.Contains(line, w) && line[0] != '#' {
				found = append(found, strings.TrimSpace(line))
				break
			}
		}
	}
	return found
}

// resolver returns the answers for a name in order, then repeats the last one.
type resolver struct {
	mu      sync.Mutex
	answers map[string][]answer
	lookups int
}

type answer struct {
	addresses []netip.Addr
	err       error
	hangs     bool
}

// add adds an answer for a name.
func (n *resolver) add(name string, addresses ...string) {
	var a answer
	for _, s := range addresses {
		a.addresses = append(a.addresses, netip.MustParseAddr(s))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[name] = append(n.answers[name], a)
}

// hang makes lookups of a name block until the end of their context.
func (n *resolver) hang(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[name] = []answer{{hangs: true}}
}

func (n *resolver) LookupNetIP(ctx context.Context, _, name string) ([]netip.Addr, error) {
	n.mu.Lock()
	n.lookups++
	all := n.answers[name]
	a := answer{err: &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}}
	if len(all) > 0 {
		a = all[0]
	}
	if len(all) > 1 {
		n.answers[name] = all[1:]
	}
	n.mu.Unlock()
	if a.hangs {
		<-ctx.Done()
		return nil, &net.DNSError{Err: ctx.Err().Error(), Name: name, IsTimeout: true}
	}
	return a.addresses, a.err
}

// healthy serves documents with the given number of messages.
func healthy(messages int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case betanet.Metrics.Path():
			fmt.Fprintf(w, `{"packets_processed":%d,"packets_dropped":10}`, messages)
		case betanet.Nodes.Path():
			fmt.Fprintf(w, `{"active_nodes":%d,"inactive_nodes":2,"total_nodes":7}`, messages)
		case betanet.Network.Path():
			fmt.Fprintf(w, `{"bytes_transmitted":%d,"bytes_received":500000,"avg_latency_ms":45.0,"peak_throughput":10000}`, messages)
		default:
			http.NotFound(w, r)
		}
	}
}

// status serves an empty response with the given status and pairs of header names and values.
func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// hang does not respond until the request ends.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func prefix(s string, port uint16) Rule { return Rule{Prefix: netip.MustParsePrefix(s), Port: port} }
func glob(s string, port uint16) Rule   { return Rule{Glob: s, Port: port} }
