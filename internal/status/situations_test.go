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

// stage is a fleet whose last hour is made up, minute by minute.
type stage struct {
	now    time.Time
	actors []*actor
	steps  int // of the history between two collections
	model  *Model
}

// actor is an upstream of a stage.
type actor struct {
	upstream *fleet.Upstream
	rate     float64              // messages per second
	fails    func(ago int) string // for which reason, so many minutes ago; "" for none
	view     *fleet.View
	messages float64
	dropped  float64
}

// newStage is a fleet of n upstreams that answer.
func newStage(n int) *stage {
	s := &stage{now: time.Now(), steps: 3, model: quiet(&Model{History: new(history.History), Registry: exposition.NewRegistry(), Version: "1.2.3"})}
	for i := range n {
		name := fmt.Sprintf("edge-%04d", i+1)
		if i%17 == 2 {
			name = fmt.Sprintf("mix-exit-%04d.region-eu-central-1.betanet.example:9000", i+1)
		}
		u := &fleet.Upstream{
			Name: name, URLs: []*url.URL{{Scheme: "http", Host: fmt.Sprintf("10.0.%d.%d:9000", i/250, i%250+1)}}, API: betanet.V1,
			Settings: fleet.Settings{Interval: 15 * time.Second, MaxStale: 5 * time.Minute},
		}
		s.actors = append(s.actors, &actor{upstream: u, rate: 40 * float64(1+i%7), messages: 1e9 * float64(1+i%9), dropped: 1e6, fails: func(int) string { return "" }})
	}
	return s
}

// failure is what a stage's upstreams fail with.
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

