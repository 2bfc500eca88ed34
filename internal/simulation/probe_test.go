package simulation_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// probe requests /probe for an upstream, and for an address that is not allowed.
func (w *world) probe(s *service, began time.Time) {
	w.mu.Lock()
	name, start, responding := s.u.name, time.Now(), s.responding()
	healthy := !s.u.replica && s.u.wanted && s.knownUp.After(start.Add(-5*time.Minute)) && s.quiet(start)
	w.mu.Unlock()
	if status, _, err := w.get("/probe?target=127.0.0.9:9000"); err != nil || status != http.StatusForbidden {
		w.failUnlessRestarted(began, "probe of an address that is not allowed: status %d, %v", status, err)
	}
	status, series, err := w.get("/probe?target=" + name)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	healthy = healthy && s.u.name == name && s.quiet(start) && s.u.wanted
	switch {
	case w.began != began || w.stopping:
	case err != nil:
		w.fail("probe of %s: %v", name, err)
	case now.Sub(start) > w.timeout+time.Second:
		w.fail("probe of %s took %v", name, now.Sub(start))
	case !healthy || responding || s.responding() || w.writing > 0:
	case status != http.StatusOK || series["betanet_up"] != 1:
		w.fail("probe of %s, which is healthy: status %d, up %v", name, status, series["betanet_up"])
	default:
		path := network
		if s.mixnodes {
			path = mixnodes
		}
		sent := s.endpoints[path].sent
		last := sent[len(sent)-1]
		if now.Sub(last.at) > 10*time.Second+now.Sub(start) { // the TTL of the cache
			w.fail("probe of %s collected nothing, although the last document is from %v ago", name, now.Sub(last.at))
		}
		if value := series[shown[path]]; !s.mixnodes && value != float64(last.value) { // /probe has no sums over mixnodes
			w.fail("probe of %s shows %v, but the last document has %d", name, value, last.value)
		}
		w.visited["probes"]++
	}
}

// quiet reports whether a service has had no faults since a time. The caller holds the mutex.
func (s *service) quiet(since time.Time) bool {
	w := s.w
	for _, t := range []time.Time{s.faultyUntil, w.networkFaultyUntil, w.unsettledUntil, s.switchedAt, s.u.changedAt} {
		if !t.Before(since) {
			return false
		}
	}
	return true
}

// responding reports whether a response is in flight. The caller holds the mutex.
func (s *service) responding() bool {
	for _, e := range s.endpoints {
		if !time.Now().After(e.busyUntil) {
			return true
		}
	}
	return false
}

// get makes a request to the exporter and parses the samples of the response.
func (w *world) get(path string) (status int, series map[string]float64, err error) {
	response, err := w.client.Get("http://exporter" + path)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return response.StatusCode, nil, err
	}
	series, err = parse(string(text))
	return response.StatusCode, series, err
}

// parse parses samples in the text format.
func parse(text string) (map[string]float64, error) {
	series := make(map[string]float64)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[i+1:]), 64)
		if err != nil {
			return nil, err
		}
		series[line[:i]] = value
	}
	return series, nil
}
