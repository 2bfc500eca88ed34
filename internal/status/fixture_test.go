package status

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// newUpstream returns an upstream with API v1.
func newUpstream(name string) *fleet.Upstream {
	return &fleet.Upstream{
		Name: name, URLs: []*url.URL{{Scheme: "http", Host: "localhost:9000"}}, API: betanet.V1,
		Settings: fleet.Settings{Interval: 15 * time.Second, MaxStale: 5 * time.Minute, Histogram: true},
	}
}

// modelOf returns a model that has the given views and no history.
func modelOf(views ...*fleet.View) *Model {
	m := &Model{
		Registry: exposition.NewRegistry(), History: new(history.History), TelemetryPath: "/metrics", Version: "1.2.3",
		Health: func(all fleet.Health, _ int) fleet.Health { return all },
	}
	for _, v := range views {
		m.Registry.Publish(v)
	}
	return m
}

// indexOf returns the status page for a query.
func indexOf(t *testing.T, m *Model, query string) string {
	t.Helper()
	page, err := m.IndexPage(query, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// pageOf returns the page of an upstream.
func pageOf(t *testing.T, m *Model, name string) string {
	t.Helper()
	page, err := m.UpstreamPage(name, "../", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// status returns the status for a query as a client decodes it from JSON.
func status(t *testing.T, m *Model, query string) (decoded Status) {
	t.Helper()
	s, err := m.Status(query, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(b, &decoded)
	}
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// resultOf returns the result of a query on the given views.
func resultOf(views []*fleet.View, q *query, now time.Time) result {
	return newResult(modelOf().entries(views, now), q, now)
}

// between returns the part of a text between from and to.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, after, begins := strings.Cut(text, from)
	found, _, ends := strings.Cut(after, to)
	if !begins || !ends {
		t.Fatalf("got a text without a part between %q and %q, want one", from, to)
	}
	return found
}

// spaced replaces no-break spaces with ordinary spaces.
func spaced(s string) string { return strings.ReplaceAll(s, nbsp, " ") }
