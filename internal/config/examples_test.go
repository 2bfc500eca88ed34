package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/schema"
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

func TestTheExampleInTheDocumentationIsValid(t *testing.T) {
	c := mustLoad(t, exampleFile)
	if got, want := namesOf(c), []string{"edge-1", "core"}; !slices.Equal(got, want) || !c.Discovery.Any() || len(c.Probe.Allow) != 2 {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheDocumentationHasEveryKey(t *testing.T) {
	text, err := Documentation()
	if err != nil {
		t.Fatal(err)
	}
	checkKeys := func(prefix string, keys []schema.Key) {
		for _, k := range keys {
			if !strings.Contains(text, "| `"+prefix+k.Name) {
				t.Errorf("%s%s is missing", prefix, k.Name)
			}
		}
	}
	file := fileSchema()
	checkKeys("", file.Key("defaults").Keys)
	checkKeys("discovery.", file.Key("discovery").Keys)
	for _, key := range []string{"defaults", "upstreams[].name", "upstreams[].url", "upstreams[].replicas", "probe.allow"} {
		checkKeys(key, []schema.Key{{}})
	}
}
