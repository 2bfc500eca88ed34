package test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// engine is what people run to scrape, as this test sees it: programs that share
// targets, and what keeps the samples. Both speak the HTTP API of Prometheus.
type engine struct {
	scrapers []string // base URLs
	stores   []string
}

// interval is the engines' scrape interval.
const interval = 2 * time.Second

// exampleWith replaces what cannot be kept of an example in a test: the addresses and
// the interval. Everything else is what is shipped. old and new come in pairs, and
// each old one has to be there.
func exampleWith(t *testing.T, example string, oldNew ...string) string {
	t.Helper()
	return fileWith(t, filepath.Join("examples", example), oldNew...)
}

// fileWith is a file of the repository with other words in it, as in inTest.
func fileWith(t *testing.T, file string, oldNew ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for pair := range slices.Chunk(oldNew, 2) {
		if !strings.Contains(text, pair[0]) {
			t.Fatalf("%s has no %q", file, pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return text
}

// substitutions are the pairs for inTest that make the examples of scrapers scrape the
// exporters of a fleet each interval.
func (f *fleet) substitutions() []string {
	return []string{
		"scrape_interval: 15s", "scrape_interval: " + interval.String(),
		"scrape_timeout: 10s", "scrape_timeout: " + interval.String(),
		"betanet-exporter.example:9200", host(f.proxy),
		"192.0.2.11:9200", host(f.exporters[0].url),
		"192.0.2.12:9200", host(f.exporters[1].url),
	}
}

func host(base string) string { return strings.TrimPrefix(base, "http://") }

// twoPrometheus are two servers that share by hashmod.
func twoPrometheus(t *testing.T, f *fleet) engine {
	server := component(t, "prometheus", "prometheus")
	var e engine
	for n := range 2 {
		config := exampleWith(t, fmt.Sprintf("prometheus/shard-%d.yml", n), f.substitutions()...)
		e.scrapers = append(e.scrapers, runPrometheus(t, server, config))
	}
	e.stores = e.scrapers
	return e
}

// twoVmagents are two vmagents that are a cluster, and the VictoriaMetrics that
// they write to.
func twoVmagents(t *testing.T, f *fleet) engine {
	vmagent := component(t, "vmagent", "victoria-metrics")
	store := component(t, "victoria-metrics", "victoria-metrics")
	dir := t.TempDir()
	config := filepath.Join(dir, "scrape.yml")
	if err := os.WriteFile(config, []byte(exampleWith(t, "vmagent/scrape.yml", f.substitutions()...)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stores := serve(t, []string{"127.0.0.1"}, "/health", store, func(port string) []string {
		return []string{
			"-httpListenAddr=127.0.0.1:" + port, "-storageDataPath=" + filepath.Join(dir, "data"),
			"-search.latencyOffset=0s", "-memory.allowedBytes=64MiB", "-loggerLevel=WARN",
		}
	})
	e := engine{stores: stores}
	for n := range 2 {
		_, urls := serve(t, []string{"127.0.0.1"}, "/health", vmagent, func(port string) []string {
			return []string{
				"-httpListenAddr=127.0.0.1:" + port, "-promscrape.config=" + config,
				"-promscrape.cluster.membersCount=2", fmt.Sprintf("-promscrape.cluster.memberNum=%d", n),
				"-remoteWrite.url=" + stores[0] + "/api/v1/write", fmt.Sprintf("-remoteWrite.tmpDataPath=%s/%d", dir, n),
				"-memory.allowedBytes=64MiB", "-loggerLevel=WARN",
			}
		})
		e.scrapers = append(e.scrapers, urls...)
	}
	return e
}

// targets are the instances of the job betanet-probe that a scraper scrapes.
func targets(scraper string) ([]string, error) {
	body, err := get(scraper + "/api/v1/targets?state=active")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			ActiveTargets []struct{ Labels map[string]string }
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, fmt.Errorf("targets of %s: %w", scraper, err)
	}
	var instances []string
	for _, target := range answer.Data.ActiveTargets {
		if target.Labels["job"] == "betanet-probe" {
			instances = append(instances, target.Labels["instance"])
		}
	}
	return instances, nil
}

// point is a value as it is stored; at is when its scrape began.
type point struct {
	at    time.Time
	value float64
}

// storedLine is the samples of one series in one store, by time.
type storedLine struct {
	name    string
	labels  map[string]string
	samples []point
}

// query are those of the series that a selector selects, since a time, in all
// stores.
func (e engine) query(selector string, since time.Time) ([]storedLine, error) {
	var all []storedLine
	for _, store := range e.stores {
		lines, err := querySamples(store, selector, since)
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	return all, nil
}

func querySamples(store, selector string, since time.Time) ([]storedLine, error) {
	now := time.Now()
	if !now.After(since) {
		return nil, nil
	}
	expression := fmt.Sprintf("%s[%dms]", selector, now.Sub(since).Milliseconds())
	body, err := get(fmt.Sprintf("%s/api/v1/query?query=%s&time=%.3f", store, url.QueryEscape(expression), float64(now.UnixMilli())/1000))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, fmt.Errorf("query %s: %w", expression, err)
	}
	var lines []storedLine
	for _, r := range answer.Data.Result {
		l := storedLine{name: r.Metric["__name__"], labels: r.Metric}
		for _, v := range r.Values {
			at, isNumber := v[0].(float64)
			text, isText := v[1].(string)
			value, err := strconv.ParseFloat(text, 64)
			if !isNumber || !isText || err != nil {
				return nil, fmt.Errorf("query %s: sample %v", expression, v)
			}
			if !math.IsNaN(value) { // the mark at the end of a series
				l.samples = append(l.samples, point{time.UnixMilli(int64(math.Round(at * 1000))), value})
			}
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// scrapes are the samples of up by the name of the service, of all stores, by
// time. One that is scraped twice has twice as many.
func (e engine) scrapes(since time.Time) (map[string][]point, error) {
	lines, err := e.query(`up{job="betanet-probe"}`, since)
	if err != nil {
		return nil, err
	}
	all := make(map[string][]point)
	for _, l := range lines {
		all[l.labels["instance"]] = append(all[l.labels["instance"]], l.samples...)
	}
	for _, s := range all {
		slices.SortFunc(s, func(a, b point) int { return a.at.Compare(b.at) })
	}
	return all, nil
}
