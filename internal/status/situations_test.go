package status

import (
	"errors"
	"fmt"
	"html"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// scenario is a fleet whose last hour is simulated minute by minute.
type scenario struct {
	now      time.Time
	services []*service
	steps    int // steps of the history between two collections
	model    *Model
}

// service is an upstream of a scenario, and the Betanet service behind it.
type service struct {
	upstream *fleet.Upstream
	rate     float64              // messages per second
	fails    func(ago int) string // returns the reason for the failure ago minutes ago; "" for success
	view     *fleet.View
	messages float64
	dropped  float64
}

// newScenario returns a fleet of n healthy upstreams.
func newScenario(n int) *scenario {
	s := &scenario{now: time.Now(), steps: 3, model: modelOf()}
	for i := range n {
		name := fmt.Sprintf("edge-%04d", i+1)
		if i%17 == 2 {
			name = fmt.Sprintf("mix-exit-%04d.region-eu-central-1.betanet.example:9000", i+1)
		}
		u := &fleet.Upstream{
			Name: name, URLs: []*url.URL{{Scheme: "http", Host: fmt.Sprintf("10.0.%d.%d:9000", i/250, i%250+1)}}, API: betanet.V1,
			Settings: fleet.Settings{Interval: 15 * time.Second, MaxStale: 5 * time.Minute},
		}
		s.services = append(s.services, &service{upstream: u, rate: 40 * float64(1+i%7), messages: 1e9 * float64(1+i%9), dropped: 1e6, fails: func(int) string { return "" }})
	}
	return s
}

// failure returns a failure of an endpoint with a reason.
func failure(reason string, e betanet.Endpoint) *betanet.Failure {
	text := map[string]string{
		"connect": "dial tcp 10.0.0.1:9000: connect: connection refused", "http_5xx": "HTTP status 503", "timeout": "no answer in time",
	}[reason]
	f := &betanet.Failure{Reason: betanet.Reason(reason), Err: fmt.Errorf("fetch %s: %w", e, errors.New(text))}
	if reason == "http_5xx" {
		f.Status = 503
	}
	return f
}

// collect simulates a collection.
func (sv *service) collect(at time.Time, ago int) {
	u := sv.upstream
	v := &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Ticked: at, Collected: true, Polled: true}
	reason := sv.fails(ago)
	wave := 1 + 0.3*math.Sin(float64(at.Unix()%3600)/570+sv.rate) // differs between upstreams
	sv.messages += 60 * sv.rate * wave
	sv.dropped += 60 * sv.rate * wave * 0.002 * (1 + 0.5*math.Sin(float64(at.Unix()%3600)/300))
	docs := []*betanet.Document{
		betanettest.Metrics{PacketsProcessed: uint64(sv.messages), PacketsDropped: uint64(sv.dropped)}.Doc(),
		betanettest.Nodes{Active: 5, Inactive: 2, Total: 7}.Doc(),
		betanettest.Network{BytesTransmitted: uint64(sv.messages * 2048), BytesReceived: uint64(sv.messages * 1900), AvgLatencyMS: new(45 * wave), PeakThroughput: 1500}.Doc(),
	}
	for i, doc := range docs {
		e := fleet.EndpointView{Endpoint: doc.Endpoint, Next: at.Add(15 * time.Second), Attempts: uint64(4 * (60 - ago))}
		if sv.view != nil {
			e.Record = sv.view.Endpoints[i].Record
		}
		switch {
		case reason == "pending":
			e.Attempts = 0
		case reason != "":
			e.Record = e.Failed(failure(reason, e.Endpoint), at)
			e.Breaker, e.OpenUntil = breaker.Open, at.Add(30*time.Second)
		default:
			e.Record = snapshot.Record{}.Fetched(doc, at)
		}
		v.Endpoints = append(v.Endpoints, e)
	}
	sv.view = v
}

// run simulates an hour with a collection each minute.
func (s *scenario) run() *Model {
	for ago := 60; ago >= 0; ago-- {
		at := s.now.Add(-time.Duration(ago)*time.Minute - 4*time.Second)
		var views []*fleet.View
		for _, sv := range s.services {
			before := sv.view
			sv.collect(at, ago)
			s.report(sv, before, at)
			views = append(views, sv.view)
		}
		for step := range s.steps {
			s.model.History.Take(views, at.Add(time.Duration(step-s.steps+1)*2*history.Step))
		}
		if ago == 0 {
			for _, v := range views {
				s.model.Registry.Publish(v)
			}
		}
	}
	return s.model
}

// report records the events that a collection causes.
func (s *scenario) report(sv *service, before *fleet.View, at time.Time) {
	if sv.fails(0) != "pending" {
		s.model.History.Ended(sv.view, at)
	}
	if before == nil || before.Up() == sv.view.Up() {
		return
	}
	for _, e := range sv.view.Endpoints {
		event := history.Event{Time: at, Upstream: sv.upstream.DisplayName(), Endpoint: e.Endpoint.String(), Kind: history.Recovered, Text: "after 6m0s"}
		if e.Failure != nil {
			event.Kind, event.Reason, event.Text = history.WentStale, string(e.Failure.Reason), e.Failure.Error()
		}
		s.model.History.Events.Add(event)
	}
}

