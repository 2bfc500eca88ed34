package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// linkedFiles returns the paths, within the chart, of the files of monitoring/ that it
// links to.
func linkedFiles(t *testing.T) (all []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(chart, "files", "*", "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("found the files %q (%v), want the linked ones", paths, err)
	}
	for _, path := range paths {
		all = append(all, filepath.ToSlash(strings.TrimPrefix(path, chart+string(filepath.Separator))))
	}
	return all
}

func TestChartHasTheMonitoringFiles(t *testing.T) {
	for _, kind := range []string{"alerts", "dashboards", "rules"} {
		want, got := contents(t, filepath.Join("..", "monitoring", kind)), contents(t, filepath.Join(chart, "files", kind))
		if len(want) == 0 {
			t.Errorf("monitoring/%s is empty", kind)
		}
		if !maps.Equal(got, want) {
			t.Errorf("files/%s of the chart differs from monitoring/%s, make it a symbolic link", kind, kind)
		}
	}
}

// contents returns the content of the files in a directory, by file name.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, e := range entries {
		all[e.Name()] = readFile(t, dir, e.Name())
	}
	return all
}

func TestRulesAndDashboardsAreRenderedUnchanged(t *testing.T) {
	r := renderChart(t, helm.path(t), kubernetes["everything"], "--values="+values("everything"))
	for _, file := range linkedFiles(t) {
		text := readFile(t, chart, file)
		name, kind := filepath.Base(file), filepath.Base(filepath.Dir(file))
		if kind == "dashboards" {
			object := r.named(t, "ConfigMap", "betanet-"+strings.TrimSuffix(name, ".json"))
			if got := object.get("data", name); got != text {
				t.Errorf("the ConfigMap differs from %s: got\n%v", file, got)
			}
			continue
		}
		var want any
		if err := yaml.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		object := r.named(t, "PrometheusRule", "betanet-"+kind+"-"+strings.TrimSuffix(name, ".yml"))
		if got := plain(t, object.get("spec")); !reflect.DeepEqual(got, plain(t, want)) {
			t.Errorf("the PrometheusRule differs from %s: got\n%v", file, got)
		}
	}
}

func TestPackedChartHasTheLinkedFiles(t *testing.T) {
	dir := t.TempDir()
	runCommand(t, "", helm.path(t), "package", chart, "--destination="+dir)
	packed := contents(t, dir)
	if len(packed) != 1 {
		t.Fatalf("helm package created %d files, want one", len(packed))
	}
	for _, text := range packed {
		checkMonitoringFiles(t, text)
	}
}

func TestRulesForFogComputeAreOptIn(t *testing.T) {
	r := renderChart(t, helm.path(t), kubernetes["default"], "--set=prometheusRule.enabled=true")
	rules := r.of("PrometheusRule")
	for _, o := range rules {
		if name := fmt.Sprint(o.get("metadata", "name")); strings.Contains(name, "fog-compute") {
			t.Errorf("got the PrometheusRule %s without prometheusRule.fogCompute", name)
		}
	}
	if len(rules) != 2 {
		t.Errorf("got %d PrometheusRule objects, want 2: alerts and rules", len(rules))
	}
}

// plain converts a value to the types that encoding/json uses.
func plain(t *testing.T, v any) (all any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	parseJSON(t, string(text), &all)
	return all
}

// checkMonitoringFiles checks that a packed chart has the alerts, dashboards and rules
// instead of symbolic links.
func checkMonitoringFiles(t *testing.T, chart string) {
	want, got := make(map[string]string), make(map[string]string)
	for _, kind := range []string{"alerts", "dashboards", "rules"} {
		for name, text := range contents(t, filepath.Join("..", "monitoring", kind)) {
			want[kind+"/"+name] = text
		}
	}
	for _, f := range untar(t, gunzip(t, []byte(chart))) {
		if name, ok := strings.CutPrefix(f.Name, "betanet-exporter/files/"); ok && f.FileInfo().Mode().IsRegular() {
			got[name] = string(f.content)
		}
	}
	if len(want) == 0 || !maps.Equal(got, want) {
		t.Errorf("the chart has the files %q, want %q with the same content", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}