// collect lets an upstream be collected at a moment.
func (a *actor) collect(at time.Time, ago int) {
	u := a.upstream
	v := &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Ticked: at, Collected: true, Polled: true}
	reason := a.fails(ago)
	wave := 1 + 0.3*math.Sin(float64(at.Unix()%3600)/570+a.rate) // not the same for all
	a.messages += 60 * a.rate * wave
	a.dropped += 60 * a.rate * wave * 0.002 * (1 + 0.5*math.Sin(float64(at.Unix()%3600)/300))
	docs := []*betanet.Document{
		betanettest.Metrics{PacketsProcessed: uint64(a.messages), PacketsDropped: uint64(a.dropped)}.Doc(),
		betanettest.Nodes{Active: 5, Inactive: 2, Total: 7}.Doc(),
		betanettest.Network{BytesTransmitted: uint64(a.messages * 2048), BytesReceived: uint64(a.messages * 1900), AvgLatencyMS: new(45 * wave), PeakThroughput: 1500}.Doc(),
	}
	for i, doc := range docs {
		e := fleet.EndpointView{Endpoint: doc.Endpoint, Next: at.Add(15 * time.Second), Attempts: uint64(4 * (60 - ago))}
		if a.view != nil {
			e.Record = a.view.Endpoints[i].Record
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
	a.view = v
}

// play lets an hour pass, with a collection each minute.
func (s *stage) play() *Model {
	for ago := 60; ago >= 0; ago-- {
		at := s.now.Add(-time.Duration(ago)*time.Minute - 4*time.Second)
		var views []*fleet.View
		for _, a := range s.actors {
			before := a.view
			a.collect(at, ago)
			s.report(a, before, at)
			views = append(views, a.view)
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

// report records the events that follow from a collection.
func (s *stage) report(a *actor, before *fleet.View, at time.Time) {
	if a.fails(0) != "pending" {
		s.model.History.Ended(a.view, at)
	}
	if before == nil || before.Up() == a.view.Up() {
		return
	}
	for _, e := range a.view.Endpoints {
		event := history.Event{Time: at, Upstream: a.upstream.DisplayName(), Endpoint: e.Endpoint.String(), Kind: history.Recovered, Text: "after 6m0s"}
		if e.Failure != nil {
			event.Kind, event.Reason, event.Text = history.Stale, string(e.Failure.Reason), e.Failure.Error()
		}
		s.model.History.Events.Add(event)
	}
}

// since fails for a reason since so many minutes.
func since(minutes int, reason string) func(int) string {
	return func(ago int) string {
		if ago <= minutes {
			return reason
		}
		return ""
	}
}

// during fails from and until so many minutes ago.
func during(from, until int, reason string) func(int) string {
	return func(ago int) string {
		if ago <= from && ago > until {
			return reason
		}
		return ""
	}
}

// situations are those of the verdict's table, with 1, 3, 200 and 2 000 upstreams.
var situations = []struct {
	name  string
	stage func() *stage
	level Level
	text  string // that the verdict begins with
}{
	{"1-stopped", func() *stage {
		s := newStage(3)
		s.now = s.now.Add(-12 * time.Minute) // and nothing since
		return s
	}, Critical, "Collecting has stopped"},
	{"2-nothing-answers", func() *stage {
		s := newStage(3)
		for i, reason := range []string{"connect", "connect", "timeout"} {
			s.actors[i].fails = since(9+i, reason)
		}
		return s
	}, Critical, "Nothing answers: 0 of 3 up since "},
	{"3-many-down", func() *stage {
		s := newStage(2000)
		for i := range 25 {
			s.actors[i*79].fails = since(10+i, "connect")
		}
		for i := range 15 {
			s.actors[i*101+1].fails = since(1+i%3, "http_5xx")
		}
		s.actors[7].fails = during(40, 30, "timeout")
		return s
	}, Critical, "25 of 2\u00a0000 are down, 15 stale: 25 × connection refused, 15 × HTTP 503"},
	{"4-one-stale", func() *stage {
		s := newStage(1)
		s.actors[0].fails = func(ago int) string {
			return during(45, 38, "timeout")(ago) + since(3, "http_5xx")(ago)
		}
		return s
	}, Critical, "Nothing answers: edge-0001 has been stale since "},
	{"5-discovery-fails", func() *stage {
		s := newStage(200)
		s.model.Registry.Exporter.Discovered("file:/etc/betanet/fleet/*.json", exposition.Discovery{
			Tried: true, Targets: 200, LastSuccess: s.now.Add(-38 * time.Minute), Err: "/etc/betanet/fleet/b.json: unexpected end of JSON input",
		})
		s.model.Configuration = func() Configuration {
			return Configuration{File: "/etc/betanet_exporter.yml", LastReload: s.now.Add(-50 * time.Hour)}
		}
		s.actors[3].fails = during(25, 19, "connect")
		return s
	}, Warning, "Discovery file:/etc/betanet/fleet/*.json fails"},
	{"6-no-upstream", func() *stage { return newStage(0) }, Warning, "There are no upstreams"},
	{"7-no-traffic", func() *stage {
		s := newStage(3)
		s.actors[1].rate = 0
		return s
	}, Warning, "edge-0002 has had no traffic since "},
	{"8-pending", func() *stage {
		s := newStage(3)
		for _, a := range s.actors {
			a.fails = since(99, "pending")
		}
		return s
	}, OK, "Waiting for 3 upstreams"},
	{"9-all-up", func() *stage {
		s := newStage(200)
		s.actors[5].fails = during(33, 24, "http_5xx")
		return s
	}, OK, "All 200 upstreams are up"},
}

// TestPagesOfAllSituations also writes the pages into the folder BETANET_PAGES, for
// the tests in a browser and for the pictures.
func TestPagesOfAllSituations(t *testing.T) {
	folder := os.Getenv("BETANET_PAGES")
	for _, c := range situations {
		m := c.stage().play()
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
		if icon := inside(t, string(page), `id="icon" href="`, `"`); !strings.Contains(icon, colour) {
			t.Errorf("%s: the tab's icon %s is not the one of %s", c.name, icon, c.level)
		}
		if folder == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, c.name+".html"), page, 0o644); err != nil {
			t.Fatal(err)
		}
		if len(s.Upstreams) == 0 {
			continue
		}
		detail, _ := m.UpstreamPage(s.Upstreams[0].Name, "./", now)
		if err := os.WriteFile(filepath.Join(folder, c.name+".upstream.html"), detail, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if folder != "" {
		page, _ := sceneAt(time.Now()).UpstreamPage("core", "./", time.Now())
		if err := os.WriteFile(filepath.Join(folder, "mixnodes.upstream.html"), page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
