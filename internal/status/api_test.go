package status

import (
	"encoding/json"
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

// documentation is the page about the status as JSON.
func documentation(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/status-api.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sceneModel is the model of the scene, whose sources, configuration and push are in
// all states.
func sceneModel() *Model {
	m := sceneAt(noon)
	m.Version = "1.2.3"
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

func TestExamplesOfTheStatusAreWhatTheCodeGives(t *testing.T) {
	m := sceneModel()
	s, err := m.Status("state=stale&limit=10", noon)
	if err != nil {
		t.Fatal(err)
	}
	core, _ := m.Upstream("core", noon)
	documented := documentation(t)
	for what, example := range map[string]any{
		"/api/v1/status?state=stale&limit=10": s,
		"/api/v1/status/upstream/core":        core,
		"/api/v1/status/history":              m.FleetHistory(noon),
	} {
		b, err := json.MarshalIndent(example, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		text := sixty.ReplaceAllString(string(b), `"history": [$1, "…", $2]`)
		if !strings.Contains(documented, "\n```json\n"+text+"\n```\n") {
			t.Errorf("docs/status-api.md: the example of %s is not this:\n%s", what, text)
		}
	}
}

// sixty is the history of an upstream, of which the documentation shows two strings.
var sixty = regexp.MustCompile(`"history": \[\s*("[a-z]+"),[^]]*?("[a-z]+")\s*\]`)

func TestEveryFieldOfTheStatusIsDocumented(t *testing.T) {
	documented := documentation(t)
	for _, v := range []any{Status{}, detailStatus{}, historyStatus{}} {
		for _, name := range fields(reflect.TypeOf(v)) {
			if !strings.Contains(documented, "`"+name+"`") {
				t.Errorf("docs/status-api.md: field %s is not documented", name)
			}
		}
	}
}

// fields are the names of a type's fields in JSON, and those of their types.
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

// status is what the API answers.
func status(t *testing.T, o *Model, path string) (s Status) {
	t.Helper()
	r := get(t, o, path)
	if err := json.Unmarshal([]byte(body(t, r)), &s); err != nil {
		t.Fatalf("%s: status %d: %v", path, r.StatusCode, err)
	}
	return s
}

func TestWithoutParametersAllUpstreamsAreListed(t *testing.T) {
	o := &Model{Registry: registry(many(250)...)}
	s := status(t, o, "/api/v1/status")
	if len(s.Upstreams) != 250 || *s.Matched != 250 || s.Fleet.Upstreams != 250 {
		t.Errorf("got %d upstreams, %d matched of %d, want 250 of each", len(s.Upstreams), *s.Matched, s.Fleet.Upstreams)
	}
}

func TestAFilterLeavesTheFleetAlone(t *testing.T) {
	views := many(250)
	s := status(t, &Model{Registry: registry(views...)}, "/api/v1/status?q=0007&limit=1")
	if len(s.Upstreams) != 1 || s.Upstreams[0].Name != "betanet-0007" || *s.Matched != 1 || s.Fleet.Upstreams != 250 {
		t.Errorf("got %d upstreams, %d matched of %d, want betanet-0007 of 250", len(s.Upstreams), *s.Matched, s.Fleet.Upstreams)
	}
}

func TestHealthDetailsStayAsTheyWere(t *testing.T) {
	var got map[string]json.RawMessage
	o := &Model{Registry: registry(many(3)...)}
	b := body(t, get(t, o, "/health/details?limit=1"))
	if err := json.Unmarshal([]byte(b), &got); err != nil {
		t.Fatal(err)
	}
	var upstreams []map[string]json.RawMessage
	if err := json.Unmarshal(got["upstreams"], &upstreams); err != nil || len(upstreams) != 3 {
		t.Fatalf("got %d upstreams, %v, want 3", len(upstreams), err)
	}
	if want := []string{"status", "time", "upstreams", "version"}; !slices.Equal(sortedKeys(got), want) {
		t.Errorf("got %v, want %v", sortedKeys(got), want)
	}
	if want := []string{"api", "endpoints", "name", "state", "url", "values"}; !slices.Equal(sortedKeys(upstreams[0]), want) {
		t.Errorf("got %v, want %v", sortedKeys(upstreams[0]), want)
	}
}

func sortedKeys(m map[string]json.RawMessage) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// What was found out too long ago is not of the present.
func TestAPointThatIsOldSaysNothingOfNow(t *testing.T) {
	rate := 120.5
	points := []history.Point{{At: noon, Messages: &rate}}
	var fresh, old fleetStatus
	fresh.rates(points, noon)
	old.rates(points, noon.Add(forgotten))
	if fresh.Messages == nil || old.Messages != nil || old.RatesAt != nil {
		t.Errorf("got messages %v at noon and %v later, want a rate and none", fresh.Messages, old.Messages)
	}
}

func TestAnUpstreamInShortIsItsEndpointsWorst(t *testing.T) {
	stale := sceneAt(noon).find("edge-1")
	u := newUpstreamInShort(stale, newSummary(stale), new(history.Past), noon)
	if u.State != fleet.Stale || u.Breaker != "open" || *u.AgeSeconds != 80 || *u.OpenSeconds != 12 || *u.NextSeconds != 10 {
		t.Errorf("got %s, breaker %s, age %v, open %v, next %v, want stale, open, 80, 12, 10", u.State, u.Breaker, *u.AgeSeconds, *u.OpenSeconds, *u.NextSeconds)
	}
}

func TestTheDetailsOfAnUpstreamAreThere(t *testing.T) {
	o := sceneAt(time.Now())
	for path, want := range map[string]int{
		"/api/v1/status/upstream/core": 200, "/api/v1/status/upstream/none": 404, "/api/v1/status/history": 200, "/api/v1/status/none": 404,
	} {
		if got := get(t, o, path).StatusCode; got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
}
