package exposition

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

// scenario draws upstreams and what the exporter did, and writes down what is to be
// seen of them.
type scenario struct {
	*rand.Rand
	registry *Registry
	expectations
	small   bool // no number of 10^6 and more
	ordered bool // no labels that client_golang would write in another order
	states  map[string]float64
	peers, active,
	messages, dropped, forwarded, transmitted, received *float64 // of the fleet, nil where none is known
}

func newScenario(seed uint64) *scenario {
	return &scenario{Rand: rand.New(rand.NewPCG(seed, 0)), registry: NewRegistry(), states: make(map[string]float64)}
}

// number draws a counter or count, of any size.
func (s *scenario) number() uint64 {
	if s.small {
		return s.Uint64N(1_000_000)
	}
	return []uint64{0, 1, s.Uint64N(1000), s.Uint64N(1 << 50), 1<<53 + 1, s.Uint64() >> 8}[s.IntN(6)]
}

func (s *scenario) coin() bool { return s.IntN(2) == 0 }

// odd draws a text of characters that mean something to a parser.
func (s *scenario) odd() string {
	var b strings.Builder
	for range s.IntN(8) {
		b.WriteString([]string{`"`, `\`, "\n", `\n`, "{", "}", ",", "=", " ", "#", "é", "日本", "a", "\t", "\r", "e+06", "+Inf"}[s.IntN(17)])
	}
	return b.String()
}

// seen are the labels of an upstream's series, by what they are of.
type seen struct{ data, up, endpoint, self pairs }

// upstream draws one with its labels.
func (s *scenario) upstream(name string) (*fleet.Upstream, seen) {
	u := &fleet.Upstream{Name: name, URLs: []*url.URL{{Scheme: "http", Host: "h:9000"}}, Settings: fleet.Settings{Histogram: s.IntN(4) > 0, Mixnodes: 1000}}
	var own pairs
	for _, label := range []string{"region", "zone"} {
		if s.coin() && !(s.ordered && label > "upstream") {
			u.Labels = append(u.Labels, fleet.Label{Name: label, Value: s.odd()})
			own = own.and(label, u.Labels[len(u.Labels)-1].Value)
		}
	}
	var named pairs
	if name != "" {
		named = pairs{"upstream", name}
	}
	own = own.and(named...)
	return u, seen{data: own, up: own, endpoint: own, self: own}
}

// endpoint is one endpoint of a view, and what is to be seen of it.
func (s *scenario) endpoint(v *fleet.View, doc *betanet.Document, e betanet.Endpoint, failed bool) {
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

// about expects the series about the endpoints of a view, none of whose values
// has expired but where shown is false.
func (s *scenario) about(v *fleet.View, l seen, shown bool) {
	s.add("betanet_exporter_upstream_resets_total", float64(v.Resets), l.self)
	if v.Collected {
		s.add("betanet_exporter_collection_duration_seconds", v.Duration.Seconds(), l.self)
	}
	if v.Replica != "" {
		s.add("betanet_exporter_replica_switches_total", float64(v.Switches), l.self)
	}
	up, stale := 1.0, 0.0
	for _, e := range v.Endpoints {
		at := pairs{"endpoint", e.Endpoint.String()}.and(l.endpoint...)
		s.breaker(at, e.Breaker)
		good := 0.0
		if e.Failure != nil {
			s.add("betanet_exporter_endpoint_failing", 1, at.and("reason", string(e.Failure.Reason)))
			if e.Doc != nil && shown {
				stale = 1
			}
		} else if e.Tried {
			good = 1
		}
		up *= good
		s.add("betanet_exporter_endpoint_up", good, at)
		if e.Doc != nil {
			s.add("betanet_exporter_last_success_timestamp_seconds", float64(e.At.UnixMilli())/1000, at)
		}
	}
	for _, o := range v.Standby {
		s.breaker(pairs{"endpoint", o.Endpoint.String(), "replica", o.Replica}.and(l.self...), o.Breaker)
	}
	s.add("betanet_exporter_data_stale", stale, l.self)
	if !v.CertificateExpiry.IsZero() {
		s.add("betanet_exporter_tls_certificate_expiry_timestamp_seconds", float64(v.CertificateExpiry.Unix()), l.self)
	}
	s.add("betanet_up", up, l.up)
}

func (s *scenario) breaker(at pairs, is breaker.State) {
	s.add("betanet_exporter_circuit_breaker_state", map[breaker.State]float64{breaker.Closed: 0, breaker.HalfOpen: 1, breaker.Open: 2}[is], at)
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func plus(sum **float64, n float64) {
	if *sum == nil {
		*sum = new(float64)
	}
	**sum += n
}

// grown is by how much a counter grew for the fleet.
func grown(before, now uint64) float64 {
	if now < before {
		return float64(now)
	}
	return float64(now - before)
}

// The lives of an upstream that a scene has.
const (
	good = iota
	stale
	partial
	expired
	down
	untried
	lives
)

// finish gives a view what all views have and counts it for the fleet.
func (s *scenario) finish(v *fleet.View, l *seen, life int) {
	v.URL, v.Collected, v.Duration = v.Upstream.URLs[0], life != untried, time.Duration(s.Int64N(int64(14*time.Second)))
	v.Resets = s.Uint64N(5)
	if s.coin() {
		v.CertificateExpiry = time.Unix(1_800_000_000+s.Int64N(1e6), 0)
	}
	if s.coin() && v.Upstream.Name != "" && !s.ordered {
		v.Upstream.URLs = append(v.Upstream.URLs, v.Upstream.URLs[0])
		v.Replica, v.Switches = "r"+s.odd(), s.Uint64N(9)
		v.Standby = []fleet.Standby{{Replica: "other:9000", Endpoint: betanet.Nodes, Breaker: breaker.State(s.IntN(3))}}
		l.data, l.endpoint = l.data.and("replica", v.Replica), l.endpoint.and("replica", v.Replica)
	}
	if life == expired {
		v.Upstream.Settings.MaxStale = 5 * time.Minute // and the documents are years old
	}
	s.states[[lives]string{"up", "stale", "stale", "down", "down", "pending"}[life]]++
}

// v1 adds an upstream of API v1 that leads the given life.
func (s *scenario) v1(name string, life int) {
	u, l := s.upstream(name)
	v := &fleet.View{Upstream: u, API: betanet.V1}
	first, m := betanettest.Metrics{PacketsProcessed: s.number(), PacketsDropped: s.number()}, betanettest.Metrics{PacketsProcessed: s.number(), PacketsDropped: s.number()}
	n := betanettest.Nodes{Active: s.number(), Inactive: s.number(), Total: s.number()}
	w := betanettest.Network{BytesTransmitted: s.number(), BytesReceived: s.number(), AvgLatencyMS: new(s.Float64() * 10_000), PeakThroughput: s.number()}
	var seconds []float64
	a := fleet.Accumulator{Histogram: u.Settings.Histogram}
	for range 1 + s.IntN(20) {
		ms := []float64{0, 1, 5, 10, 1000, 1e7, s.Float64() * 6000, s.ExpFloat64() * 50}[s.IntN(8)]
		seconds = append(seconds, ms/1000)
		a.Fetched(nil, betanettest.Network{AvgLatencyMS: &ms}.Doc())
	}
	has, fails := [3]bool{true, true, true}, [3]bool{}
	switch which := s.IntN(3); life {
	case stale:
		fails[which] = true
	case partial:
		has[which], fails[which] = false, true
	case expired:
		fails = has
	case down:
		has, fails = fails, has
	case untried:
		has = fails
	}
	if has[2] {
		v.Totals = a.Totals
	}
	s.finish(v, &l, life)
	if life != expired { // the base line of the fleet's counters
		base := &fleet.View{Upstream: u, URL: v.URL, API: v.API}
		firstNet := betanettest.Network{BytesTransmitted: s.number(), BytesReceived: s.number()}
		if has[0] {
			base.Endpoints = append(base.Endpoints, fleet.EndpointView{Endpoint: betanet.Metrics, Record: snapshot.Record{}.Fetched(first.Doc(), time.Now())})
			plus(&s.messages, grown(first.PacketsProcessed, m.PacketsProcessed))
			plus(&s.forwarded, grown(first.PacketsProcessed, m.PacketsProcessed))
			plus(&s.dropped, grown(first.PacketsDropped, m.PacketsDropped))
		}
		if has[2] {
			base.Endpoints = append(base.Endpoints, fleet.EndpointView{Endpoint: betanet.Network, Record: snapshot.Record{}.Fetched(firstNet.Doc(), time.Now())})
			plus(&s.transmitted, grown(firstNet.BytesTransmitted, w.BytesTransmitted))
			plus(&s.received, grown(firstNet.BytesReceived, w.BytesReceived))
		}
		s.registry.Publish(base)
	}
	for i, d := range []*betanet.Document{m.Doc(), n.Doc(), w.Doc()} {
		if !has[i] {
			d = nil
		}
		s.endpoint(v, d, betanet.Endpoint(i), fails[i])
	}
	s.registry.Publish(v)
	s.about(v, l, life != expired)
	if life == expired {
		return
	}
	if has[0] {
		s.add("betanet_messages_total", float64(m.PacketsProcessed), l.data)
		s.add("betanet_packets_dropped_total", float64(m.PacketsDropped), l.data)
	}
	if has[1] {
		s.add("betanet_connected_peers", float64(n.Total), l.data)
		s.add("betanet_mixnode_active", float64(n.Active), l.data)
		s.add("betanet_mixnode_inactive", float64(n.Inactive), l.data)
		plus(&s.peers, float64(n.Total))
		plus(&s.active, float64(n.Active))
	}
	if has[2] {
		s.add("betanet_bytes_transmitted_total", float64(w.BytesTransmitted), l.data)
		s.add("betanet_bytes_received_total", float64(w.BytesReceived), l.data)
		s.add("betanet_peak_throughput", float64(w.PeakThroughput), l.data)
		s.add("betanet_average_latency_seconds", *w.AvgLatencyMS/1000, l.data)
		if u.Settings.Histogram {
			s.observed("betanet_message_latency_seconds", seconds, l.data)
		}
	}
}

// mixnodes adds an upstream of API mixnodes, of whose nodes one leaves, one
// restarts and some give less than others.
func (s *scenario) mixnodes(name string, life int) {
	u, l := s.upstream(name)
	v := &fleet.View{Upstream: u, API: betanet.MixnodesAPI}
	var docs []betanettest.Mixnodes
	n := 2 + s.IntN(4)
	for range 3 {
		var d betanettest.Mixnodes
		for i := range n {
			if i > 0 && s.IntN(4) == 0 {
				continue // not there in this document
			}
			m := betanettest.Mixnode{ID: fmt.Sprint(i, s.odd()), Status: "stopped", PacketsProcessed: s.Uint64N(100_000)}
			if s.coin() {
				m.UptimeSeconds = new(s.Uint64N(1e5))
			}
			if len(docs) > 0 && len(docs[0]) > 0 && i == 0 {
				m.ID = docs[0][0].ID // this one stays
			}
			if i > 0 {
				m.ID = fmt.Sprint("node ", i, `"\`) // and these come back
			}
			dropped, forwarded := s.Uint64N(1000), s.Uint64N(1000)
			if s.coin() {
				m.PacketsDropped = &dropped
			}
			if s.coin() {
				m.PacketsForwarded = &forwarded
			}
			if ms := float64(125 * s.IntN(50)); len(d) < 2 { // sums of eighths are exact
				m.Status, m.AvgLatencyMS = "active", &ms
			}
			d = append(d, m)
		}
		docs = append(docs, d)
	}
	// The sums by their rule: the first value, then increases; nothing for one
	// that leaves, all of one that restarted.
	var base, sums nodeSums
	last := make(map[string]lastSeen)
	var seconds []float64
	a := fleet.Accumulator{Histogram: u.Settings.Histogram}
	for i, d := range docs {
		a.Fetched(nil, d.Doc())
		before := sums
		for _, m := range d {
			last[m.ID] = sums.add(m, last[m.ID])
		}
		if packets := sums.packets - before.packets; i > 0 && packets > 0 {
			seconds = append(seconds, (sums.micros-before.micros)/packets/1e6)
		}
		if i == 0 {
			base = sums
			v.Totals = a.Totals
		}
	}
	first, final := docs[0], docs[2]
	baseTotals := v.Totals
	v.Totals = a.Totals
	has, fails := true, life != good && life != untried
	if life == partial {
		life = stale // there is one endpoint
	}
	if life == down || life == untried {
		has, v.Totals = false, fleet.Totals{}
	}
	s.finish(v, &l, life)
	if has && life != expired {
		s.registry.Publish(&fleet.View{Upstream: u, URL: v.URL, API: v.API, Totals: baseTotals, Endpoints: []fleet.EndpointView{{Endpoint: betanet.Mixnodes, Record: snapshot.Record{}.Fetched(first.Doc(), time.Now())}}})
		plus(&s.messages, sums.messages-base.messages)
		if base.gaveDropped { // else the last document is the base line
			plus(&s.dropped, sums.dropped-base.dropped)
		}
		if base.gaveForwarded {
			plus(&s.forwarded, sums.forwarded-base.forwarded)
		}
	}
	var doc *betanet.Document
	if has {
		doc = final.Doc()
	}
	s.endpoint(v, doc, betanet.Mixnodes, fails)
	s.registry.Publish(v)
	s.about(v, l, life != expired)
	if !has || life == expired {
		return
	}
	active := 0.0
	for _, m := range final {
		active += one(m.Status == "active")
		at := pairs{"mixnode", m.ID}.and(l.data...)
		s.add("betanet_mixnode_up", one(m.Status == "active"), at)
		s.add("betanet_mixnode_packets_processed_total", float64(m.PacketsProcessed), at)
		if m.UptimeSeconds != nil {
			s.add("betanet_mixnode_uptime_seconds", float64(*m.UptimeSeconds), at)
		}
		if m.PacketsDropped != nil {
			s.add("betanet_mixnode_packets_dropped_total", float64(*m.PacketsDropped), at)
		}
		if m.PacketsForwarded != nil {
			s.add("betanet_mixnode_packets_forwarded_total", float64(*m.PacketsForwarded), at)
		}
		if m.AvgLatencyMS != nil && m.PacketsProcessed > 0 {
			s.add("betanet_mixnode_average_latency_seconds", *m.AvgLatencyMS/1000, at)
		}
	}
	s.add("betanet_connected_peers", float64(len(final)), l.data)
	s.add("betanet_mixnode_active", active, l.data)
	s.add("betanet_mixnode_inactive", float64(len(final))-active, l.data)
	s.add("betanet_messages_total", sums.messages, l.data)
	if sums.gaveDropped {
		s.add("betanet_packets_dropped_total", sums.dropped, l.data)
	}
	if sums.gaveForwarded {
		s.add("betanet_packets_forwarded_total", sums.forwarded, l.data)
	}
	s.summary("betanet_packet_latency_seconds", sums.micros/1e6, uint64(sums.packets), l.data)
	if ms, ok := betanet.MeanLatency(final.Doc().Mixnodes); ok { // whose arithmetic is tested beside it
		s.add("betanet_average_latency_seconds", ms/1000, l.data)
	}
	if u.Settings.Histogram && len(seconds) > 0 {
		s.observed("betanet_message_latency_seconds", seconds, l.data)
	}
	plus(&s.peers, float64(len(final)))
	plus(&s.active, active)
}

