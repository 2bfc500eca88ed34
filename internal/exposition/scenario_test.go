package exposition

import (
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// A scenario draws random upstreams and events of the exporter, and collects the expected
// samples.
type scenario struct {
	*rand.Rand
	registry *Registry
	expectations
	small   bool // only numbers below 10^6
	ordered bool // only labels that client_golang writes in the same order
	states  map[string]float64
	peers, active,
	messages, dropped, forwarded, transmitted, received *float64 // of the fleet; nil if unknown
}

func newScenario(seed uint64) *scenario {
	return &scenario{Rand: rand.New(rand.NewPCG(seed, 0)), registry: NewRegistry(), states: make(map[string]float64)}
}

// number draws a counter or a count of any size, unless small is set.
func (s *scenario) number() uint64 {
	if s.small {
		return s.Uint64N(1_000_000)
	}
	return []uint64{0, 1, s.Uint64N(1000), s.Uint64N(1 << 50), 1<<53 + 1, s.Uint64() >> 8}[s.IntN(6)]
}

func (s *scenario) coin() bool { return s.IntN(2) == 0 }

// special draws a string with characters that are special to a parser.
func (s *scenario) special() string {
	var b strings.Builder
	for range s.IntN(8) {
		b.WriteString([]string{`"`, `\`, "\n", `\n`, "{", "}", ",", "=", " ", "#", "é", "日本", "a", "\t", "\r", "e+06", "+Inf"}[s.IntN(17)])
	}
	return b.String()
}

// seriesLabels are the labels of an upstream's series, with and without the replica in
// use.
type seriesLabels struct{ replica, upstream pairs }

// drawUpstream draws an upstream and its labels.
func (s *scenario) drawUpstream(name string) (*fleet.Upstream, seriesLabels) {
	u := &fleet.Upstream{Name: name, URLs: []*url.URL{{Scheme: "http", Host: "h:9000"}}, Settings: fleet.Settings{Histogram: s.IntN(4) > 0, Mixnodes: 1000}}
	var labels pairs
	for _, label := range []string{"region", "zone"} {
		if s.coin() && !(s.ordered && label > "upstream") {
			u.Labels = append(u.Labels, fleet.Label{Name: label, Value: s.special()})
			labels = labels.and(label, u.Labels[len(u.Labels)-1].Value)
		}
	}
	if name != "" {
		labels = labels.and("upstream", name)
	}
	return u, seriesLabels{labels, labels}
}

// addEndpoint adds an endpoint to a view.
func (s *scenario) addEndpoint(v *fleet.View, doc *betanet.Document, e betanet.Endpoint, failed bool) {
	ev := fleet.EndpointView{Endpoint: e, Breaker: breaker.State(s.IntN(3))}
	ev.Doc, ev.Tried = doc, doc != nil || failed
	if doc != nil {
		ev.At = time.UnixMilli(1_700_000_000_000 + s.Int64N(1e9))
	}
	if failed {
		ev.Failure, ev.Since = &betanet.Failure{Reason: betanet.Reasons()[s.IntN(len(betanet.Reasons()))]}, time.Now()
	}
	v.Endpoints = append(v.Endpoints, ev)
}

// expectState adds the expected series about a view and its endpoints. shown is false if
// the documents have expired.
func (s *scenario) expectState(v *fleet.View, l seriesLabels, shown bool) {
	s.expect("betanet_exporter_upstream_resets_total", float64(v.Resets), l.upstream)
	if v.Collected {
		s.expect("betanet_exporter_collection_duration_seconds", v.Duration.Seconds(), l.upstream)
	}
	if v.Replica != "" {
		s.expect("betanet_exporter_replica_switches_total", float64(v.Switches), l.upstream)
	}
	up, stale := 1.0, 0.0
	for _, e := range v.Endpoints {
		labels := pairs{"endpoint", e.Endpoint.String()}.and(l.replica...)
		s.expectBreaker(labels, e.Breaker)
		good := 0.0
		if e.Failure != nil {
			s.expect("betanet_exporter_endpoint_failing", 1, labels.and("reason", string(e.Failure.Reason)))
			if e.Doc != nil && shown {
				stale = 1
			}
		} else if e.Tried {
			good = 1
		}
		up *= good
		s.expect("betanet_exporter_endpoint_up", good, labels)
		if e.Doc != nil {
			s.expect("betanet_exporter_last_success_timestamp_seconds", float64(e.At.UnixMilli())/1000, labels)
		}
	}
	for _, o := range v.Standby {
		s.expectBreaker(pairs{"endpoint", o.Endpoint.String(), "replica", o.Replica}.and(l.upstream...), o.Breaker)
	}
	s.expect("betanet_exporter_data_stale", stale, l.upstream)
	if !v.CertificateExpiry.IsZero() {
		s.expect("betanet_exporter_tls_certificate_expiry_timestamp_seconds", float64(v.CertificateExpiry.Unix()), l.upstream)
	}
	s.expect("betanet_up", up, l.upstream)
}

// expectAll adds an expected sample for each family in values.
func (s *scenario) expectAll(labels pairs, values map[string]uint64) {
	for name, v := range values {
		s.expect("betanet_"+name, float64(v), labels)
	}
}

func (s *scenario) expectBreaker(labels pairs, state breaker.State) {
	s.expect("betanet_exporter_circuit_breaker_state", map[breaker.State]float64{breaker.Closed: 0, breaker.HalfOpen: 1, breaker.Open: 2}[state], labels)
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func addTo(sum **float64, n float64) {
	if *sum == nil {
		*sum = new(float64)
	}
	**sum += n
}

// increase returns the increase of a counter that may have restarted from 0.
func increase(before, now uint64) float64 {
	if now < before {
		return float64(now)
	}
	return float64(now - before)
}

// The conditions of an upstream.
const (
	good = iota
	stale
	partial
	expired
	down
	untried
	numConditions
)

// completeView sets the fields that all views have, and counts the view's state for the
// fleet.
func (s *scenario) completeView(v *fleet.View, l *seriesLabels, condition int) {
	v.URL, v.Collected, v.Duration = v.Upstream.URLs[0], condition != untried, time.Duration(s.Int64N(int64(14*time.Second)))
	v.Resets = s.Uint64N(5)
	if s.coin() {
		v.CertificateExpiry = time.Unix(1_800_000_000+s.Int64N(1e6), 0)
	}
	if s.coin() && v.Upstream.Name != "" && !s.ordered {
		v.Upstream.URLs = append(v.Upstream.URLs, v.Upstream.URLs[0])
		v.Replica, v.Switches = "r"+s.special(), s.Uint64N(9)
		v.Standby = []fleet.Standby{{Replica: "other:9000", Endpoint: betanet.Nodes, Breaker: breaker.State(s.IntN(3))}}
		l.replica = l.replica.and("replica", v.Replica)
	}
	if condition == expired {
		v.Upstream.Settings.MaxStale = 5 * time.Minute // the documents are years old
	}
	s.states[[numConditions]string{"up", "stale", "stale", "down", "down", "pending"}[condition]]++
}

// countAndExpect counts each value of a label a few times and adds the expected counters.
func (s *scenario) countAndExpect(family string, labels pairs, label string, values []string, inc func(i int)) {
	for i, v := range values {
		n := s.IntN(3)
		for range n {
			inc(i)
		}
		s.expect(family, float64(n), labels.and(label, v))
	}
}

// countEvents counts events of the exporter and adds the expected series about them.
func (s *scenario) countEvents() {
	exporter := s.registry.Exporter
	results := strings.Fields(`success auth canceled connect content_type dns encoding eof http_429 http_4xx http_5xx http_status
		json_syntax local protocol proxy redirect reset schema timeout tls too_large value`)
	var took []float64
	for i, name := range []string{"metrics", "nodes", "network", "mixnodes"} {
		e, labels := betanet.Endpoint(i), pairs{"endpoint", name}
		s.countAndExpect("betanet_exporter_attempts_total", labels, "result", results, func(i int) {
			d := time.Duration(s.Int64N(int64(7 * time.Second)))
			took = append(took, d.Seconds())
			exporter.Attempt(e, betanet.Reason(strings.TrimPrefix(results[i], "success")), d)
		})
		s.countAndExpect("betanet_exporter_circuit_breaker_transitions_total", labels, "state", []string{"closed", "half_open", "open"}, func(i int) { exporter.Transition(e, breaker.State(i)) })
		s.countAndExpect("betanet_exporter_retries_total", nil, "endpoint", []string{name}, func(int) { exporter.Retry(e) })
	}
	s.expectHistogram("betanet_exporter_request_duration_seconds", took, nil)
	cache, rejections := []string{"hit", "miss", "stale"}, []string{"connections", "max_requests", "slow_client"}
	s.countAndExpect("betanet_exporter_cache_requests_total", nil, "result", cache, func(i int) { exporter.Cache(cache[i]) })
	s.countAndExpect("betanet_exporter_http_rejected_total", nil, "reason", rejections, func(i int) { exporter.Rejected(rejections[i]) })
	var delays []float64
	for range s.IntN(5) {
		d := time.Duration(s.Int64N(int64(time.Second)))
		delays = append(delays, d.Seconds())
		exporter.Collection()
		exporter.Delay(d)
	}
	s.expectHistogram("betanet_exporter_collection_delay_seconds", delays, nil)
	s.expect("betanet_exporter_collections_total", float64(len(delays)), nil)
	exporter.Skipped(7)
	s.expect("betanet_exporter_collections_skipped_total", 7, nil)
	exporter.BudgetExhausted()
	s.expect("betanet_exporter_retry_budget_exhausted_total", 1, nil)
	exporter.Upstreams(12)
	s.expect("betanet_exporter_upstreams", 12, nil)
	exporter.Reloaded(true, time.UnixMilli(1_700_000_000_250))
	exporter.Reloaded(false, time.Now())
	s.expect("betanet_exporter_config_last_reload_success_timestamp_seconds", 1_700_000_000.25, nil)
	s.expect("betanet_exporter_config_last_reload_successful", 0, nil)
	source := "file " + s.special()
	exporter.Discovered(source, Discovery{Tried: true, Duplicates: 3})
	exporter.Discovered(source, Discovery{Tried: true, Up: true, Targets: 7, Duplicates: 2, Rejected: 4, LastSuccess: time.UnixMilli(1_700_000_000_750)})
	for name, v := range map[string]float64{"up": 1, "duplicates": 2, "targets": 7, "rejected": 4, "last_success_timestamp_seconds": 1_700_000_000.75} {
		s.expect("betanet_exporter_discovery_"+name, v, pairs{"source", source})
	}
}

// expectFleetTotals adds the expected series that aggregate all upstreams.
func (s *scenario) expectFleetTotals() {
	for _, state := range []string{"up", "stale", "down", "pending"} {
		s.expect("betanet_fleet_upstreams", s.states[state], pairs{"state", state})
	}
	for name, sum := range map[string]*float64{
		"connected_peers": s.peers, "mixnode_active": s.active,
		"messages_total": s.messages, "packets_dropped_total": s.dropped, "packets_forwarded_total": s.forwarded,
		"bytes_transmitted_total": s.transmitted, "bytes_received_total": s.received,
	} {
		if sum == nil && strings.HasSuffix(name, "_total") {
			sum = new(float64) // counters start at 0
		}
		if sum != nil {
			s.expect("betanet_fleet_"+name, *sum, nil)
		}
	}
}
