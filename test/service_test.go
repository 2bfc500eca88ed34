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

// fakeService is a Betanet service with API v1. All of its values contain its number, and it
// records its requests.
type fakeService struct {
	number int // from 1
	name   string
	url    string

	mu       sync.Mutex
	requests []request
}

type request struct {
	at       time.Time
	document string // the path
	agent    string // User-Agent
}

// documents lists the paths that a collection requests.
var documents = []string{"/api/v1/metrics", "/api/v1/nodes/status", "/api/v1/network/stats"}

// serviceDivisors has a divisor for each series: the integer part of value / divisor is the
// number of the service.
var serviceDivisors = map[string]float64{
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

// maxRequests limits the recorded requests. No test sends that many.
const maxRequests = 100_000

// startServices starts n services, each on its own port. The name of the last one is its
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
	count := s.record(request{time.Now(), r.URL.Path, r.UserAgent()})
	w.Header().Set("Content-Type", "application/json")
	switch n := s.number; r.URL.Path {
	case documents[0]:
		fmt.Fprintf(w, `{"packets_processed": %d, "packets_dropped": %d}`, n*1e9+count, n*1e6)
	case documents[1]:
		fmt.Fprintf(w, `{"active_nodes": %d, "inactive_nodes": %d, "total_nodes": %d}`, n*1000, n*100, n*100+1)
	case documents[2]:
		fmt.Fprintf(w, `{"bytes_transmitted": %d, "bytes_received": %d, "avg_latency_ms": %d, "peak_throughput": %d}`, n*1e12, n*1e6, n*1000, n*1000)
	default:
		http.NotFound(w, r)
	}
}

// record records a request and returns the number of requests so far.
func (s *fakeService) record(q request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) < maxRequests {
		s.requests = append(s.requests, q)
	}
	return len(s.requests)
}

// between returns the requests in [from, to), or until now if to is zero.
func (s *fakeService) between(from, to time.Time) []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.requests), func(q request) bool {
		return q.at.Before(from) || !to.IsZero() && !q.at.Before(to)
	})
}

// countFor counts the requests for a document.
func countFor(document string, requests []request) (n int) {
	for _, q := range requests {
		if q.document == document {
			n++
		}
	}
	return n
}

// agents returns the distinct User-Agents of requests, sorted.
func agents(requests []request) []string {
	var all []string
	for _, q := range requests {
		all = append(all, q.agent)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// checkSamples checks that every sample of the whole test is stored under the service that
// sent it, and that all services were up.
func (f *fleet) checkSamples(t *testing.T) {
	t.Helper()
	all, err := f.engine.samples(`{job="betanet-probe", __name__=~"betanet_.*"}`, f.began)
	if err != nil {
		t.Fatal(err)
	}
	number := make(map[string]int)
	for _, s := range f.services {
		number[s.name] = s.number
	}
	seen := make(map[string]int) // number of services by series
	samples := 0
	var wrong, down findings
	for _, m := range all {
		instance := m.Metric["instance"]
		if _, hasUpstream := m.Metric["upstream"]; hasUpstream || number[instance] == 0 {
			wrong.add("unexpected series %v", m.Metric)
			continue
		}
		if divisor, ok := serviceDivisors[m.Metric["__name__"]]; ok {
			seen[m.Metric["__name__"]]++
			for i, s := range m.Values {
				if strings.HasSuffix(m.Metric["__name__"], "_total") && i > 0 && s.value < m.Values[i-1].value {
					wrong.add("%s of service %d falls at %v", m.Metric["__name__"], number[instance], s.at)
				}
				if samples++; int(s.value/divisor) != number[instance] {
					wrong.add("%s of service %d is %v at %v, a value of service %d", m.Metric["__name__"], number[instance], s.value, s.at, int(s.value/divisor))
				}
			}
		}
		if m.Metric["__name__"] == "betanet_up" {
			seen[m.Metric["__name__"]]++
			for _, s := range m.Values {
				if samples++; s.value != 1 {
					down.add("betanet_up of service %d is %v at %v", number[instance], s.value, s.at)
				}
			}
		}
	}
	wrong.report(t)
	if stalled := f.stalls.stalled(f.began); stalled > 0 {
		t.Logf("the machine stalled for %v: ignored %d findings about services that were down", stalled, len(down))
	} else {
		down.report(t)
	}
	for _, name := range slices.Concat([]string{"betanet_up"}, slices.Collect(maps.Keys(serviceDivisors))) {
		if seen[name] != len(f.services) {
			t.Errorf("found %d series %s, want one for each of %d services", seen[name], name, len(f.services))
		}
	}
	t.Logf("checked %d samples of %d series", samples, len(all))
}
