package test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeService is a Betanet service of the v1 API. All that it answers tells its
// number, and it keeps who asked for what, and when.
type fakeService struct {
	number int // from 1
	name   string
	url    string

	mu       sync.Mutex
	requests []request
}

// request is a request to a service.
type request struct {
	at       time.Time
	document string // its path
	agent    string // who asked
}

// documents are what a collection asks for.
var documents = []string{"/api/v1/metrics", "/api/v1/nodes/status", "/api/v1/network/stats"}

// serviceDigits is that part of a series' value which is the number of the service: value
// divided by unit, without the rest.
var serviceDigits = map[string]float64{
	"betanet_messages_total":          1e9,
	"betanet_packets_dropped_total":   1e6,
	"betanet_connected_peers":         100,
	"betanet_mixnode_active":          1000,
	"betanet_mixnode_inactive":        100,
	"betanet_bytes_transmitted_total": 1e12,
	"betanet_bytes_received_total":    1e6,
	"betanet_peak_throughput":         1000,
	"betanet_average_latency_seconds": 1,
}

// maxRequests bounds what a service keeps. It is more than any test asks.
const maxRequests = 100_000

// startServices starts n services on ports of their own. The last has no name but its
// address.
func startServices(t *testing.T, n int) []*fakeService {
	t.Helper()
	var all []*fakeService
	for number := 1; number <= n; number++ {
		s := &fakeService{number: number, name: fmt.Sprintf("betanet-%02d", number)}
		server := httptest.NewServer(s)
		t.Cleanup(server.Close)
		s.url = server.URL
		if number == n {
			s.name = strings.TrimPrefix(s.url, "http://")
		}
		all = append(all, s)
	}
	return all
}

func (s *fakeService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := s.record(request{time.Now(), r.URL.Path, r.UserAgent()})
	w.Header().Set("Content-Type", "application/json")
	switch n := s.number; r.URL.Path {
	case documents[0]:
		fmt.Fprintf(w, `{"packets_processed": %d, "packets_dropped": %d}`, n*1e9+asked, n*1e6)
	case documents[1]:
		fmt.Fprintf(w, `{"active_nodes": %d, "inactive_nodes": %d, "total_nodes": %d}`, n*1000, n*100, n*100+1)
	case documents[2]:
		fmt.Fprintf(w, `{"bytes_transmitted": %d, "bytes_received": %d, "avg_latency_ms": %d, "peak_throughput": %d}`, n*1e12, n*1e6, n*1000, n*1000)
	default:
		http.NotFound(w, r)
	}
}

// record keeps a question and gives how many there are.
func (s *fakeService) record(q request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) < maxRequests {
		s.requests = append(s.requests, q)
	}
	return len(s.requests)
}

// between are the questions in [from, to), all until now if to is zero.
func (s *fakeService) between(from, to time.Time) []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.requests), func(q request) bool {
		return q.at.Before(from) || !to.IsZero() && !q.at.Before(to)
	})
}

// countFor counts the questions for a document.
func countFor(document string, questions []request) (n int) {
	for _, q := range questions {
		if q.document == document {
			n++
		}
	}
	return n
}

// agents are those that asked.
func agents(questions []request) []string {
	var all []string
	for _, q := range questions {
		all = append(all, q.agent)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// checkOwners holds every sample of the whole test to the service that it is of.
func (f *fleet) checkOwners(t *testing.T) {
	t.Helper()
	lines, err := f.engine.query(`{job="betanet-probe", __name__=~"betanet_.*"}`, f.began)
	if err != nil {
		t.Fatal(err)
	}
	number := make(map[string]int)
	for _, s := range f.services {
		number[s.name] = s.number
	}
	seen := make(map[string]int) // services by series
	samples := 0
	var wrong, down findings
	for _, l := range lines {
		instance := l.labels["instance"]
		if _, labelled := l.labels["upstream"]; labelled || number[instance] == 0 {
			wrong.add("a series with labels %v", l.labels)
			continue
		}
		if u, isOfService := serviceDigits[l.name]; isOfService {
			seen[l.name]++
			for i, s := range l.samples {
				if strings.HasSuffix(l.name, "_total") && i > 0 && s.value < l.samples[i-1].value {
					wrong.add("%s of service %d falls at %v", l.name, number[instance], s.at)
				}
				if samples++; int(s.value/u) != number[instance] {
					wrong.add("%s of service %d is %v at %v: that of service %d", l.name, number[instance], s.value, s.at, int(s.value/u))
				}
			}
		}
		if l.name == "betanet_up" {
			seen[l.name]++
			for _, s := range l.samples {
				if samples++; s.value != 1 {
					down.add("betanet_up of service %d is %v at %v", number[instance], s.value, s.at)
				}
			}
		}
	}
	wrong.report(t)
	if stood := f.pulse.stalled(f.began); stood > 0 {
		t.Logf("the machine stood still for %v, %d findings of services that were down", stood, len(down))
	} else {
		down.report(t)
	}
	for _, name := range slices.Concat([]string{"betanet_up"}, slices.Collect(maps.Keys(serviceDigits))) {
		if seen[name] != len(f.services) {
			t.Errorf("%d series %s, want one of each of %d services", seen[name], name, len(f.services))
		}
	}
	t.Logf("%d samples of %d series, each of the service it is stored for", samples, len(lines))
}
