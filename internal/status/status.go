package status

import (
	"time"
	"unicode/utf8"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// Status is the response of /api/v1/status and /health/details, and the data of the
// pages. Fields that are nil or empty are unknown, or not part of the response.
type Status struct {
	Status    fleet.Health       `json:"status"` // as /health reports it
	Version   string             `json:"version"`
	Time      time.Time          `json:"time"`
	Verdict   *Verdict           `json:"verdict,omitempty"`
	Fleet     *fleetStatus       `json:"fleet,omitempty"`    // all upstreams, whatever the query selects
	Matched   *int               `json:"matched,omitempty"`  // number of upstreams that the query selects
	Upstreams []upstreamStatus   `json:"upstreams"`          // the selected ones, from the query's offset up to its limit
	Incidents []history.Incident `json:"incidents,omitzero"` // omitted if nil, [] if there are none
	Omitted   *int               `json:"incidents_omitted,omitempty"`
	Events    []history.Event    `json:"events,omitempty"` // the newest of all upstreams
	Probes    []history.Probe    `json:"probes,omitempty"` // in probe mode
	Sources   []sourceStatus     `json:"sources,omitempty"`
	Config    *Configuration     `json:"config,omitempty"`
	Push      *Push              `json:"push,omitempty"` // nil if nothing is pushed
}

// upstreamStatus is one upstream of a status.
type upstreamStatus struct {
	Name      string           `json:"name"`
	URL       string           `json:"url"`                // the one in use
	Replicas  int              `json:"replicas,omitempty"` // number of URLs, if there are several
	API       string           `json:"api"`
	State     fleet.State      `json:"state"`
	Endpoints []endpointStatus `json:"endpoints"`
	Values    valuesStatus     `json:"values"`
	// Expiry is the earliest expiry among the certificates that the URL in use sent.
	Expiry *time.Time `json:"tls_certificate_expiry,omitempty"`

	// The fields below are not in /health/details.
	Since       *time.Time      `json:"since,omitempty"` // when the state began
	Recent      *history.Recent `json:"recent,omitempty"`
	History     []string        `json:"history,omitempty"`                 // the state in each of the last 60 minutes
	AgeSeconds  *float64        `json:"age_seconds,omitempty"`             // of the oldest last good document
	Breaker     string          `json:"breaker,omitempty"`                 // the worst
	OpenSeconds *float64        `json:"breaker_open_seconds,omitempty"`    // until the first open breaker allows a probe
	NextSeconds *float64        `json:"next_collection_seconds,omitempty"` // of the first endpoint
}

// endpointStatus is one endpoint of an upstream.
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

	OpenSeconds *float64 `json:"-"` // until the breaker allows a probe
}

// maxErrorText is the number of bytes after which the text of an error is cut.
const maxErrorText = 200

// NewStatus returns a status of all upstreams, without the fields that depend on a query
// or on the history.
func NewStatus(h fleet.Health, views []*fleet.View, version string, now time.Time) Status {
	s := Status{Status: h, Version: version, Time: now, Upstreams: make([]upstreamStatus, len(views))}
	for i, v := range views {
		s.Upstreams[i] = newUpstreamStatus(v, now)
	}
	return s
}

func newUpstreamStatus(v *fleet.View, now time.Time) upstreamStatus {
	u := upstreamStatus{
		Name: v.Upstream.DisplayName(), URL: v.URL.String(), API: v.API.String(), State: v.State(now), Values: newValues(v, now), Expiry: nonZero(v.CertificateExpiry.UTC()),
	}
	if n := len(v.Upstream.URLs); n > 1 {
		u.Replicas = n
	}
	for i := range v.Endpoints {
		u.Endpoints = append(u.Endpoints, newEndpointStatus(&v.Endpoints[i], v.Upstream.Settings.MaxStale, now))
	}
	return u
}

// newUpstreamWithHistory returns an upstream with its last hour and a summary of its
// endpoints.
func newUpstreamWithHistory(e *entry, hour *history.Hour, now time.Time) upstreamStatus {
	u := newUpstreamStatus(e.view, now)
	u.Breaker, u.AgeSeconds = e.breaker.String(), age(e.oldest, now)
	u.OpenSeconds, u.NextSeconds = until(e.openUntil, now), until(e.next, now)
	u.Since, u.Recent = nonZero(hour.Since), &hour.Recent
	return u
}

func newEndpointStatus(e *fleet.EndpointView, maxStale time.Duration, now time.Time) endpointStatus {
	s := endpointStatus{
		Endpoint: e.Endpoint.String(), State: e.State(now, maxStale), Breaker: e.Breaker.String(), Attempts: e.Attempts,
		Next: nonZero(e.Next), NextSeconds: until(e.Next, now), OpenUntil: nonZero(e.OpenUntil), OpenSeconds: until(e.OpenUntil, now),
	}
	if e.Doc != nil {
		s.LastSuccess, s.AgeSeconds = &e.At, age(e.At, now)
	}
	if e.Failure != nil {
		s.FailingSeconds, s.Reason, s.Error = age(e.Since, now), string(e.Failure.Reason), cut(e.Failure.Error(), maxErrorText)
	}
	return s
}

// nonZero returns a pointer to a time, or nil for the zero time.
func nonZero(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

// until returns the seconds until a time, 0 if it has passed, nil for the zero time.
func until(at, now time.Time) *float64 {
	if at.IsZero() {
		return nil
	}
	return new(max(0, at.Sub(now).Seconds()))
}

// age returns the seconds since a time, nil for the zero time.
func age(at, now time.Time) *float64 {
	if at.IsZero() {
		return nil
	}
	return new(now.Sub(at).Seconds())
}

func cut(text string, n int) string { return Truncate(text, n, "…") }

// Truncate returns the text, or, if it is longer than limit bytes, as many of its runes as
// fit into limit bytes, followed by the ellipsis.
func Truncate(text string, limit int, ellipsis string) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + ellipsis
}
