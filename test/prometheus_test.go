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
	"protobuf":    {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "application/vnd.google.protobuf"},
}

func TestPrometheusStoresWhatIsExposed(t *testing.T) {
	server := component(t, "prometheus", "prometheus")
	upstreams := append(simulate(t, "v1"), simulate(t, "mixnodes")...)
	exporter := expose(t, len(upstreams), upstreams)

	var config strings.Builder
	config.WriteString("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n")
	answered := make(map[string]*contentType)
	for name, f := range formats {
		proxy, answers := translator(t, exporter, f.accept)
		answered[name] = answers
		fmt.Fprintf(&config, "- {job_name: %s, static_configs: [{targets: [%q]}]}\n", name, strings.TrimPrefix(proxy, "http://"))
	}
	prometheus := run(t, server, config.String())

	// A series counts as stored when its newest sample is one of the last scrapes.
	for name, f := range formats {
		expect(t, prometheus, fmt.Sprintf(`count(up{job=%q} == 1)`, name), 1)
		expect(t, prometheus, fmt.Sprintf(`count(betanet_up{job=%q} == 1)`, name), float64(len(upstreams)))
		expect(t, prometheus, fmt.Sprintf(`count(betanet_messages_total{job=%q})`, name), float64(len(upstreams)))
		if got := answered[name].get(); !strings.HasPrefix(got, f.contentType) {
			t.Errorf("job %s: the Content-Type of the last answer = %q, want %q first", name, got, f.contentType)
		}
	}
	// Every format gives the same series. OpenMetrics writes le="1.0" for le="1".
	series := func(job string) string {
		return fmt.Sprintf(`label_replace({job=%q, __name__=~"betanet_.*"}, "le", "$1", "le", "(.+)[.]0")`, job)
	}
	for name := range formats {
		expect(t, prometheus, fmt.Sprintf(`count(%s unless ignoring(job, instance) %s) or vector(0)`, series(name), series("text")), 0)
		expect(t, prometheus, fmt.Sprintf(`count(%s unless ignoring(job, instance) %s) or vector(0)`, series("text"), series(name)), 0)
	}
	grows(t, prometheus, "betanet_messages_total", len(upstreams)*len(formats))
}

// run starts a Prometheus server with a configuration and gives its base URL.
func run(t *testing.T, server, config string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	_, urls := serve(t, []string{"127.0.0.1"}, "/-/ready", server, func(port string) []string {
		return []string{"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:" + port}
	})
	return urls[0]
}

// translator forwards to the exporter with another Accept header, "" for the one
// that came, and remembers the Content-Type of the last answer.
func translator(t *testing.T, exporter, accept string) (base string, answers *contentType) {
	t.Helper()
	target, err := url.Parse(exporter)
	if err != nil {
		t.Fatal(err)
	}
	answers = new(contentType)
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

type contentType struct {
	mu   sync.Mutex
	last string
}

func (c *contentType) set(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = s
}

func (c *contentType) get() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// expect waits until an expression with one value has the value that is wanted.
func expect(t *testing.T, prometheus, expression string, want float64) {
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

// grows waits until each of the series that an expression selects is above what
// it was.
func grows(t *testing.T, prometheus, expression string, series int) {
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
