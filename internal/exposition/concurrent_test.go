package exposition

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// slowWriter delays each write, so that views are published during a scrape.
type slowWriter struct{ w io.Writer }

func (s slowWriter) Write(b []byte) (int, error) {
	time.Sleep(time.Microsecond)
	return s.w.Write(b)
}

func TestScrapesDuringChangesAreCompleteAndConsistent(t *testing.T) {
	const upstreams, rounds = 20, 300
	r := NewRegistry()
	var all []*fleet.Upstream
	for i := range upstreams {
		all = append(all, &fleet.Upstream{
			Name: fmt.Sprintf("u%02d", i), URLs: []*url.URL{{Scheme: "http", Host: "u:9000"}}, API: betanet.V1,
			Settings: fleet.Settings{MaxStale: time.Minute},
		})
	}
	publish := func(i, n int) {
		now := time.Now()
		doc := betanettest.Metrics{PacketsProcessed: uint64(n*upstreams + i), PacketsDropped: uint64(n*upstreams + i)}.Doc()
		r.Publish(&fleet.View{Upstream: all[i], URL: all[i].URLs[0], Endpoints: []fleet.EndpointView{
			{Endpoint: betanet.Metrics, Record: snapshot.Record{}.Fetched(doc, now)},
		}})
	}
	for i := range all {
		publish(i, 1)
	}
	var publishers, scrapers sync.WaitGroup
	done := make(chan struct{})
	for i := range all {
		publishers.Go(func() {
			for n := range rounds {
				publish(i, n+1)
				time.Sleep(time.Microsecond)
			}
		})
	}
	for _, format := range []Format{Text, OpenMetrics, Text, OpenMetrics} {
		scrapers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				var b bytes.Buffer
				if err := r.Write(slowWriter{&b}, format); err != nil || !isComplete(b.String(), format) {
					t.Errorf("format %v: got %v and %d bytes, want all families", format, err, b.Len())
				}
				wantOneView(t, b.String(), upstreams)
			}
		})
	}
	publishers.Wait()
	close(done)
	scrapers.Wait()
}

// isComplete reports whether a scrape was written to its end. The families of the
// runtime come last; only OpenMetrics has a line after them.
func isComplete(text string, f Format) bool {
	return strings.Contains(text, "\ngo_threads ") && strings.HasSuffix(text, "\n") &&
		strings.HasSuffix(text, "\n# EOF\n") == (f == OpenMetrics)
}

// wantOneView checks that both counters of each upstream appear once, are equal, and are
// a value of that upstream. It also checks betanet_up.
func wantOneView(t *testing.T, text string, upstreams int) {
	for i := range upstreams {
		var values []int
		for line := range strings.Lines(text) {
			for _, name := range []string{"betanet_messages_total", "betanet_packets_dropped_total"} {
				if rest, ok := strings.CutPrefix(line, fmt.Sprintf(`%s{upstream="u%02d"} `, name, i)); ok {
					var n int
					fmt.Sscan(rest, &n)
					values = append(values, n)
				}
			}
		}
		if len(values) != 2 || values[0] != values[1] || values[0]%upstreams != i {
			t.Errorf("u%02d: got %v, want the same value of this upstream twice", i, values)
		}
		if up := fmt.Sprintf("\nbetanet_up{upstream=\"u%02d\"} 1\n", i); !strings.Contains(text, up) {
			t.Errorf("missing %s", up)
		}
	}
}
