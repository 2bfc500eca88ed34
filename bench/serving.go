//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// pause is longer than the time for which the exporter caches the metrics of its runtime.
const pause = 1100 * time.Millisecond

// serving measures scrapes of an exporter that does not collect.
func (s *scaleRun) serving() error {
	p, err := s.exporter(s.binary, s.fleet, "", "--collect.interval=1h", "--cache.max-stale=0")
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := p.ready(s.n, time.Minute); err != nil {
		return err
	}
	time.Sleep(2 * pause) // do not measure startup
	for i, limit := range []string{"≤ 1 / ≤ 1", ""} {
		mb, err := p.allocated(i == 1)
		if err != nil {
			return err
		}
		s.set("allocated per scrape, MB, "+codings[i], limit, "%.3f", mb)
	}
	reference, err := s.startReference(p)
	if err != nil {
		return err
	}
	defer reference.stop()
	for _, format := range []struct {
		name, limit, accept string
		gzip                bool
	}{
		{"plain", "≤ 1/30 / ≤ 1/40", accept, false},
		{"gzip", "≤ 1/15 / ≤ 1/15", accept, true},
		{"protobuf", "≤ 1/2 / ≤ 1/2", protobuf, false},
	} {
		ours, err := p.perScrape(format.accept, format.gzip)
		if err != nil {
			return err
		}
		theirs, err := reference.perScrape(format.accept, format.gzip)
		if err != nil {
			return err
		}
		s.set("CPU of a scrape / promhttp, "+format.name, format.limit, "1/%.1f (%.3f / %.3f ms)", theirs/ours, ours, theirs)
	}
	return nil
}

// startReference starts the reference with the series of an exporter, and checks that both
// expose the same number of samples.
func (s *scaleRun) startReference(p *process) (*process, error) {
	var body bytes.Buffer
	if _, err := p.get(plainText, false, &body); err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, "series")
	if err := os.WriteFile(path, body.Bytes(), 0o600); err != nil {
		return nil, err
	}
	reference, err := startHelper("reference", func(addr string) string { return addr + "," + path })
	if err != nil {
		return nil, err
	}
	reference.client.Timeout = 2 * time.Minute
	theirs, err := reference.scrape(false)
	if err != nil {
		reference.stop()
		return nil, err
	}
	ours, err := p.scrape(false)
	if err != nil {
		reference.stop()
		return nil, err
	}
	want, got := sampleCount(ours), sampleCount(theirs)
	if got != want {
		reference.stop()
		return nil, fmt.Errorf("the reference has %d samples, the exporter %d", got, want)
	}
	s.set("samples", "", "%d", want)
	one := []byte(`upstream="` + name(0) + `"`)
	samples, size := 0, 0
	for line := range bytes.Lines(ours) {
		if bytes.Contains(line, one) {
			samples, size = samples+1, size+len(line)
		}
	}
	s.set("samples of an upstream", "22", "%d", samples)
	s.set("bytes of an upstream, plain", "≤ 1700", "%d", size)
	return reference, nil
}

// sampleCount returns the number of lines that are not comments.
func sampleCount(body []byte) int {
	return bytes.Count(body, []byte("\n")) - bytes.Count(body, []byte("\n#")) - strings.Count(string(body[:1]), "#")
}

// perScrape returns the CPU time of a scrape in milliseconds. It makes at least three
// scrapes, until they have used half a second of CPU time or taken 12 s.
func (p *process) perScrape(accept string, gzip bool) (float64, error) {
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	for n, began := 1, time.Now(); ; n++ {
		if _, err := p.get(accept, gzip, io.Discard); err != nil {
			return 0, err
		}
		after, err := p.cpu()
		if err != nil {
			return 0, err
		}
		if used := after - before; n >= 3 && (used > 500*time.Millisecond || time.Since(began) > 12*time.Second) {
			return used.Seconds() * 1e3 / float64(n), nil
		}
	}
}

// allocated returns the number of megabytes that the exporter allocates for a scrape.
func (p *process) allocated(compressed bool) (float64, error) {
	const scrapes = 10
	before, err := p.allocatedSoFar(compressed)
	if err != nil {
		return 0, err
	}
	for range scrapes - 1 {
		if _, err := p.get(accept, compressed, io.Discard); err != nil {
			return 0, err
		}
	}
	time.Sleep(pause)
	after, err := p.allocatedSoFar(compressed)
	return (after - before) / scrapes / 1e6, err
}

func (p *process) allocatedSoFar(compressed bool) (float64, error) {
	body, err := p.scrape(compressed)
	if err != nil {
		return 0, err
	}
	if compressed {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		if body, err = io.ReadAll(z); err != nil {
			return 0, err
		}
	}
	return exposition(body).value("go_memstats_alloc_bytes_total"), nil
}
