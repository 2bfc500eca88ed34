package status

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// documentation reads docs/status-api.md.
func documentation(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/status-api.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// documentedModel adds the states of sources, configuration and push to the example.
func documentedModel() *Model {
	m := exampleAt(noon)
	m.Registry.Exporter.Discovered("file:fleet/*.json", exposition.Discovery{
		Tried: true, Targets: 3, Duplicates: 1, Rejected: 2, LastSuccess: noon.Add(-time.Hour), Err: "fleet/b.json: unexpected end of JSON input",
	})
	m.Configuration = func() Configuration {
		return Configuration{File: "/etc/betanet_exporter.yml", LastReload: noon.Add(-48 * time.Hour), Error: "/etc/betanet_exporter.yml: is empty"}
	}
	m.Push = func() Push {
		return Push{Endpoint: "http://collector:4318/v1/metrics", LastSuccess: noon.Add(-4 * time.Second)}
	}
	return m
}

func TestDocumentedExamplesMatchTheCode(t *testing.T) {
	m := documentedModel()
	s, err := m.Status("state=stale&limit=10", noon)
	if err != nil {
		t.Fatal(err)
	}
	core, _ := m.Upstream("core", noon)
	documented := documentation(t)
	for path, example := range map[string]any{
		"/api/v1/status?state=stale&limit=10": s,
		"/api/v1/status/upstream/core":        core,
		"/api/v1/status/history":              m.FleetHistory(noon),
	} {
		b, err := json.MarshalIndent(example, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		text := historyField.ReplaceAllString(string(b), `"history": [$1, "…", $2]`)
		if !strings.Contains(documented, "\n```json\n"+text+"\n```\n") {
			t.Errorf("docs/status-api.md: the example of %s is missing or different, want:\n%s", path, text)
		}
	}
}

// historyField matches the history of an upstream, which the documentation shortens to
// two strings.
var historyField = regexp.MustCompile(`"history": \[\s*("[a-z]+"),[^]]*?("[a-z]+")\s*\]`)

func TestEveryFieldOfTheStatusIsDocumented(t *testing.T) {
	documented := documentation(t)
	for _, v := range []any{Status{}, detailStatus{}, fleetHistory{}} {
		for _, name := range fields(reflect.TypeOf(v)) {
			if !strings.Contains(documented, "`"+name+"`") {
				t.Errorf("docs/status-api.md: field %s is not documented", name)
			}
		}
	}
}

// fields returns the JSON names of the fields of a type, including nested fields.
func fields(typ reflect.Type) (all []string) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice:
		return fields(typ.Elem())
	case reflect.Struct:
		for f := range slices.Values(reflect.VisibleFields(typ)) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
				all = append(append(all, name), fields(f.Type)...)
			}
		}
	}
	return all
}

func TestAStatusHasTheSelectedUpstreamsAndTheWholeFleet(t *testing.T) {
	m := modelOf(many(250)...)
	for query, want := range map[string]struct{ listed, matched int }{
		"":                                      {250, 250},
		"q=betanet-0007&limit=1":                {1, 1},
		"q=betanet-00&limit=7&offset=98":        {2, 100},
		"q=&sort=&order=&limit=&offset=&state=": {250, 250}, // as from a form with empty fields
	} {
		s := status(t, m, query)
		if len(s.Upstreams) != want.listed || *s.Matched != want.matched || s.Fleet.Upstreams != 250 {
			t.Errorf("%q: got %d upstreams, %d matched of %d, want %d, %d of 250", query, len(s.Upstreams), *s.Matched, s.Fleet.Upstreams, want.listed, want.matched)
		}
	}
	if got := status(t, m, "q=0007&limit=1").Upstreams[0].Name; got != "betanet-0007" {
		t.Errorf("got %s, want betanet-0007", got)
	}
}

func TestHealthDetailsHaveOnlyTheirDocumentedFields(t *testing.T) {
	b, err := json.Marshal(modelOf(many(3)...).Details(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]json.RawMessage
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	var upstreams []map[string]json.RawMessage
	if err := json.Unmarshal(got["upstreams"], &upstreams); err != nil || len(upstreams) != 3 {
		t.Fatalf("got %d upstreams, %v, want 3", len(upstreams), err)
	}
	if keys, want := slices.Sorted(maps.Keys(got)), []string{"status", "time", "upstreams", "version"}; !slices.Equal(keys, want) {
		t.Errorf("got %v, want %v", keys, want)
	}
	if keys, want := slices.Sorted(maps.Keys(upstreams[0])), []string{"api", "endpoints", "name", "state", "url", "values"}; !slices.Equal(keys, want) {
		t.Errorf("got %v, want %v", keys, want)
	}
}

func TestAnOldPointIsNotCurrent(t *testing.T) {
	points := []history.Point{{At: noon, Rates: history.Rates{Messages: new(120.5)}}}
	fresh, old := newFleetStatus(history.Counts{}, points, noon), newFleetStatus(history.Counts{}, points, noon.Add(maxPointAge))
	if fresh.Messages == nil || old.Messages != nil || old.RatesAt != nil {
		t.Errorf("got messages %v at noon and %v later, want a rate, then nil", fresh.Messages, old.Messages)
	}
}

func TestTheWorstEndpointDeterminesTheSummaryOfAnUpstream(t *testing.T) {
	d, _ := exampleAt(noon).Upstream("edge-1", noon)
	if d.State != fleet.Stale || d.Breaker != "open" || *d.AgeSeconds != 80 || *d.OpenSeconds != 12 || *d.NextSeconds != 10 {
		t.Errorf("got %s, breaker %s, age %v, open %v, next %v, want stale, open, 80, 12, 10", d.State, d.Breaker, *d.AgeSeconds, *d.OpenSeconds, *d.NextSeconds)
	}
}
