package test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// histograms lists the histograms of an exporter that has one upstream without a name.
var histograms = []string{
	"betanet_exporter_collection_delay_seconds", "betanet_exporter_request_duration_seconds", "betanet_message_latency_seconds",
}

// bucketGrowth is the maximum ratio between the bounds of neighbouring native buckets. A
// quantile is accurate to one bucket.
const bucketGrowth = 1.1

// startVariedService starts a Betanet service whose average latency repeats the sequence 3,
// 30, 30, 30 and 700 ms.
func startVariedService(t *testing.T) (base string) {
	t.Helper()
	var documents atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/v1/metrics":
			fmt.Fprint(w, `{"packets_processed": 5, "packets_dropped": 1}`)
		case "/api/v1/nodes/status":
			fmt.Fprint(w, `{"active_nodes": 2, "inactive_nodes": 1, "total_nodes": 3}`)
		case "/api/v1/network/stats":
			ms := []int{3, 30, 30, 30, 700}[(documents.Add(1)-1)%5]
			fmt.Fprintf(w, `{"bytes_transmitted": 1, "bytes_received": 1, "avg_latency_ms": %d, "peak_throughput": 1}`, ms)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// bucketOf returns the bounds of the classic bucket that contains a quantile of a histogram in
// the text format.
func bucketOf(text, histogram string, quantile float64) (low, high float64, err error) {
	var bounds, counts []float64
	for _, m := range regexp.MustCompile(`(?m)^`+histogram+`_bucket\{le="([^"]+)"\} (\d+)$`).FindAllStringSubmatch(text, -1) {
		bound, errBound := strconv.ParseFloat(m[1], 64)
		count, errCount := strconv.ParseFloat(m[2], 64)
		if errBound != nil || errCount != nil {
			return 0, 0, fmt.Errorf("%s: invalid bucket %q", histogram, m[0])
		}
		bounds, counts = append(bounds, bound), append(counts, count)
	}
	if len(counts) == 0 || counts[len(counts)-1] < 20 {
		return 0, 0, fmt.Errorf("%s has the counts %v, want at least 20 observations", histogram, counts)
	}
	rank := quantile * counts[len(counts)-1]
	i := slices.IndexFunc(counts, func(n float64) bool { return n >= rank })
	if i > 0 {
		low = bounds[i-1]
	}
	return low, bounds[i], nil
}

// histogramSeries returns the number of series of a histogram in a job, by the suffix of their
// names.
func histogramSeries(prometheus, job, histogram string) (map[string]int, error) {
	values, err := query(prometheus, fmt.Sprintf(`count by (__name__) ({__name__=~"%s(_bucket|_sum|_count)?", job=%q})`, histogram, job))
	if err != nil {
		return nil, err
	}
	stored := make(map[string]int)
	for labels, n := range values {
		stored[strings.TrimSuffix(strings.TrimPrefix(labels, "map[__name__:"+histogram), "]")] = int(n)
	}
	return stored, nil
}

// waitForHistograms waits until every histogram of a job has the expected series.
func waitForHistograms(t *testing.T, prometheus, job string, want map[string]int) {
	t.Helper()
	for _, h := range histograms {
		wait(t, job+" stores "+h, func() error {
			got, err := histogramSeries(prometheus, job, h)
			if err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
				err = fmt.Errorf("got series %v, want %v", got, want)
			}
			return err
		})
	}
}

// TestPrometheusStoresNativeHistograms scrapes one exporter with Prometheus 3 and with
// Debian's version: each stores the kind of histogram that it requests, and quantiles of
// both kinds agree.
func TestPrometheusStoresNativeHistograms(t *testing.T) {
	server3 := prometheus3.path(t)
	server2 := component(t, "prometheus", "prometheus")
	_, exporter := startExporter(t, "--collect.interval=200ms", "--betanet.api=v1", "--betanet.url="+startVariedService(t))
	native := runPrometheus(t, server3, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- {job_name: native, scrape_native_histograms: true, always_scrape_classic_histograms: false, static_configs: [{targets: [%[1]q]}]}
- {job_name: both, scrape_native_histograms: true, always_scrape_classic_histograms: true, static_configs: [{targets: [%[1]q]}]}
- {job_name: classic, scrape_native_histograms: false, static_configs: [{targets: [%[1]q]}]}
`, host(exporter)))
	old := runPrometheus(t, server2, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs: [{job_name: classic, static_configs: [{targets: [%q]}]}]
`, host(exporter)))

	classic := map[string]int{"_bucket": len(latencyBuckets) + 1, "_sum": 1, "_count": 1}
	waitForHistograms(t, native, "native", map[string]int{"": 1})
	waitForHistograms(t, native, "both", map[string]int{"": 1, "_bucket": len(latencyBuckets) + 1, "_sum": 1, "_count": 1})
	waitForHistograms(t, native, "classic", classic)
	waitForHistograms(t, old, "classic", classic)

	for _, h := range histograms {
		for _, q := range []float64{0.1, 0.5, 0.9} {
			waitForBody(t, fmt.Sprintf("quantile %v of %s", q, h), exporter+"/metrics", func(text string) error {
				low, high, err := bucketOf(text, h, q)
				if err != nil {
					return err
				}
				return quantileWithin(native, fmt.Sprintf(`histogram_quantile(%v, %s{job="native"})`, q, h), low, high)
			})
		}
	}
	for q, want := range map[float64]float64{0.1: 0.003, 0.5: 0.03, 0.9: 0.7} {
		if err := quantileWithin(native, fmt.Sprintf(`histogram_quantile(%v, betanet_message_latency_seconds{job="native"})`, q), want, want); err != nil {
			t.Error(err)
		}
	}
}

// quantileWithin checks that an expression has one value, and that it is within bounds that are
// widened by one native bucket.
func quantileWithin(prometheus, expression string, low, high float64) error {
	values, err := query(prometheus, expression)
	if err != nil {
		return err
	}
	if len(values) != 1 {
		return fmt.Errorf("%s has %d values", expression, len(values))
	}
	for _, v := range values {
		if math.IsNaN(v) || v < low/bucketGrowth || v > high*bucketGrowth {
			return fmt.Errorf("%s = %v, want %v to %v", expression, v, low, high)
		}
	}
	return nil
}
