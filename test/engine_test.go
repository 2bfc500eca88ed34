package test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// An engine is a set of scrapers that share targets, and the stores of their samples. All of
// them have the HTTP API of Prometheus.
type engine struct {
	scrapers []string // base URLs
	stores   []string
}

// interval is the engines' scrape interval.
const interval = 2 * time.Second

// exampleWith returns the text of an example with replacements, such as other addresses.
// oldNew has pairs of an old text, which must exist, and a new one.
func exampleWith(t *testing.T, example string, oldNew ...string) string {
	t.Helper()
	return fileWith(t, filepath.Join("examples", example), oldNew...)
}

// fileWith does the same as exampleWith with any file in the repository.
func fileWith(t *testing.T, file string, oldNew ...string) string {
	t.Helper()
	text := readFile(t, "..", file)
	for pair := range slices.Chunk(oldNew, 2) {
		if !strings.Contains(text, pair[0]) {
			t.Fatalf("%s has no %q", file, pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	return text
}

// substitutions returns pairs for exampleWith that make the examples of scrapers scrape the
// exporters of a fleet every interval.
func (f *fleet) substitutions() []string {
	return []string{
		"scrape_interval: 15s", "scrape_interval: " + interval.String(),
		"scrape_timeout: 10s", "scrape_timeout: " + interval.String(),
		"betanet-exporter.example:9200", host(f.proxy),
		"192.0.2.11:9200", host(f.exporters[0].url),
		"192.0.2.12:9200", host(f.exporters[1].url),
	}
}

// host returns the host and port of a base URL.
func host(base string) string { return strings.TrimPrefix(base, "http://") }

// startTwoPrometheus starts two Prometheus servers that share the upstreams by hashmod.
func startTwoPrometheus(t *testing.T, f *fleet) engine {
	server := component(t, "prometheus", "prometheus")
	var e engine
	for n := range 2 {
		config := exampleWith(t, fmt.Sprintf("prometheus/shard-%d.yml", n), f.substitutions()...)
		e.scrapers = append(e.scrapers, runPrometheus(t, server, config))
	}
	e.stores = e.scrapers
	return e
}

// startTwoVmagents starts a cluster of two vmagents, and the VictoriaMetrics that they
// write to.
func startTwoVmagents(t *testing.T, f *fleet) engine {
	vmagent := component(t, "vmagent", "victoria-metrics")
	store := component(t, "victoria-metrics", "victoria-metrics")
	config := tempFile(t, "scrape.yml", exampleWith(t, "vmagent/scrape.yml", f.substitutions()...))
	dir := filepath.Dir(config)
	_, stores := serve(t, loopback, "/health", store, func(port string) []string {
		return []string{
			"-httpListenAddr=127.0.0.1:" + port, "-storageDataPath=" + filepath.Join(dir, "data"),
			"-search.latencyOffset=0s", "-memory.allowedBytes=64MiB", "-loggerLevel=WARN",
		}
	})
	e := engine{stores: stores}
	for n := range 2 {
		_, urls := serve(t, loopback, "/health", vmagent, func(port string) []string {
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

// targets returns the instances of the job betanet-probe that a scraper scrapes.
func targets(scraper string) (instances []string, err error) {
	var response struct {
		Data struct {
			ActiveTargets []struct{ Labels map[string]string }
		}
	}
	err = getJSON(scraper+"/api/v1/targets?state=active", &response)
	for _, target := range response.Data.ActiveTargets {
		if target.Labels["job"] == "betanet-probe" {
			instances = append(instances, target.Labels["instance"])
		}
	}
	return instances, err
}

// samples returns the samples that match a selector, since a time, in all stores.
func (e engine) samples(selector string, since time.Time) (all []series, err error) {
	for _, store := range e.stores {
		found, err := querySince(store, selector, since)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// scrapes returns the samples of up in all stores since a time, by service name and sorted
// by time. A service that is scraped twice has twice as many samples.
func (e engine) scrapes(since time.Time) (map[string][]point, error) {
	found, err := e.samples(`up{job="betanet-probe"}`, since)
	if err != nil {
		return nil, err
	}
	all := make(map[string][]point)
	for _, s := range found {
		all[s.Metric["instance"]] = append(all[s.Metric["instance"]], s.Values...)
	}
	for _, points := range all {
		slices.SortFunc(points, func(a, b point) int { return a.at.Compare(b.at) })
	}
	return all, nil
}
