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

// pause is longer than the exporter keeps the values of its runtime.
const pause = 1100 * time.Millisecond

// serving measures scrapes of an exporter that does nothing else.
func (s *size) serving() error {
	p, err := s.exporter(s.fleet, "", "--collect.interval=1h", "--cache.max-stale=0")
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := p.ready(s.n, time.Minute); err != nil {
		return err
	}
	time.Sleep(2 * pause) // the start is not part of it
	for i, bar := range []string{"≤ 1 / ≤ 1", ""} {
		mb, err := p.allocated(i == 1)
		if err != nil {
			return err
		}
		s.set("allocated per scrape, MB, "+codings[i], bar, "%.3f", mb)
	}
	peer, err := s.peer(p)
	if err != nil {
		return err
	}
	defer peer.stop()
	for i, bar := range []string{"≤ 1/30 / ≤ 1/40", "≤ 1/15 / ≤ 1/15"} {
		ours, err := p.perScrape(i == 1)
		if err != nil {
			return err
		}
		theirs, err := peer.perScrape(i == 1)
		if err != nil {
			return err
		}
		s.set("CPU of a scrape / promhttp, "+codings[i], bar, "1/%.1f (%.3f / %.3f ms)", theirs/ours, ours, theirs)
	}
	return nil
}

// peer starts the peer with the series of an exporter, and compares what both say.
func (s *size) peer(p *process) (*process, error) {
	var body bytes.Buffer
	if _, err := p.get(plainText, false, &body); err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, "series")
	if err := os.WriteFile(path, body.Bytes(), 0o600); err != nil {
		return nil, err
	}
	peer, err := helper("peer", func(addr string) string { return addr + "," + path })
	if err != nil {
		return nil, err
	}
	peer.client.Timeout = 2 * time.Minute
	theirs, err := peer.scrape(false)
	if err != nil {
		peer.stop()
		return nil, err
	}
	ours, err := p.scrape(false)
	if err != nil {
		peer.stop()
		return nil, err
	}
	if a, z := series(ours), series(theirs); a != z {
		peer.stop()
		return nil, fmt.Errorf("the peer has %d lines with samples, the exporter %d", z, a)
	}
	s.set("lines with samples", "", "%d", series(ours))
	return peer, nil
}

// series counts the lines that are no comment.
func series(body []byte) int {
	return bytes.Count(body, []byte("\n")) - bytes.Count(body, []byte("\n#")) - strings.Count(string(body[:1]), "#")
}

// perScrape is the processor time of a scrape in milliseconds. There are as many
// as make half a second of it, three at least, a dozen seconds at most.
func (p *process) perScrape(gzip bool) (float64, error) {
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

// allocated is how many megabytes the exporter allocates for a scrape.
func (p *process) allocated(coded bool) (float64, error) {
	const scrapes = 10
	before, err := p.allocatedSoFar(coded)
	if err != nil {
		return 0, err
	}
	for range scrapes - 1 {
		if _, err := p.get(accept, coded, io.Discard); err != nil {
			return 0, err
		}
	}
	time.Sleep(pause)
	after, err := p.allocatedSoFar(coded)
	return (after - before) / scrapes / 1e6, err
}

func (p *process) allocatedSoFar(coded bool) (float64, error) {
	body, err := p.scrape(coded)
	if err != nil {
		return 0, err
	}
	if coded {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		if body, err = io.ReadAll(z); err != nil {
			return 0, err
		}
	}
	return exposed(body).value("go_memstats_alloc_bytes_total"), nil
}
