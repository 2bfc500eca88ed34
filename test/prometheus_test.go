package test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// formats maps a name to the Accept header of the scrape ("" for Prometheus' own) and the
// prefix of the expected Content-Type. Version 2.42 prefers OpenMetrics, or
// protobuf if native histograms are enabled.
var formats = map[string]struct{ accept, contentType string }{
	"default":     {"", "application/openmetrics-text"},
	"openmetrics": {"application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0"},
	"text":        {"text/plain;version=0.0.4", "text/plain; version=0.0.4"},
	"native":      {"", "application/vnd.google.protobuf"},
}

func TestPrometheusStoresAllFormats(t *testing.T) {
	server := component(t, "prometheus", "prometheus")
	upstreams := append(simulate(t, "v1"), simulate(t, "mixnodes")...)
	exporter := startExporterFor(t, len(upstreams), upstreams)

	stores := make(map[string]string)
	for name, f := range formats {
		var flags []string
		if name == "native" {
			flags = []string{"--enable-feature=native-histograms"}
		}
		proxy, contentType := startAcceptProxy(t, exporter, f.accept)
		prometheus := runPrometheus(t, server, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- {job_name: %s, static_configs: [{targets: [%q]}]}
`, name, host(proxy)), flags...)
		stores[name] = prometheus
		// These queries find only series that the last scrape had.
		waitForValue(t, prometheus, `count(up == 1)`, 1)
		waitForValue(t, prometheus, `count(betanet_up == 1)`, float64(len(upstreams)))
		waitForValue(t, prometheus, `count(betanet_messages_total)`, float64(len(upstreams)))
		if got, _ := contentType.Load().(string); !strings.HasPrefix(got, f.contentType) {
			t.Errorf("job %s: Content-Type of the last response = %q, want the prefix %q", name, got, f.contentType)
		}
		waitForIncrease(t, prometheus, "betanet_messages_total", len(upstreams))
	}
	for _, name := range []string{"default", "openmetrics"} {
		wait(t, name+" has the same series as text", func() error { return compareSeries(stores["text"], stores[name], nil) })
	}
	wait(t, "each native histogram is one series", func() error {
		return compareSeries(stores["text"], stores["native"], []string{
			"betanet_exporter_collection_delay_seconds", "betanet_exporter_request_duration_seconds",
		})
	})
}

// storedSeries returns all series of the exporter that a server has ever stored. It treats
// le="1.0" (OpenMetrics) as le="1".
func storedSeries(prometheus string) (map[string]bool, error) {
	var response struct{ Data []map[string]string }
	if err := getJSON(prometheus+"/api/v1/series?match[]="+url.QueryEscape(`{__name__=~"betanet_.+"}`), &response); err != nil {
		return nil, err
	}
	all := make(map[string]bool)
	for _, labels := range response.Data {
		delete(labels, "job")
		delete(labels, "instance")
		if le, ok := labels["le"]; ok {
			labels["le"] = strings.TrimSuffix(le, ".0")
		}
		all[fmt.Sprint(labels)] = true
	}
	return all, nil
}

// compareSeries compares the series of two servers. For each native histogram, the second
// server has one series where the first has buckets, sum and count.
func compareSeries(classic, other string, native []string) error {
	want, err := storedSeries(classic)
	if err != nil {
		return err
	}
	for _, name := range native {
		before := len(want)
		maps.DeleteFunc(want, func(series string, _ bool) bool {
			return regexp.MustCompile(`\b` + name + `_(bucket|sum|count)\b`).MatchString(series)
		})
		if got := before - len(want); got != len(latencyBuckets)+3 {
			return fmt.Errorf("%s has %d classic series, want %d", name, got, len(latencyBuckets)+3)
		}
		want["map[__name__:"+name+"]"] = true
	}
	got, err := storedSeries(other)
	if err != nil {
		return err
	}
	for series := range want {
		if !got[series] {
			return fmt.Errorf("%s is missing", series)
		}
	}
	for series := range got {
		if !want[series] {
			return fmt.Errorf("unexpected series %s", series)
		}
	}
	return nil
}

// startAcceptProxy starts a proxy that forwards to the exporter with the given Accept header,
// or the original one if accept is empty, and records the Content-Type of the last response.
func startAcceptProxy(t *testing.T, exporter, accept string) (base string, contentType *atomic.Value) {
	t.Helper()
	target, err := url.Parse(exporter)
	if err != nil {
		t.Fatal(err)
	}
	contentType = new(atomic.Value)
	transport := &http.Transport{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if accept != "" {
				r.Out.Header.Set("Accept", accept)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			contentType.Store(r.Header.Get("Content-Type"))
			return nil
		},
	})
	t.Cleanup(func() {
		proxy.Close()
		transport.CloseIdleConnections()
	})
	return proxy.URL, contentType
}
