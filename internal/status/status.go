package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Status is what /api/v1/status and /health/details give, and the pages show.
type Status struct {
	Status    fleet.Health     `json:"status"` // as /health has it
	Version   string           `json:"version"`
	Time      time.Time        `json:"time"`
	Fleet     *fleetStatus     `json:"fleet,omitempty"`   // of all upstreams, whatever is asked for
	Matched   *int             `json:"matched,omitempty"` // upstreams that pass the filter, of which a part may follow
	Upstreams []upstreamStatus `json:"upstreams"`
	Events    []eventStatus    `json:"events,omitempty"` // the last ones, of all upstreams
	Sources   []sourceStatus   `json:"sources,omitempty"`
	Config    *Configuration   `json:"config,omitempty"`
	Push      *Push            `json:"push,omitempty"` // absent if nothing is pushed
}

// upstreamStatus is one upstream of a status. What is not known is left out.
type upstreamStatus struct {
	Name      string           `json:"name"`
	URL       string           `json:"url"`
	Replicas  int              `json:"replicas,omitempty"` // where there are several; url is the one in use
	API       string           `json:"api"`
	State     fleet.State      `json:"state"`
	Endpoints []endpointStatus `json:"endpoints"`
	Values    valuesStatus     `json:"values"`
	// Expiry is when the first of the certificates expires that the URL in use sent.
	Expiry *time.Time `json:"tls_certificate_expiry,omitempty"`

	// The endpoints in short, not in /health/details.
	AgeSeconds  *float64 `json:"age_seconds,omitempty"`             // of the oldest of the last good documents
	Breaker     string   `json:"breaker,omitempty"`                 // the one that lets least through
	OpenSeconds *float64 `json:"breaker_open_seconds,omitempty"`    // until the first open one lets a probe through
	NextSeconds *float64 `json:"next_collection_seconds,omitempty"` // of the first endpoint
}

// endpointStatus is one endpoint of an upstream. Times are RFC 3339, ages and
// waits seconds.
type endpointStatus struct {
	Endpoint       string      `json:"endpoint"`
	State          fleet.State `json:"state"`
	Breaker        string      `json:"breaker"`
	OpenUntil      *time.Time  `json:"open_until,omitempty"`
	LastSuccess    *time.Time  `json:"last_success,omitempty"`
	AgeSeconds     *float64    `json:"age_seconds,omitempty"`
	FailingSeconds *float64    `json:"failing_seconds,omitempty"`
	Reason         string      `json:"last_error_reason,omitempty"`
	Error          string      `json:"last_error,omitempty"`
	Attempts       uint64      `json:"attempts"`
	Next           *time.Time  `json:"next_collection,omitempty"`
	NextSeconds    *float64    `json:"next_collection_seconds,omitempty"`
}

// valuesStatus are the values that /metrics shows at the same moment.
type valuesStatus struct {
	Peers            *uint64  `json:"connected_peers,omitempty"`
	Active           *uint64  `json:"mixnode_active,omitempty"`
	Inactive         *uint64  `json:"mixnode_inactive,omitempty"`
	Messages         *uint64  `json:"messages_total,omitempty"`
	Dropped          *uint64  `json:"packets_dropped_total,omitempty"`
	Forwarded        *uint64  `json:"packets_forwarded_total,omitempty"` // of API mixnodes
	BytesTransmitted *uint64  `json:"bytes_transmitted_total,omitempty"`
	BytesReceived    *uint64  `json:"bytes_received_total,omitempty"`
	PeakThroughput   *uint64  `json:"peak_throughput,omitempty"`
	LatencySeconds   *float64 `json:"average_latency_seconds,omitempty"`
}

// maxErrorText bounds what is shown of an error.
const maxErrorText = 200

// NewStatus returns what is known at the given moment of all upstreams, one by
// one.
func NewStatus(h fleet.Health, views []*fleet.View, version string, now time.Time) Status {
	s := Status{Status: h, Version: version, Time: now, Upstreams: make([]upstreamStatus, len(views))}
	for i, v := range views {
		s.Upstreams[i] = newUpstreamStatus(v, now)
	}
	return s
}

func newUpstreamStatus(v *fleet.View, now time.Time) upstreamStatus {
	val := v.Values(now)
	u := upstreamStatus{
		Name: v.Upstream.Title(), URL: v.URL.String(), API: v.API.String(), State: v.State(now),
		Values: valuesStatus{
			val.Uint(betanet.TotalNodes), val.Uint(betanet.ActiveNodes), val.Uint(betanet.InactiveNodes),
			val.Uint(betanet.PacketsProcessed), val.Uint(betanet.PacketsDropped), val.Uint(betanet.PacketsForwarded),
			val.Uint(betanet.BytesTransmitted), val.Uint(betanet.BytesReceived), val.Uint(betanet.PeakThroughput), val.LatencySeconds(),
		},
	}
	if n := len(v.Upstream.URLs); n > 1 {
		u.Replicas = n
	}
	if at := v.CertificateExpiry; !at.IsZero() {
		u.Expiry = new(at.UTC())
	}
	for i := range v.Endpoints {
		u.Endpoints = append(u.Endpoints, newEndpointStatus(&v.Endpoints[i], v.Upstream.Settings.MaxStale, now))
	}
	return u
}

// newUpstreamInShort is an upstream with its endpoints in short.
func newUpstreamInShort(v *fleet.View, b summary, now time.Time) upstreamStatus {
	u := newUpstreamStatus(v, now)
	u.Breaker = b.breaker.String()
	if !b.oldest.IsZero() {
		age := now.Sub(b.oldest).Seconds()
		u.AgeSeconds = &age
	}
	u.OpenSeconds, u.NextSeconds = until(b.openUntil, now), until(b.next, now)
	return u
}

func newEndpointStatus(e *fleet.EndpointView, maxStale time.Duration, now time.Time) endpointStatus {
	s := endpointStatus{
		Endpoint: e.Endpoint.String(), State: e.State(now, maxStale), Breaker: e.Breaker.String(), Attempts: e.Attempts,
	}
	if !e.Next.IsZero() {
		s.Next, s.NextSeconds = &e.Next, until(e.Next, now)
	}
	if !e.OpenUntil.IsZero() {
		s.OpenUntil = &e.OpenUntil
	}
	if e.Doc != nil {
		age := now.Sub(e.At).Seconds()
		s.LastSuccess, s.AgeSeconds = &e.At, &age
	}
	if e.Failure != nil {
		failing := now.Sub(e.Since).Seconds()
		s.FailingSeconds, s.Reason, s.Error = &failing, string(e.Failure.Reason), cut(e.Failure.Error(), maxErrorText)
	}
	return s
}

// until is the wait for a moment in seconds, nil for no moment.
func until(at, now time.Time) *float64 {
	if at.IsZero() {
		return nil
	}
	wait := max(0, at.Sub(now).Seconds())
	return &wait
}

// cut shortens a text to at most n bytes, between runes.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	return text[:n] + "…"
}
