package status

import (
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// Status is what /api/v1/status and /health/details give, and the pages show.
type Status struct {
	Status    fleet.Health       `json:"status"` // as /health has it
	Version   string             `json:"version"`
	Time      time.Time          `json:"time"`
	Verdict   *Verdict           `json:"verdict,omitempty"`
	Fleet     *fleetStatus       `json:"fleet,omitempty"`   // of all upstreams, whatever is asked for
	Matched   *int               `json:"matched,omitempty"` // upstreams that pass the filter, of which a part may follow
	Upstreams []upstreamStatus   `json:"upstreams"`
	Incidents []history.Incident `json:"incidents,omitzero"` // nil is left out, none is []
	Omitted   *int               `json:"incidents_omitted,omitempty"`
	Events    []history.Event    `json:"events,omitempty"` // the last ones, of all upstreams
	Probes    []history.Probe    `json:"probes,omitempty"` // in probe mode
	Sources   []sourceStatus     `json:"sources,omitempty"`
	Config    *Configuration     `json:"config,omitempty"`
	Push      *Push              `json:"push,omitempty"` // absent if nothing is pushed
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

	// What follows is not in /health/details.
	Since       *time.Time      `json:"since,omitempty"` // of its state
	Recent      *history.Recent `json:"recent,omitempty"`
	History     []string        `json:"history,omitempty"`                 // the state in each of the last 60 minutes
	AgeSeconds  *float64        `json:"age_seconds,omitempty"`             // of the oldest of the last good documents
	Breaker     string          `json:"breaker,omitempty"`                 // the one that lets least through
	OpenSeconds *float64        `json:"breaker_open_seconds,omitempty"`    // until the first open one lets a probe through
	NextSeconds *float64        `json:"next_collection_seconds,omitempty"` // of the first endpoint
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
	u := upstreamStatus{
		Name: v.Upstream.DisplayName(), URL: v.URL.String(), API: v.API.String(), State: v.State(now), Values: newValues(v, now),
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

// newUpstreamInShort returns an upstream with its endpoints in short, and what is
// remembered of it.
func newUpstreamInShort(v *fleet.View, b summary, past *history.Past, now time.Time) upstreamStatus {
	u := newUpstreamStatus(v, now)
	u.Breaker = b.breaker.String()
	if !b.oldest.IsZero() {
		age := now.Sub(b.oldest).Seconds()
		u.AgeSeconds = &age
	}
	u.OpenSeconds, u.NextSeconds = until(b.openUntil, now), until(b.next, now)
	if !past.Since.IsZero() {
		u.Since = &past.Since
	}
	u.Recent = &past.Recent
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
