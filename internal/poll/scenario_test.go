package poll

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// A scenario determines how an upstream behaves during a test. It lists the responses of
// each endpoint to its first request, its second, and so on, so that the poller and the
// model get the same responses.
type scenario struct {
	Settings  fleet.Settings
	API       betanet.API
	Responses [betanet.NumEndpoints][]response
	Refusals  []time.Duration // starts and ends of periods in which connections are refused
	Changes   []time.Duration // when the upstream changes its API
	OnDemand  []time.Duration // when a collection on demand is requested
	Checks    []time.Duration // when the poller is compared with the model
}

// response is one response of the upstream.
type response struct {
	Kind  string
	Value uint64 // of a good document
}

// kind is a kind of response, with the expected reason of the failure
// (docs/troubleshooting.md).
type kind struct {
	raw    string // status line and the lines after it, "" for no response
	reason betanet.Reason
	retry  bool
	status int
	after  time.Duration // value of a valid Retry-After, negative without one
	takes  time.Duration
}

const (
	never   = time.Hour // the response takes longer than any test waits for it
	garbage = "x\r\n\r\n"
)

var kinds = map[string]kind{
	"good":     {raw: "200 OK", status: 200, after: -1},
	"slow":     {raw: "200 OK", status: 200, after: -1, takes: 1137 * time.Millisecond},
	"too slow": {raw: "200 OK", reason: betanet.ReasonTimeout, retry: true, after: -1, takes: 7 * time.Second},
	"hang":     {reason: betanet.ReasonTimeout, retry: true, after: -1, takes: never},
	"nothing":  {reason: betanet.ReasonEOF, retry: true, after: -1},
	"garbage":  {raw: garbage, reason: betanet.ReasonProtocol, retry: true, after: -1},
	"cut":      {raw: "200 OK\r\nContent-Length: 9", reason: betanet.ReasonEOF, retry: true, status: 200, after: -1},
	"broken":   {raw: "200 OK\r\nContent-Length: 2\r\n\r\n{]", reason: betanet.ReasonSyntax, retry: true, status: 200, after: -1},
	"empty":    {raw: "200 OK\r\nContent-Length: 4\r\n\r\nnull", reason: betanet.ReasonSchema, status: 200, after: -1},
	"html":     {raw: "200 OK\r\nContent-Type: text/html", reason: betanet.ReasonContentType, status: 200, after: -1},
	"gzip":     {raw: "200 OK\r\nContent-Encoding: gzip", reason: betanet.ReasonEncoding, status: 200, after: -1},
	"huge":     {raw: "200 OK\r\nContent-Length: 1048577", reason: betanet.ReasonTooLarge, status: 200, after: -1},
	"204":      {raw: "204 No Content", reason: betanet.ReasonHTTPStatus, status: 204, after: -1},
	"302":      {raw: "302 Found\r\nLocation: /metrics", reason: betanet.ReasonRedirect, status: 302, after: -1},
	"403":      {raw: "403 Forbidden", reason: betanet.ReasonAuth, status: 403, after: -1},
	"404":      {raw: "404 Not Found", reason: betanet.ReasonHTTP4xx, status: 404, after: -1},
	"408":      {raw: "408 Timeout", reason: betanet.ReasonHTTP4xx, retry: true, status: 408, after: -1},
	"500":      {raw: "500 Broken", reason: betanet.ReasonHTTP5xx, retry: true, status: 500, after: -1},
	"501":      {raw: "501 What", reason: betanet.ReasonHTTP5xx, status: 501, after: -1},
	"503":      {raw: "503 Busy\r\nRetry-After: -3", reason: betanet.ReasonHTTP5xx, retry: true, status: 503, after: -1},
	"503 0":    {raw: "503 Busy\r\nRetry-After: 0", reason: betanet.ReasonHTTP5xx, retry: true, status: 503, after: 0},
	"503 3":    {raw: "503 Busy\r\nRetry-After: 3", reason: betanet.ReasonHTTP5xx, retry: true, status: 503, after: 3 * time.Second},
	"500 9":    {raw: "500 Broken\r\nRetry-After: 9", reason: betanet.ReasonHTTP5xx, retry: true, status: 500, after: -1},
	"429 20":   {raw: "429 Slow\r\nRetry-After: 20", reason: betanet.ReasonHTTP429, retry: true, status: 429, after: 20 * time.Second},
	"429 70":   {raw: "429 Slow\r\nRetry-After: 70", reason: betanet.ReasonHTTP429, retry: true, status: 429, after: 70 * time.Second},
	"429 9999": {raw: "429 Slow\r\nRetry-After: 9999", reason: betanet.ReasonHTTP429, retry: true, status: 429, after: 300 * time.Second},
}

// pace is how long a response of each endpoint takes. All other times are multiples of
// 100 µs, and no sum of up to eleven response times of each endpoint is one. So events of
// different collections have different times, and their order is unique.
var pace = [betanet.NumEndpoints]time.Duration{1_044_346, 2_065_901, 4_060_781, 8_079_260}

