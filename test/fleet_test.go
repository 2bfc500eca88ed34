package test

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/harness"
)

// A fleet has services, two exporters that know all services by name, a proxy in front of
// the exporters, and an engine that scrapes through the proxy.
type fleet struct {
	began     time.Time
	stalls    *stallDetector
	services  []*fakeService
	exporters [2]*exporter
	proxy     string // base URL
	engine    engine
}

// An exporter is one of the two exporters of a fleet. They differ only in their versions, so
// that a service can distinguish them by User-Agent.
type exporter struct {
	*process
	program, config, url, agent string
}

// otherVersion builds the program with another version: during an upgrade both run.
var otherVersion = sync.OnceValues(func() (string, error) {
	file := filepath.Join(filepath.Dir(binary), "betanet_exporter_other")
	return file, harness.Build("..", file, "-ldflags=-X github.com/prometheus/common/version.Version=other")
})

func newFleet(t *testing.T, n int) *fleet {
	t.Helper()
	f := &fleet{began: time.Now(), stalls: newStallDetector(t), services: startServices(t, n)}
	other, err := otherVersion()
	if err != nil {
		t.Fatal(err)
	}
	config := f.writeConfig(t)
	f.exporters = [2]*exporter{
		{program: binary, config: config, agent: "betanet_exporter/dev"},
		{program: other, config: config, agent: "betanet_exporter/other"},
	}
	for _, e := range f.exporters {
		var urls []string
		e.process, urls = serve(t, loopback, "/-/ready", e.program, e.args)
		e.url = urls[0]
	}
	f.proxy = f.startBalancer(t)
	return f
}

// writeConfig writes the configuration file of both exporters. The last service gets its
// name from the exporter.
func (f *fleet) writeConfig(t *testing.T) string {
	var names, urls []string
	for _, s := range f.services {
		names, urls = append(names, s.name), append(urls, s.url)
	}
	names[len(names)-1] = ""
	return upstreamsFile(t, names, urls)
}

// args returns the arguments of the exporter. Its cache is valid for half an
// interval: a late scrape still fetches, but a second scraper of the same target would be
// served from the cache.
func (e *exporter) args(port string) []string {
	return []string{
		"--web.listen-address=127.0.0.1:" + port, "--collect.mode=probe", "--config.file=" + e.config,
		"--betanet.api=v1", "--cache.ttl=" + (interval / 2).String(),
	}
}

// startBalancer starts HAProxy with the configuration of the example.
func (f *fleet) startBalancer(t *testing.T) string {
	return startHAProxy(t, "/-/ready", func(port string) string {
		return exampleWith(t, "haproxy/haproxy.cfg",
			"bind :9200", "bind 127.0.0.1:"+port,
			"192.0.2.11:9200", host(f.exporters[0].url),
			"192.0.2.12:9200", host(f.exporters[1].url))
	})
}

// restart starts an exporter again at the same address.
func (f *fleet) restart(t *testing.T, e *exporter) {
	t.Helper()
	_, port, _ := strings.Cut(host(e.url), ":")
	e.process = start(t, e.program, e.args(port)...)
	wait(t, e.process.String(), func() error {
		_, err := get(e.url + "/-/ready")
		return err
	})
}
