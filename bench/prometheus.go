//go:build linux

package main

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// prometheusScrapes is the number of scrapes after which memory is measured.
const prometheusScrapes = 60

// prometheus measures the memory of a Prometheus server that scrapes only the exporter,
// and of one that scrapes only the earlier build.
func (s *scaleRun) prometheus() error {
	builds := []string{s.binary}
	if s.before != "" {
		builds = append(builds, s.before)
	}
	var all []serverStats
	for _, binary := range builds {
		v, err := s.runPrometheus(binary)
		if err != nil {
			return err
		}
		all = append(all, v)
	}
	now := all[0]
	what := fmt.Sprintf("Prometheus after %d scrapes: ", prometheusScrapes)
	s.set(what+"series", "", "%.0f", now.series)
	s.set(what+"heap in use, resident, MiB", "", "%.1f, %.1f", now.heap, now.rss)
	if s.before != "" {
		before := all[1]
		s.set(what+"heap in use / before", "≤ 0.7 / –", "%.2f (%.1f / %.1f MiB, %.0f series before)", now.heap/before.heap, now.heap, before.heap, before.series)
		s.set(what+"resident / before", "≤ 0.7 / –", "%.2f (%.1f / %.1f MiB)", now.rss/before.rss, now.rss, before.rss)
	}
	return nil
}

// serverStats has the number of series of a Prometheus server, and its memory in MiB.
type serverStats struct{ series, heap, rss float64 }

// runPrometheus lets a new Prometheus server scrape a build of the exporter, and measures
// the server. The values change before every scrape, as they do with the default
// intervals.
func (s *scaleRun) runPrometheus(binary string) (serverStats, error) {
	every := max(time.Second, time.Duration(s.n)*time.Second/2000)
	exporter, err := s.exporter(binary, s.fleet, "", "--collect.interval="+every.String())
	if err != nil {
		return serverStats{}, err
	}
	defer exporter.stop()
	if _, err := exporter.ready(s.n, time.Minute); err != nil {
		return serverStats{}, err
	}
	dir, err := os.MkdirTemp(s.dir, "prometheus")
	if err != nil {
		return serverStats{}, err
	}
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `scrape_configs:
- job_name: betanet-exporter
  scrape_interval: %s
  scrape_timeout: %[1]s
  static_configs: [{targets: ["%s"]}]
`, every, exporter.addr), 0o600); err != nil {
		return serverStats{}, err
	}
	addr, err := freeAddr()
	if err != nil {
		return serverStats{}, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return serverStats{}, err
	}
	defer log.Close()
	p, err := startProcess(log, addr, "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr)
	if err != nil {
		return serverStats{}, err
	}
	defer p.stop()
	for end := time.Now().Add(2 * prometheusScrapes * every); time.Now().Before(end); time.Sleep(every / 5) {
		v, scrapes, err := p.serverStats()
		if err == nil && scrapes >= prometheusScrapes {
			return v, nil
		}
	}
	return serverStats{}, fmt.Errorf("fewer than %d scrapes by Prometheus in %s", prometheusScrapes, 2*prometheusScrapes*every)
}

// serverStats reads the statistics of a Prometheus server. Once the server has made enough
// scrapes, it runs a garbage collection first.
func (p *process) serverStats() (v serverStats, scrapes float64, err error) {
	for range 2 {
		body, err := p.scrape(false)
		if err != nil {
			return v, 0, err
		}
		e := exposition(body)
		v.series, v.heap = e.value("prometheus_tsdb_head_series"), e.value("go_memstats_heap_inuse_bytes")/(1<<20)
		appended := 0.0
		for sample := range e.samples("prometheus_tsdb_head_samples_appended_total") {
			appended += sample.value // by type
		}
		if scrapes = math.Round(appended / v.series); scrapes < prometheusScrapes {
			return v, scrapes, nil
		}
		resp, err := http.Get("http://" + p.addr + "/debug/pprof/heap?gc=1")
		if err != nil {
			return v, 0, err
		}
		resp.Body.Close()
	}
	v.rss, err = p.mib("VmRSS")
	return v, scrapes, err
}