// failsSince returns a service.fails that has failed since the given number of minutes ago.
func failsSince(minutes int, reason string) func(int) string {
	return func(ago int) string {
		if ago <= minutes {
			return reason
		}
		return ""
	}
}

// failsDuring returns a service.fails that failed from one number of minutes ago until
// another.
func failsDuring(from, until int, reason string) func(int) string {
	return func(ago int) string {
		if ago <= from && ago > until {
			return reason
		}
		return ""
	}
}

// situations covers all verdicts, with 1, 3, 200 and 2 000 upstreams.
var situations = []struct {
	name     string
	scenario func() *scenario
	level    Level
	text     string // prefix of the verdict
}{
	{"1-stopped", func() *scenario {
		s := newScenario(3)
		s.now = s.now.Add(-12 * time.Minute) // nothing has been collected since
		return s
	}, Critical, "Collecting has stopped"},
	{"2-nothing-answers", func() *scenario {
		s := newScenario(3)
		for i, reason := range []string{"connect", "connect", "timeout"} {
			s.services[i].fails = failsSince(9+i, reason)
		}
		return s
	}, Critical, "Nothing answers: 0 of 3 up since "},
	{"3-many-down", func() *scenario {
		s := newScenario(2000)
		for i := range 25 {
			s.services[i*79].fails = failsSince(10+i, "connect")
		}
		for i := range 15 {
			s.services[i*101+1].fails = failsSince(1+i%3, "http_5xx")
		}
		s.services[7].fails = failsDuring(40, 30, "timeout")
		return s
	}, Critical, "25 of 2\u00a0000 are down, 15 stale: 25 × connection refused, 15 × HTTP 503"},
	{"4-one-stale", func() *scenario {
		s := newScenario(1)
		s.services[0].fails = func(ago int) string {
			return failsDuring(45, 38, "timeout")(ago) + failsSince(3, "http_5xx")(ago)
		}
		return s
	}, Critical, "Nothing answers: edge-0001 has been stale since "},
	{"5-discovery-fails", func() *scenario {
		s := newScenario(200)
		s.model.Registry.Exporter.Discovered("file:/etc/betanet/fleet/*.json", exposition.Discovery{
			Tried: true, Targets: 200, LastSuccess: s.now.Add(-38 * time.Minute), Err: "/etc/betanet/fleet/b.json: unexpected end of JSON input",
		})
		s.model.Configuration = func() Configuration {
			return Configuration{File: "/etc/betanet_exporter.yml", LastReload: s.now.Add(-50 * time.Hour)}
		}
		s.services[3].fails = failsDuring(25, 19, "connect")
		return s
	}, Warning, "Discovery file:/etc/betanet/fleet/*.json fails"},
	{"6-no-upstream", func() *scenario { return newScenario(0) }, Warning, "There are no upstreams"},
	{"7-no-traffic", func() *scenario {
		s := newScenario(3)
		s.services[1].rate = 0
		return s
	}, Warning, "edge-0002 has had no traffic since "},
	{"8-pending", func() *scenario {
		s := newScenario(3)
		for _, sv := range s.services {
			sv.fails = failsSince(99, "pending")
		}
		return s
	}, OK, "Waiting for 3 upstreams"},
	{"9-all-up", func() *scenario {
		s := newScenario(200)
		s.services[5].fails = failsDuring(33, 24, "http_5xx")
		return s
	}, OK, "All 200 upstreams are up"},
}

// TestPagesShowTheVerdict also writes the pages to the directory
// BETANET_PAGES, if that is set, for the browser tests and the screenshots.
func TestPagesShowTheVerdict(t *testing.T) {
	dir := os.Getenv("BETANET_PAGES")
	for _, c := range situations {
		m := c.scenario().run()
		now := time.Now()
		page, err := m.IndexPage("", now)
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.Status("limit=1", now)
		if err != nil {
			t.Fatal(err)
		}
		if v := s.Verdict; v.Level != c.level || !strings.HasPrefix(v.Text, c.text) {
			t.Errorf("%s: got %s %q, want %s %q", c.name, v.Level, v.Text, c.level, c.text)
		}
		if want := "<title>" + s.Verdict.Text + " – Betanet exporter</title>"; !strings.Contains(html.UnescapeString(string(page)), want) {
			t.Errorf("%s: the tab's title is not the verdict %q", c.name, s.Verdict.Text)
		}
		colour := map[Level]string{OK: "%231a7f45", Warning: "%23b25e00", Critical: "%23c01622"}[c.level]
		if icon := between(t, string(page), `id="icon" href="`, `"`); !strings.Contains(icon, colour) {
			t.Errorf("%s: the tab's icon is %s, want the icon of level %s", c.name, icon, c.level)
		}
		if dir == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, c.name+".html"), page, 0o644); err != nil {
			t.Fatal(err)
		}
		if len(s.Upstreams) == 0 {
			continue
		}
		detail, _ := m.UpstreamPage(s.Upstreams[0].Name, "./", now)
		if err := os.WriteFile(filepath.Join(dir, c.name+".upstream.html"), detail, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if dir != "" {
		page, _ := exampleAt(time.Now()).UpstreamPage("core", "./", time.Now())
		if err := os.WriteFile(filepath.Join(dir, "mixnodes.upstream.html"), page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
