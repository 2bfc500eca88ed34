package web

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

func TestDiscoveryGroupsUpstreamsByLabels(t *testing.T) {
	named := func(name string, labels ...string) *fleet.Upstream {
		u := &fleet.Upstream{Name: name, URLs: []*url.URL{{Scheme: "https", User: url.UserPassword("u", "secret"), Host: "10.0.0.1:9000", Path: "/secret"}}}
		for i := 0; i < len(labels); i += 2 {
			u.Labels = append(u.Labels, fleet.Label{Name: labels[i], Value: labels[i+1]})
		}
		return u
	}
	for want, all := range map[string][]*fleet.Upstream{
		`[]`:                                  nil,
		`[{"targets":["a","b"],"labels":{}}]`: {named("b"), named("a")},
		`[{"targets":["edge-1","edge-3"],"labels":{"__meta_betanet_label_region":"eu"}},` +
			`{"targets":["edge-2"],"labels":{"__meta_betanet_label_region":"us","__meta_betanet_label_zone":"1"}},` +
			`{"targets":["edge-4"],"labels":{"__meta_betanet_label_region":"us"}}]`: {
			named("edge-4", "region", "us"), named("edge-3", "region", "eu"), named("edge-2", "region", "us", "zone", "1"), named("edge-1", "region", "eu"),
		},
		`[{"targets":["1"],"labels":{"__meta_betanet_label_a":"x} {b y"}},{"targets":["2"],"labels":{"__meta_betanet_label_a":"x","__meta_betanet_label_b":"y"}}]`: {
			named("1", "a", "x} {b y"), named("2", "a", "x", "b", "y"),
		},
		`[{"targets":["10.0.0.1:9000"],"labels":{}}]`: {named("")}, // without a name, the address is the target
	} {
		before := slices.Clone(all)
		r := serve(t, Options{Registry: registry(), Names: func() []*fleet.Upstream { return all }}, "GET", "/sd")
		got := body(t, r)
		if got != want || r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %d %s %s, want %s", r.StatusCode, r.Header.Get("Content-Type"), got, want)
		}
		if !slices.Equal(all, before) {
			t.Error("the handler changed its caller's list")
		}
		if strings.Contains(got, "secret") {
			t.Errorf("the response contains a URL: %s", got)
		}
	}
}
