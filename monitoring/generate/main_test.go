package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestFilesAreUpToDate(t *testing.T) {
	dir := filepath.Join("..", "dashboards")
	var want []string
	for i := range dashboards {
		name := dashboards[i].uid + ".json"
		want = append(want, name)
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(render(&dashboards[i])) {
			t.Errorf("monitoring/dashboards/%s is out of date, run make generate", name)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.Contains(want, f.Name()) {
			t.Errorf("monitoring/dashboards/%s is not generated", f.Name())
		}
	}
}

// dashboardJSON has the parts of a dashboard that these tests check.
type dashboardJSON struct {
	UID, Title    string
	Tags          []string
	SchemaVersion int
	Links         []struct{ Title, URL string }
	Templating    struct{ List []variableJSON }
	Panels        []panelJSON
}

type variableJSON struct {
	Name, Type, AllValue string
	Query                any
	Multi, IncludeAll    bool
}

type panelJSON struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ Type, UID string }
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct {
		Defaults struct {
			Unit     string
			Mappings []any
		}
	}
	Links   []struct{ URL string }
	Targets []struct{ Expr, RefID string }
}

// eachDashboard runs check as a subtest for every dashboard, as Grafana reads it.
func eachDashboard(t *testing.T, check func(*testing.T, *dashboardJSON)) {
	t.Helper()
	for i := range dashboards {
		t.Run(dashboards[i].uid, func(t *testing.T) {
			var f dashboardJSON
			if err := json.Unmarshal(render(&dashboards[i]), &f); err != nil {
				t.Fatal(err)
			}
			check(t, &f)
		})
	}
}

func TestDashboardNamesAreUnique(t *testing.T) {
	uids, titles := make(map[string]bool), make(map[string]bool)
	eachDashboard(t, func(t *testing.T, f *dashboardJSON) {
		if !regexp.MustCompile(`^betanet-[a-z]+$`).MatchString(f.UID) || f.Title == "" || !slices.Contains(f.Tags, "betanet") || f.SchemaVersion != 39 {
			t.Errorf("uid %q, title %q, tags %q, schema %d", f.UID, f.Title, f.Tags, f.SchemaVersion)
		}
		if uids[f.UID] || titles[f.Title] {
			t.Errorf("uid %q or title %q is a duplicate", f.UID, f.Title)
		}
		uids[f.UID], titles[f.Title] = true, true
	})
}

func TestDashboardsLinkToEachOther(t *testing.T) {
	eachDashboard(t, func(t *testing.T, f *dashboardJSON) {
		got := map[string]string{f.UID: f.Title}
		for _, l := range f.Links {
			uid, _, _ := strings.Cut(strings.TrimPrefix(l.URL, "/d/"), "?")
			got[uid] = l.Title
		}
		for _, d := range dashboards {
			if got[d.uid] != d.title {
				t.Errorf("%s is linked as %q, want %q", d.uid, got[d.uid], d.title)
			}
		}
		if len(got) != len(dashboards) {
			t.Errorf("got links to %v, want only the other dashboards", got)
		}
	})
}

func TestVariablesAcceptAll(t *testing.T) {
	eachDashboard(t, func(t *testing.T, f *dashboardJSON) {
		if first := f.Templating.List[0]; first.Name != "datasource" || first.Type != "datasource" || first.Query != "prometheus" {
			t.Errorf("got the first variable %+v, want the data source", first)
		}
		for _, v := range f.Templating.List[1:] {
			if v.Type != "query" || !v.Multi || !v.IncludeAll {
				t.Errorf("%s does not accept several values or All: %+v", v.Name, v)
			}
			if v.Name == "upstream" && v.AllValue != ".*" {
				t.Errorf("All of %s is %q, which series without the label do not match", v.Name, v.AllValue)
			}
		}
	})
}

