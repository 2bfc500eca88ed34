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

func upstreamAt(name string) *fleet.Upstream {
	return &fleet.Upstream{
		Name: name, URLs: []*url.URL{{Scheme: "http", Host: "localhost:9000"}}, API: betanet.V1,
		Settings: fleet.Settings{Interval: 15 * time.Second, MaxStale: 5 * time.Minute, Histogram: true},
	}
}

func registry(views ...*fleet.View) *exposition.Registry {
	r := exposition.NewRegistry()
	for _, v := range views {
		r.Publish(v)
	}
	return r
}

// quiet completes a model with what every model needs.
func quiet(m *Model) *Model {
	if m.History == nil {
		m.History = new(history.History)
	}
	if m.Health == nil {
		m.Health = func(all fleet.Health, _ int) fleet.Health { return all }
	}
	if m.TelemetryPath == "" {
		m.TelemetryPath = "/metrics"
	}
	return m
}

// answer is what a model gives for a path, as the web server sends it.
type answer struct {
	StatusCode int
	body       string
}

func body(_ *testing.T, a answer) string { return a.body }

// get asks a model for a path.
func get(t *testing.T, model *Model, path string) answer {
	t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	m, now := quiet(model), time.Now()
	asJSON := func(v any) answer {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return answer{200, string(b)}
	}
	refused := func(err error) answer { return answer{400, "Bad request: " + err.Error() + ".\n"} }
	switch name, ok := strings.CutPrefix(u.Path, "/upstream/"); {
	case ok:
		if page, ok := m.UpstreamPage(name, "../", now); ok {
			return answer{200, string(page)}
		}
	case u.Path == "/":
		page, err := m.IndexPage(u.RawQuery, now)
		if err != nil {
			return refused(err)
		}
		return answer{200, string(page)}
	case u.Path == "/api/v1/status":
		s, err := m.Status(u.RawQuery, now)
		if err != nil {
			return refused(err)
		}
		return asJSON(s)
	case u.Path == "/api/v1/status/history":
		return asJSON(m.FleetHistory(now))
	case u.Path == "/health/details":
		return asJSON(m.Details(now))
	default:
		if name, ok := strings.CutPrefix(u.Path, "/api/v1/status/upstream/"); ok {
			if d, ok := m.Upstream(name, now); ok {
				return asJSON(d)
			}
		}
	}
	return answer{StatusCode: 404}
}

// resultOf finds upstreams without a model.
func resultOf(views []*fleet.View, q *query, now time.Time) result {
	m := &Model{History: new(history.History)}
	return newResult(m.entries(views, now), q, now)
}