// nodeSums are the sums over the nodes of an upstream.
type nodeSums struct {
	messages, dropped, forwarded, micros, packets float64
	gaveDropped, gaveForwarded                    bool
}

// lastSeen is what a node said last.
type lastSeen struct {
	processed, dropped, forwarded, uptime uint64
	micros, packets                       float64
}

// add adds what a node gives and returns what to compare its next numbers with.
func (s *nodeSums) add(m betanettest.Mixnode, last lastSeen) lastSeen {
	if m.PacketsProcessed < last.processed || m.UptimeSeconds != nil && *m.UptimeSeconds < last.uptime {
		last = lastSeen{}
	}
	if m.UptimeSeconds != nil {
		last.uptime = *m.UptimeSeconds
	}
	s.messages += grown(last.processed, m.PacketsProcessed)
	last.processed = m.PacketsProcessed
	var forwarded *uint64
	if m.PacketsDropped != nil {
		s.gaveDropped = true
		s.dropped += grown(last.dropped, *m.PacketsDropped)
		last.dropped = *m.PacketsDropped
		if *m.PacketsDropped > m.PacketsProcessed {
			forwarded = new(uint64)
		} else {
			forwarded = new(m.PacketsProcessed - *m.PacketsDropped)
		}
	}
	if m.PacketsForwarded != nil {
		forwarded = m.PacketsForwarded
	}
	if forwarded != nil {
		s.gaveForwarded = true
		s.forwarded += grown(last.forwarded, *forwarded)
		last.forwarded = *forwarded
	}
	if m.AvgLatencyMS != nil {
		packets := float64(m.PacketsProcessed)
		micros := *m.AvgLatencyMS * 1000 * packets
		s.micros += max(0, micros-last.micros)
		s.packets += packets - last.packets
		last.micros, last.packets = max(micros, last.micros), packets
	}
	return last
}

