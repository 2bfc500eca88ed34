package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// targetGroup is an element of the response for http_sd_configs of Prometheus.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// serviceDiscovery serves the names of the upstreams as targets of /probe. The labels
// of the upstreams are labels of the groups, for relabeling; the samples have them too.
func serviceDiscovery(names func() []*fleet.Upstream) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, targetGroups(names()))
	}
}

// targetGroups groups upstreams by labels, and sorts them by name.
func targetGroups(upstreams []*fleet.Upstream) []*targetGroup {
	upstreams = slices.Clone(upstreams)
	slices.SortFunc(upstreams, func(a, b *fleet.Upstream) int { return strings.Compare(a.DisplayName(), b.DisplayName()) })
	groups := []*targetGroup{} // not nil, so that an empty list is [] in JSON
	byLabels := make(map[string]*targetGroup)
	for _, u := range upstreams {
		key := fmt.Sprintf("%q", u.Labels)
		g := byLabels[key]
		if g == nil {
			g = &targetGroup{Labels: make(map[string]string, len(u.Labels))}
			for _, l := range u.Labels {
				g.Labels["__meta_betanet_label_"+l.Name] = l.Value
			}
			byLabels[key] = g
			groups = append(groups, g)
		}
		g.Targets = append(g.Targets, u.DisplayName())
	}
	return groups
}
