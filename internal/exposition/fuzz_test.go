package exposition

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// FuzzSamplesReadBack checks that labels and numbers are read back unchanged: the
// operator's labels, the upstream's ids, and every uint64 and float64. Prometheus' own
// library parses text 0.0.4, and readOpenMetrics parses OpenMetrics.
func FuzzSamplesReadBack(f *testing.F) {
	f.Add("u", "eu", "id", uint64(7), 45.0)
	f.Add("", "", "", uint64(0), 0.0)
	f.Add(`a"b\c`, "line\nbreak", "日本\x00\r\t", uint64(math.MaxUint64), math.Copysign(0, -1))
	f.Add(`\n`, `\\n"`, `\`, uint64(1)<<53+1, math.MaxFloat64)
	f.Add("\u2028", "le", `",x="`, uint64(1_000_000), math.SmallestNonzeroFloat64)
	f.Add("# HELP betanet_up x", "# EOF\n", "} 1\n", uint64(999_999), math.Inf(1))
	f.Add("+Inf", "NaN", "{}", uint64(10_000_000), math.NaN())
	f.Fuzz(func(t *testing.T, name, custom, id string, n uint64, x float64) {
		for _, s := range []string{name, custom, id} {
			if !utf8.ValidString(s) {
				t.Skip("configuration and documents are UTF-8")
			}
		}
		u := newUpstream(name)
		u.Settings.MaxStale, u.Labels = 0, []fleet.Label{{Name: "custom", Value: custom}}
		v := viewOf(u, time.UnixMilli(int64(n>>20)), betanettest.Mixnodes{
			{ID: id, Status: "active", PacketsProcessed: n, PacketsDropped: &n, UptimeSeconds: &n, AvgLatencyMS: &x},
		}.Doc())
		r := NewRegistry()
		r.Publish(v)

		labels := func(more ...string) (l [][2]string) {
			if name != "" {
				l = append(l, [2]string{"upstream", name})
			}
			for i := 0; i < len(more); i += 2 {
				l = append(l, [2]string{more[i], more[i+1]})
			}
			return l
		}
		node := labels("custom", custom, "mixnode", id)
		seconds := x / 1000
		want := map[string]string{
			"betanet_mixnode_packets_processed_total":         sampleText("betanet_mixnode_packets_processed_total", node, float64(n)),
			"betanet_mixnode_packets_dropped_total":           sampleText("betanet_mixnode_packets_dropped_total", node, float64(n)),
			"betanet_mixnode_uptime_seconds":                  sampleText("betanet_mixnode_uptime_seconds", node, float64(n)),
			"betanet_mixnode_average_latency_seconds":         sampleText("betanet_mixnode_average_latency_seconds", node, seconds),
			"betanet_mixnode_up":                              sampleText("betanet_mixnode_up", node, 1),
			"betanet_up":                                      sampleText("betanet_up", labels("custom", custom), 1),
			"betanet_messages_total":                          sampleText("betanet_messages_total", labels("custom", custom), float64(n)),
			"betanet_exporter_last_success_timestamp_seconds": sampleText("betanet_exporter_last_success_timestamp_seconds", labels("custom", custom, "endpoint", "mixnodes"), float64(n>>20)/1000),
		}
		var text, om bytes.Buffer
		if err := r.WriteUpstreams(&text, Text); err != nil {
			t.Fatal(err)
		}
		if err := r.WriteUpstreams(&om, OpenMetrics); err != nil {
			t.Fatal(err)
		}
		gotText := readText(t, text.String())
		gotOM, err := readOpenMetrics(om.String())
		if err != nil {
			t.Fatalf("OpenMetrics: %v", err)
		}
		if n == 0 {
			delete(want, "betanet_mixnode_average_latency_seconds")
		}
		for family, sample := range want {
			if got := gotText[family].Samples; len(got) != 1 || got[0] != sample {
				t.Errorf("text: got %q, want %q", got, sample)
			}
		}
		if n > math.MaxInt64 { // the text parser's limit for the count of a summary
			delete(gotText, "betanet_packet_latency_seconds")
			delete(gotOM, "betanet_packet_latency_seconds")
		}
		// The two formats agree, including the histograms.
		if diff := gocmp.Diff(samplesByName(gotText), samplesByName(gotOM)); diff != "" {
			t.Errorf("(-text +OpenMetrics):\n%s", diff)
		}
	})
}

// samplesByName returns the samples of families by their OpenMetrics name and type.
func samplesByName(families map[string]parsedFamily) map[string][]string {
	all := make(map[string][]string)
	for name, f := range families {
		if f.Kind == "counter" {
			name = strings.TrimSuffix(name, "_total")
		}
		all[name+" "+f.Kind] = f.Samples
	}
	return all
}
