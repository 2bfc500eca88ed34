package betanet

import (
	"slices"
	"strings"
	"testing"
)

// Other paths may deadlock an upstream.
func TestThereAreFourEndpoints(t *testing.T) {
	want := map[string]string{
		"metrics": "/api/v1/metrics", "nodes": "/api/v1/nodes/status", "network": "/api/v1/network/stats", "mixnodes": "/mixnodes",
	}
	if int(NumEndpoints) != len(want) {
		t.Fatalf("NumEndpoints: got %d, want %d", NumEndpoints, len(want))
	}
	for e := range NumEndpoints {
		if got := e.Path(); got != want[e.String()] {
			t.Errorf("path of %v: got %q, want %q", e, got, want[e.String()])
		}
	}
}

func TestEndpointsOfAnAPI(t *testing.T) {
	v1 := []Endpoint{Metrics, Nodes, Network}
	for api, want := range map[API][]Endpoint{Auto: v1, V1: v1, MixnodesAPI: {Mixnodes}} {
		if got := api.Endpoints(); !slices.Equal(got, want) {
			t.Errorf("endpoints of %v: got %v, want %v", api, got, want)
		}
	}
}

func TestParseAPIAcceptsWhatStringReturns(t *testing.T) {
	for name, want := range map[string]API{"auto": Auto, "v1": V1, "mixnodes": MixnodesAPI} {
		if got, err := ParseAPI(name); got != want || err != nil || got.String() != name {
			t.Errorf("ParseAPI(%q): got %v, %v, want %v", name, got, err, want)
		}
	}
}

func TestParseAPIErrorsListTheValidNames(t *testing.T) {
	for _, s := range []string{"", "V1", "v2", "auto "} {
		if _, err := ParseAPI(s); err == nil || !strings.Contains(err.Error(), "auto, v1 or mixnodes") {
			t.Errorf("ParseAPI(%q): got %v, want an error that names auto, v1 and mixnodes", s, err)
		}
	}
}