// exporter lets the exporter have done something, and expects all of its closed
// sets of series.
func (s *scenario) exporter() {
	self := s.registry.Exporter
	endpoints := []string{"metrics", "nodes", "network", "mixnodes"}
	results := strings.Fields(`success auth canceled connect content_type dns encoding eof http_429 http_4xx http_5xx http_status
		json_syntax local protocol proxy redirect reset schema timeout tls too_large value`)
	var took []float64
	for i, name := range endpoints {
		e, at := betanet.Endpoint(i), pairs{"endpoint", name}
		for _, r := range results {
			n := s.IntN(3)
			for range n {
				d := time.Duration(s.Int64N(int64(7 * time.Second)))
				took = append(took, d.Seconds())
				reason := betanet.Reason(r)
				if r == "success" {
					reason = ""
				}
				self.Attempt(e, reason, d)
			}
			s.add("betanet_exporter_attempts_total", float64(n), at.and("result", r))
		}
		n := s.IntN(3)
		for range n {
			self.Retry(e)
		}
		s.add("betanet_exporter_retries_total", float64(n), at)
		for state, name := range []string{"closed", "half_open", "open"} {
			n := s.IntN(3)
			for range n {
				self.Transition(e, breaker.State(state))
			}
			s.add("betanet_exporter_circuit_breaker_transitions_total", float64(n), at.and("state", name))
		}
	}
	s.observed("betanet_exporter_request_duration_seconds", took, nil)
	for i, r := range []string{"hit", "miss", "stale"} {
		for range i {
			self.Cache(r)
		}
		s.add("betanet_exporter_cache_requests_total", float64(i), pairs{"result", r})
	}
	for i, r := range []string{"connections", "max_requests", "slow_client"} {
		for range 2 * i {
			self.Rejected(r)
		}
		s.add("betanet_exporter_http_rejected_total", float64(2*i), pairs{"reason", r})
	}
	var delays []float64
	for range s.IntN(5) {
		d := time.Duration(s.Int64N(int64(time.Second)))
		delays = append(delays, d.Seconds())
		self.Collection()
		self.Delay(d)
	}
	s.observed("betanet_exporter_collection_delay_seconds", delays, nil)
	s.add("betanet_exporter_collections_total", float64(len(delays)), nil)
	self.Skipped(7)
	s.add("betanet_exporter_collections_skipped_total", 7, nil)
	self.BudgetExhausted()
	s.add("betanet_exporter_retry_budget_exhausted_total", 1, nil)
	self.Upstreams(12)
	s.add("betanet_exporter_upstreams", 12, nil)
	self.Reloaded(true, time.UnixMilli(1_700_000_000_250))
	self.Reloaded(false, time.Now())
	s.add("betanet_exporter_config_last_reload_success_timestamp_seconds", 1_700_000_000.25, nil)
	s.add("betanet_exporter_config_last_reload_successful", 0, nil)
	source := "file " + s.odd()
	self.Discovered(source, Discovery{Tried: true, Duplicates: 3})
	self.Discovered(source, Discovery{Tried: true, Up: true, Targets: 7, Duplicates: 2, Rejected: 4, LastSuccess: time.UnixMilli(1_700_000_000_750)})
	s.add("betanet_exporter_discovery_up", 1, pairs{"source", source})
	s.add("betanet_exporter_discovery_duplicates", 2, pairs{"source", source})
	s.add("betanet_exporter_discovery_targets", 7, pairs{"source", source})
	s.add("betanet_exporter_discovery_rejected", 4, pairs{"source", source})
	s.add("betanet_exporter_discovery_last_success_timestamp_seconds", 1_700_000_000.75, pairs{"source", source})
}

// fleetTotals expects the series about all upstreams.
func (s *scenario) fleetTotals() {
	for _, state := range []string{"up", "stale", "down", "pending"} {
		s.add("betanet_fleet_upstreams", s.states[state], pairs{"state", state})
	}
	for name, sum := range map[string]*float64{"betanet_fleet_connected_peers": s.peers, "betanet_fleet_mixnode_active": s.active} {
		if sum != nil {
			s.add(name, *sum, nil)
		}
	}
	for name, sum := range map[string]*float64{
		"betanet_fleet_messages_total": s.messages, "betanet_fleet_packets_dropped_total": s.dropped, "betanet_fleet_packets_forwarded_total": s.forwarded,
		"betanet_fleet_bytes_transmitted_total": s.transmitted, "betanet_fleet_bytes_received_total": s.received,
	} {
		if sum == nil {
			sum = new(float64) // counters start at 0
		}
		s.add(name, *sum, nil)
	}
}
