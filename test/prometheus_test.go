package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// formats are what a Prometheus server may ask for, and a beginning that the
// Content-Type of the answer has. A server of version 2.42 asks for OpenMetrics
// first; with native histograms turned on, for protobuf.
var formats = map[string]struct{ accept, contentType string }{
	"as_asked":    {"", "application/openmetrics-text"},
	"openmetrics": {"application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0"},
	"text":        {"text/plain;version=0.0.4", "text/plain; version=0.0.4"},
	"native":      {"", "application/vnd.google.protobuf"},
}

// withNative are the flags of a Prometheus server of version 2 that stores native
// histograms.
var withNative = map[string][]string{"native": {"--enable-feature=native-histograms"}}

func TestPrometheusStoresAllFormats(t *testing.T) {
	server := component(t, "prometheus", "prometheus")
	upstreams := append(simulate(t, "v1"), simulate(t, "mixnodes")...)
	exporter := expose(t, len(upstreams), upstreams)

	stores := make(map[string]string)
	for name, f := range formats {
		proxy, answers := acceptProxy(t, exporter, f.accept)
		prometheus := runPrometheus(t, server, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- {job_name: %s, static_configs: [{targets: [%q]}]}
`, name, host(proxy)), withNative[name]...)
		stores[name] = prometheus
		// A series counts as stored when its newest sample is one of the last scrapes.
		waitForValue(t, prometheus, `count(up == 1)`, 1)
		waitForValue(t, prometheus, `count(betanet_up == 1)`, float64(len(upstreams)))
		waitForValue(t, prometheus, `count(betanet_messages_total)`, float64(len(upstreams)))
		if got := answers.get(); !strings.HasPrefix(got, f.contentType) {
			t.Errorf("job %s: the Content-Type of the last answer = %q, want %q first", name, got, f.contentType)
		}
		waitForIncrease(t, prometheus, "betanet_messages_total", len(upstreams))
	}
	for _, name := range []string{"as_asked", "openmetrics"} {
		wait(t, name+" gives the series of text", func() error { return compareSeries(stores["text"], stores[name], nil) })
	}
	wait(t, "native histograms are one series each", func() error {
		return compareSeries(stores["text"], stores["native"], []string{
			"betanet_exporter_collection_delay_seconds", "betanet_exporter_request_duration_seconds",
		})
	})
}

// storedSeries are the series of the exporter that a server ever stored. OpenMetrics
// writes le="1.0" for le="1".
func storedSeries(prometheus string) (map[string]bool, error) {
	body, err := get(prometheus + "/api/v1/series?match[]=" + url.QueryEscape(`{__name__=~"betanet_.+"}`))
	if err != nil {
		return nil, err
	}
	var answer struct{ Data []map[string]string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, err
	}
	all := make(map[string]bool)
	for _, labels := range answer.Data {
		delete(labels, "job")
		delete(labels, "instance")
		if le, ok := labels["le"]; ok {
			labels["le"] = strings.TrimSuffix(le, ".0")
		}
		all[fmt.Sprint(labels)] = true
	}
	return all, nil
}

// compareSeries compares the series of two servers, the other of which has one of each of
// the native histograms where the first has buckets, sum and count.
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
			return fmt.Errorf("there is %s", series)
		}
	}
	return nil
}

// runPrometheus starts a Prometheus server with a configuration and gives its base URL.
func runPrometheus(t *testing.T, server, config string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	_, urls := serve(t, []string{"127.0.0.1"}, "/-/ready", server, func(port string) []string {
		return append([]string{"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:" + port}, flags...)
	})
	return urls[0]
}

// acceptProxy forwards to the exporter with another Accept header, "" for the one
// that came, and remembers the Content-Type of the last answer.
func acceptProxy(t *testing.T, exporter, accept string) (base string, answers *lastValue) {
	t.Helper()
	target, err := url.Parse(exporter)
	if err != nil {
		t.Fatal(err)
	}
	answers = new(lastValue)
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
			answers.set(r.Header.Get("Content-Type"))
			return nil
		},
	})
	t.Cleanup(func() {
		proxy.Close()
		transport.CloseIdleConnections()
	})
	return proxy.URL, answers
}

type lastValue struct {
	mu   sync.Mutex
	last string
}

func (c *lastValue) set(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = s
}

func (c *lastValue) get() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// waitForValue waits until an expression with one value has the value that is wanted.
func waitForValue(t *testing.T, prometheus, expression string, want float64) {
	t.Helper()
	wait(t, expression, func() error {
		values, err := query(prometheus, expression)
		if err != nil {
			return err
		}
		got := slices.Collect(maps.Values(values))
		if len(got) != 1 || got[0] != want {
			return fmt.Errorf("got %v, want [%v]", got, want)
		}
		return nil
	})
}

// waitForIncrease waits until each of the series that an expression selects is above what
// it was.
func waitForIncrease(t *testing.T, prometheus, expression string, series int) {
	t.Helper()
	var before map[string]float64
	wait(t, fmt.Sprintf("%d series of %s", series, expression), func() (err error) {
		if before, err = query(prometheus, expression); err == nil && len(before) != series {
			err = fmt.Errorf("there are %d", len(before))
		}
		return err
	})
	wait(t, expression+" grows", func() error {
		now, err := query(prometheus, expression)
		if err != nil {
			return err
		}
		for labels, was := range before {
			if is, ok := now[labels]; !ok || is <= was {
				return fmt.Errorf("%s: was %v, is %v", labels, was, is)
			}
		}
		return nil
	})
}

// query gives the values of an expression by label set.
func query(prometheus, expression string) (map[string]float64, error) {
	body, err := get(prometheus + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, fmt.Errorf("query %s: %w", expression, err)
	}
	values := make(map[string]float64)
	for _, r := range answer.Data.Result {
		text, ok := r.Value[1].(string)
		if !ok {
			return nil, fmt.Errorf("query %s: value %v is no string", expression, r.Value[1])
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", expression, err)
		}
		values[fmt.Sprint(r.Metric)] = v
	}
	return values, nil
}