func drawScenario(t *rapid.T, api betanet.API, changes int) scenario {
	s := scenario{Settings: defaults, API: api}
	s.Settings.Timeout = 13993 * time.Millisecond // so that no collection ends when another is due
	s.Settings.Attempts = rapid.SampledFrom([]int{3, 1, 2, 3, 4}).Draw(t, "attempts")
	s.Settings.BreakerFailures = rapid.SampledFrom([]uint32{5, 5, 1, 2, 7}).Draw(t, "failures")
	s.Settings.BreakerOpen = rapid.SampledFrom([]time.Duration{30 * time.Second, 30 * time.Second, 4 * time.Second, 50 * time.Second}).Draw(t, "open")
	s.Settings.RequestTimeout = rapid.SampledFrom([]time.Duration{5 * time.Second, 5 * time.Second, 2500 * time.Millisecond}).Draw(t, "request")
	s.Settings.MaxStale = rapid.SampledFrom([]time.Duration{5 * time.Minute, 0, 20 * time.Second}).Draw(t, "max-stale")
	s.Settings.TTL = rapid.SampledFrom([]time.Duration{10 * time.Second, 0, 25 * time.Second}).Draw(t, "ttl")
	// Breakers open only after a series of the same response. rapid draws the first
	// elements of a list more often.
	names := rapid.SampledFrom(append(strings.Split("good,404,500,hang,429 70,good,503 3,slow,nothing,429 20,403,404,broken,hang", ","), slices.Sorted(maps.Keys(kinds))...))
	run := rapid.Custom(func(t *rapid.T) []response {
		responses := make([]response, rapid.SampledFrom([]int{2, 1, 3, 6, 12, 1}).Draw(t, "times"))
		name := names.Draw(t, "kind")
		for i := range responses {
			responses[i] = response{name, rapid.Uint64Range(0, 1000).Draw(t, "value")}
		}
		return responses
	})
	for e := range s.Responses {
		for _, r := range rapid.SliceOfN(run, 3, 14).Draw(t, betanet.Endpoint(e).String()) {
			s.Responses[e] = append(s.Responses[e], r...)
		}
	}
	s.Refusals = times(t, "refusals", 0, 4, 60_000, 100*time.Microsecond)
	s.OnDemand = times(t, "on demand", 0, 5, 60_000, 300*time.Microsecond)
	s.Checks = times(t, "checks", 6, 16, 40_000, 500*time.Microsecond)
	switch {
	case changes < 0:
		s.Changes = []time.Duration{0}
	case changes > 0:
		s.Changes = times(t, "changes", 1, changes, 60_000, 700*time.Microsecond)
	}
	return s
}

// times draws increasing times. The shift keeps them different from the times of other
// events.
func times(t *rapid.T, what string, least, most, pause int, shift time.Duration) (all []time.Duration) {
	var at time.Duration
	short := rapid.IntRange(0, pause)
	long := rapid.Map(short, func(ms int) int { return pause - ms })
	for _, ms := range rapid.SliceOfN(rapid.OneOf(long, long, short), least, most).Draw(t, what) {
		at += time.Duration(ms+1)*time.Millisecond + shift
		all = append(all, at)
	}
	return all
}

// refuses reports whether connections are refused at a time.
func (s *scenario) refuses(at time.Duration) bool { return countUntil(s.Refusals, at)%2 == 1 }

// countUntil returns the number of times up to at.
func countUntil(all []time.Duration, at time.Duration) (n int) {
	for _, t := range all {
		if t <= at {
			n++
		}
	}
	return n
}

// responseTo returns the response to a request, counted from 0, to an endpoint.
func (s *scenario) responseTo(e betanet.Endpoint, number int, at time.Duration) (response, kind) {
	serves := betanet.V1
	if s.API == betanet.MixnodesAPI || countUntil(s.Changes, at)%2 == 1 {
		serves = betanet.MixnodesAPI
	}
	r := response{"good", uint64(number)}
	if number < len(s.Responses[e]) {
		r = s.Responses[e][number]
	}
	if !slices.Contains(serves.Endpoints(), e) {
		r.Kind = "404"
	}
	k := kinds[r.Kind]
	k.takes += pace[e]
	return r, k
}

// bytes returns the response in the form in which it is sent.
func (r response) bytes(e betanet.Endpoint, k kind) string {
	switch {
	case k.raw == "" || k.raw == garbage:
		return k.raw
	case k.raw != "200 OK":
		head, body, _ := strings.Cut(k.raw, "\r\n\r\n")
		return "HTTP/1.1 " + head + "\r\nConnection: close\r\n\r\n" + body
	}
	document := fmt.Sprintf(map[betanet.Endpoint]string{
		betanet.Metrics:  `{"packets_processed":%[1]d,"packets_dropped":%[1]d}`,
		betanet.Nodes:    `{"active_nodes":%[1]d,"inactive_nodes":%[1]d,"total_nodes":%[1]d}`,
		betanet.Network:  `{"bytes_transmitted":%[1]d,"bytes_received":%[1]d,"avg_latency_ms":3,"peak_throughput":%[1]d}`,
		betanet.Mixnodes: `[{"id":"a","status":"active","packets_processed":%[1]d,"uptime_seconds":%[1]d,"avg_latency_ms":3}]`,
	}[e], r.Value)
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(document), document)
}
