package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fleet is services, two exporters that know them all by name, a proxy, and an
// engine that scrapes through it.
type fleet struct {
	began     time.Time
	pulse     *stallDetector
	services  []*fakeService
	exporters [2]*exporter
	proxy     string // base URL
	engine    engine
}

// exporter is one of the identical exporters. They differ in their version, so
// that a service can tell who asked.
type exporter struct {
	*process
	program, config, url, agent string
}

// otherVersion is the program with another version: what runs beside the old one
// while an upgrade is rolled out.
var otherVersion = sync.OnceValues(func() (string, error) {
	file := filepath.Join(filepath.Dir(binary), "betanet_exporter_other")
	return file, build(file, "-ldflags=-X github.com/prometheus/common/version.Version=other")
})

func newFleet(t *testing.T, haproxy string, n int) *fleet {
	t.Helper()
	f := &fleet{began: time.Now(), pulse: newStallDetector(t), services: startServices(t, n)}
	other, err := otherVersion()
	if err != nil {
		t.Fatal(err)
	}
	config := f.config(t)
	f.exporters = [2]*exporter{
		{program: binary, config: config, agent: "betanet_exporter/dev"},
		{program: other, config: config, agent: "betanet_exporter/other"},
	}
	for _, e := range f.exporters {
		var urls []string
		e.process, urls = serve(t, []string{"127.0.0.1"}, "/-/ready", e.program, e.args)
		e.url = urls[0]
	}
	f.proxy = f.balance(t, haproxy)
	return f
}

// config is the file that both exporters have. The last service's name is left
// to the exporter.
func (f *fleet) config(t *testing.T) string {
	var text strings.Builder
	text.WriteString("upstreams:\n")
	for i, s := range f.services {
		if i == len(f.services)-1 {
			fmt.Fprintf(&text, "- url: %s\n", s.url)
		} else {
			fmt.Fprintf(&text, "- {name: %s, url: %q}\n", s.name, s.url)
		}
	}
	file := filepath.Join(t.TempDir(), "exporter.yml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// args starts an exporter. Its cache answers for half an interval, which stands
// for the defaults of 10 s in 15 s: far enough below the interval that each scrape
// fetches even if one is late, and long enough that a second scraper of the same
// target would be answered from it.
func (e *exporter) args(port string) []string {
	return []string{
		"--web.listen-address=127.0.0.1:" + port, "--collect.mode=probe", "--config.file=" + e.config,
		"--betanet.api=v1", "--cache.ttl=" + (interval / 2).String(),
	}
}

// balance starts haproxy with the configuration that is shipped.
func (f *fleet) balance(t *testing.T, haproxy string) string {
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	p, urls := serve(t, []string{"127.0.0.1"}, "/-/ready", haproxy, func(port string) []string {
		config := exampleWith(t, "haproxy/haproxy.cfg",
			"bind :9200", "bind 127.0.0.1:"+port,
			"192.0.2.11:9200", host(f.exporters[0].url),
			"192.0.2.12:9200", host(f.exporters[1].url),
			"\nglobal\n", "\nglobal\n    noreuseport\n") // or two haproxies could have one port
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"-db", "-f", file}
	})
	t.Cleanup(p.kill) // on SIGTERM it would end with 143
	return urls[0]
}

// restart starts an exporter again, at the address that it had.
func (f *fleet) restart(t *testing.T, e *exporter) {
	t.Helper()
	_, port, _ := strings.Cut(host(e.url), ":")
	e.process = start(t, e.program, e.args(port)...)
	wait(t, e.process.String(), func() error {
		_, err := get(e.url + "/-/ready")
		return err
	})
}