// The data source of a user who imports a dashboard has another uid.
func TestTheVariableIsTheOnlyDataSource(t *testing.T) {
	for i := range dashboards {
		var f any
		if err := json.Unmarshal(render(&dashboards[i]), &f); err != nil {
			t.Fatal(err)
		}
		sources := 0
		walk(f, func(key string, value any) {
			if key != "datasource" {
				return
			}
			sources++
			if s, ok := value.(map[string]any); !ok || len(s) != 2 || s["type"] != "prometheus" || s["uid"] != "${datasource}" {
				t.Errorf("%s has the data source %v, want the variable", dashboards[i].uid, value)
			}
		})
		if sources == 0 {
			t.Errorf("%s has no data source", dashboards[i].uid)
		}
	}
}

// walk visits every member of every object in a value.
func walk(v any, visit func(key string, value any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	case map[string]any:
		for key, e := range v {
			visit(key, e)
			walk(e, visit)
		}
	}
}

func TestPanelsAreComplete(t *testing.T) {
	units := []string{"short", "s", "Bps", "ops", "pps", "percentunit", "bytes"}
	eachDashboard(t, func(t *testing.T, f *dashboardJSON) {
		ids := make(map[int]bool)
		for _, p := range f.Panels {
			if ids[p.ID] || p.ID <= 0 {
				t.Errorf("%q has the id %d, which is a duplicate or not valid", p.Title, p.ID)
			}
			ids[p.ID] = true
			if p.Title == "" {
				t.Errorf("panel %d has no title", p.ID)
			}
			if p.Type == "row" {
				continue
			}
			if !strings.HasSuffix(p.Description, ".") || !slices.Contains(units, p.FieldConfig.Defaults.Unit) || p.Datasource.UID == "" || len(p.Targets) == 0 {
				t.Errorf("%q lacks a description, a unit, a data source or a query: %+v", p.Title, p)
			}
			if p.Type == "state-timeline" && len(p.FieldConfig.Defaults.Mappings) == 0 {
				t.Errorf("%q distinguishes states only by colour", p.Title)
			}
			refIDs := make(map[string]bool)
			for _, q := range p.Targets {
				if refIDs[q.RefID] || q.RefID == "" {
					t.Errorf("%q has a query with the refId %q, which is empty or a duplicate", p.Title, q.RefID)
				}
				refIDs[q.RefID] = true
			}
		}
	})
}

func TestPanelsDoNotOverlap(t *testing.T) {
	eachDashboard(t, func(t *testing.T, f *dashboardJSON) {
		taken := make(map[[2]int]string)
		for _, p := range f.Panels {
			g := p.GridPos
			if g.W < 1 || g.H < 1 || g.X < 0 || g.Y < 0 || g.X+g.W > 24 {
				t.Errorf("%q is not on the grid: %+v", p.Title, g)
			}
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other, ok := taken[[2]int{x, y}]; ok {
						t.Fatalf("%q overlaps %q", p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	})
}

// alertNames returns the names of the alerts in monitoring/alerts.
func alertNames(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "alerts", "betanet.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^ *- alert: (\w+)$`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	if len(names) < 10 {
		t.Fatalf("got %d alerts, want at least 10: the file was not parsed correctly", len(names))
	}
	return names
}

func TestEveryAlertIsLinkedFromAPanel(t *testing.T) {
	known, linked := alertNames(t), make(map[string]bool)
	eachDashboard(t, func(t *testing.T, f *dashboardJSON) {
		for _, p := range f.Panels {
			for _, l := range p.Links {
				anchor, ok := strings.CutPrefix(l.URL, "https://github.com/betanet/betanet_exporter/blob/main/docs/runbook.md#")
				found := slices.ContainsFunc(known, func(a string) bool { return strings.ToLower(a) == anchor })
				if !ok || !found {
					t.Errorf("%q links to %s, which is not an alert in the runbook", p.Title, l.URL)
				}
				linked[anchor] = true
			}
		}
	})
	for _, a := range known {
		if !linked[strings.ToLower(a)] {
			t.Errorf("no panel links to %s", a)
		}
	}
}
