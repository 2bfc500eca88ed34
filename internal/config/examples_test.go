package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheExamplesAreValid(t *testing.T) {
	want := map[string][]string{
		"one.yml": {"10.0.0.1:9000"}, "fleet.yml": {"edge-1", "edge-2", "archive", "legacy"}, "replicas.yml": {"core"}, "discovery.yml": nil, "probe.yml": {"core"},
	}
	files, err := filepath.Glob("../../examples/config/*.yml")
	if err != nil || len(files) != len(want) {
		t.Fatalf("got %v, %v, want %d files", files, err, len(want))
	}
	for _, file := range files {
		c, err := load([]string{"--config.file=" + file})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got, want := namesOf(c), want[filepath.Base(file)]; !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", file, got, want)
		}
	}
}

func TestTheExampleOfTheDocumentationIsValid(t *testing.T) {
	c := mustLoad(t, exampleFile)
	if got, want := namesOf(c), []string{"edge-1", "core"}; !slices.Equal(got, want) || !c.HasDiscovery() || len(c.Probe.Allow) != 2 {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheDocumentationHasEveryKey(t *testing.T) {
	text := Documentation()
	top := func(prefix string, known []string) {
		for _, key := range known {
			if !strings.Contains(text, "| `"+prefix+key) {
				t.Errorf("%s%s is missing", prefix, key)
			}
		}
	}
	top("", sortedKeys(defaultsKeys()))
	top("discovery.", sortedKeys(discoveryKeys()))
	top("upstreams[].", []string{"name", "url", "replicas"})
	top("", []string{"defaults", "probe.allow"})
}
