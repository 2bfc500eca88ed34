package fleet

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/snapshot"
)

var (
	start   = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	timeout = &betanet.Failure{Reason: betanet.ReasonTimeout, Err: errors.New("no answer in time")}
)

const maxStale = 5 * time.Minute

func settings() Settings { return Settings{MaxStale: maxStale, Histogram: true} }

// These functions return the record of an endpoint in each state, reached at start.
func pending() snapshot.Record                  { return snapshot.Record{} }
func up(d *betanet.Document) snapshot.Record    { return pending().Fetched(d, start) }
func stale(d *betanet.Document) snapshot.Record { return up(d).Failed(timeout, start) }
func down() snapshot.Record                     { return pending().Failed(timeout, start) }
func fetchedAt(after time.Duration) snapshot.Record {
	return pending().Fetched(metrics(1, 1), start.Add(after))
}

func view(s Settings, records ...snapshot.Record) *View {
	v := &View{Upstream: &Upstream{URLs: []*url.URL{{Host: "localhost:9000"}}, Settings: s}}
	for i, r := range records {
		v.Endpoints = append(v.Endpoints, EndpointView{Endpoint: betanet.Endpoint(i), Record: r})
	}
	return v
}

func TestStateOfAnUpstream(t *testing.T) {
	doc, mixnodes := metrics(1, 1), betanettest.Mixnodes{}.Doc()
	const forever = 50 * 365 * 24 * time.Hour
	for _, c := range []struct {
		name string
		view *View
		age  time.Duration
		want State
	}{
		{"nothing tried", view(settings(), pending(), pending(), pending()), 0, Pending},
		{"all good", view(settings(), up(doc), up(doc), up(doc)), 0, Up},
		{"one failed, others good", view(settings(), up(doc), up(doc), down()), 0, Stale},
		{"one failed, with data left", view(settings(), up(doc), up(doc), stale(doc)), 0, Stale},
		{"all failed, data left", view(settings(), stale(doc), down(), down()), 0, Stale},
		{"all failed", view(settings(), down(), down(), down()), 0, Down},
		{"mixnodes, good", view(settings(), up(mixnodes)), 0, Up},
		{"mixnodes, stale", view(settings(), stale(mixnodes)), 0, Stale},
		{"mixnodes, failed", view(settings(), down()), 0, Down},
		{"some not yet tried, the rest failed", view(settings(), down(), down(), pending()), 0, Pending},
		{"some not yet tried, nothing failed", view(settings(), up(doc), pending(), pending()), 0, Pending},
		{"just before the last data expires", view(settings(), stale(doc), down()), maxStale - 1, Stale},
		{"when the last data expires", view(settings(), stale(doc), down()), maxStale, Down},
		{"data that never expires", view(Settings{MaxStale: 0}, stale(doc)), forever, Stale},
	} {
		if got := c.view.State(start.Add(c.age)); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestStateOfAnEndpoint(t *testing.T) {
	doc := metrics(1, 1)
	for _, c := range []struct {
		name string
		r    snapshot.Record
		age  time.Duration
		want State
	}{
		{"not tried", pending(), 0, Pending},
		{"good", up(doc), 0, Up},
		{"failed, data left", stale(doc), maxStale - 1, Stale},
		{"failed, data expired", stale(doc), maxStale, Down},
		{"failed, no data", down(), 0, Down},
	} {
		e := EndpointView{Record: c.r}
		if got := e.State(start.Add(c.age), maxStale); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestUpAndTriedRequireEveryEndpoint(t *testing.T) {
	doc := metrics(1, 1)
	for _, c := range []struct {
		name      string
		v         *View
		up, tried bool
	}{
		{"all good", view(settings(), up(doc), up(doc)), true, true},
		{"last not tried", view(settings(), up(doc), pending()), false, false},
		{"first not tried", view(settings(), pending(), up(doc)), false, false},
		{"first failed", view(settings(), down(), up(doc)), false, true},
		{"last failed", view(settings(), up(doc), stale(doc)), false, true},
	} {
		if c.v.Up() != c.up || c.v.Tried() != c.tried {
			t.Errorf("%s: Up(), Tried(): got %v, %v, want %v, %v", c.name, c.v.Up(), c.v.Tried(), c.up, c.tried)
		}
	}
}

func TestExpiresIsTheNextExpiry(t *testing.T) {
	three := view(settings(), fetchedAt(2*time.Minute), fetchedAt(0), pending(), fetchedAt(time.Minute))
	for _, c := range []struct {
		name      string
		view      *View
		now, want time.Duration // 0 means the zero time
	}{
		{"at the start", three, 0, maxStale},
		{"just before the first", three, maxStale - 1, maxStale},
		{"at the first", three, maxStale, maxStale + time.Minute},
		{"at the second", three, maxStale + time.Minute, maxStale + 2*time.Minute},
		{"at the last", three, maxStale + 2*time.Minute, 0},
		{"no limit", view(Settings{MaxStale: 0}, up(metrics(1, 1))), 0, 0},
		{"no data", view(settings(), down(), pending()), 0, 0},
	} {
		var want time.Time
		if c.want > 0 {
			want = start.Add(c.want)
		}
		if got := c.view.Expires(start.Add(c.now)); !got.Equal(want) {
			t.Errorf("%s: Expires(): got %v, want %v", c.name, got, want)
		}
	}
}

func TestDisplayNameIsTheNameOrTheHost(t *testing.T) {
	for name, want := range map[string]string{"": "localhost:9000", "edge-1": "edge-1"} {
		u := &Upstream{Name: name, URLs: []*url.URL{{Scheme: "http", Host: "localhost:9000", Path: "/p"}}}
		if got := u.DisplayName(); got != want {
			t.Errorf("DisplayName() of an upstream named %q: got %q, want %q", name, got, want)
		}
	}
}
