package test

import (
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// Users who import a dashboard have a data source with another name.
func TestDashboardsQueryTheSelectedDataSource(t *testing.T) {
	selected := datasource{"prometheus", "${datasource}"}
	for uid, b := range dashboards(t) {
		if first := b.Templating.List[0]; first.Name != "datasource" || first.Type != "datasource" || string(first.Query) != `"prometheus"` {
			t.Errorf("%s: the data source cannot be selected: %+v", uid, first)
		}
		for _, v := range b.Templating.List[1:] {
			if v.Datasource == nil || *v.Datasource != selected {
				t.Errorf("%s: variable %s queries %v", uid, v.Name, v.Datasource)
			}
		}
		for _, p := range b.Panels {
			if p.Type == "row" {
				continue
			}
			if p.Datasource != selected {
				t.Errorf("%s: %s queries %v", uid, p.Title, p.Datasource)
			}
			for _, q := range p.Targets {
				if q.Datasource != selected {
					t.Errorf("%s: %s queries %v", uid, p.Title, q.Datasource)
				}
			}
		}
	}
}

// Expressions that have values only in some cases: for upstreams with API mixnodes, with
// replicas or over https; without /probe; for an exporter that has several upstreams and
// pushes.
var (
	onlyMixnodes = regexp.MustCompile(`betanet_mixnode_(up|uptime|average|packets)|betanet_mixnodes_omitted|^rate\(betanet_packets_forwarded_total`)
	onlyReplicas = regexp.MustCompile(`replica`)
	onlyTLS      = regexp.MustCompile(`betanet_exporter_tls_`)
	notProbe     = regexp.MustCompile(`betanet_exporter_upstream_resets_total`)
	onlyFleets   = regexp.MustCompile(`betanet_fleet_|betanet_exporter_(discovery|push)_`)
)

func TestDashboardsShowAnOutage(t *testing.T) {
	o := runOutage(t)
	all := dashboards(t)
	for uid, b := range all {
		t.Run(uid, func(t *testing.T) {
			t.Run("of all", func(t *testing.T) {
				o.checkExpressions(t, b, b.variableValues(t, o.prometheus, nil))
			})
			t.Run("of an upstream without a name", func(t *testing.T) {
				values := b.variableValues(t, o.prometheus, map[string][]string{"job": {"one"}})
				o.checkExpressions(t, b, values, onlyMixnodes, onlyReplicas, onlyTLS, onlyFleets)
			})
			if uid == "betanet-exporter" {
				return
			}
			t.Run("of a probe", func(t *testing.T) {
				values := b.variableValues(t, o.prometheus, map[string][]string{"job": {"probe"}})
				o.checkExpressions(t, b, values, onlyMixnodes, onlyReplicas, onlyTLS, notProbe)
			})
			t.Run("of two selected upstreams", func(t *testing.T) {
				selected := []string{"flaky", o.discovered}
				values := b.variableValues(t, o.prometheus, map[string][]string{"upstream": selected})
				for expr, curves := range o.checkExpressions(t, b, values, onlyReplicas, onlyTLS) {
					for _, l := range curves {
						if name, there := l.labels["upstream"]; there && !slices.Contains(selected, name) {
							t.Errorf("%q is shown by %s, but not selected", name, expr)
						}
					}
				}
			})
		})
	}
	t.Run("texts", func(t *testing.T) { o.checkMappings(t, all["betanet-upstream"]) })
	t.Run("gap", func(t *testing.T) { o.checkGaps(t, all["betanet-upstream"]) })
	t.Run("states", func(t *testing.T) { o.checkStates(t, all["betanet-fleet"]) })
	t.Run("ratios", func(t *testing.T) {
		for _, b := range all {
			o.checkRatios(t, b)
		}
	})
}

// checkExpressions queries every expression of a dashboard and returns the results. All
// must have values except those that match absent.
func (o *outage) checkExpressions(t *testing.T, b *dashboard, values map[string]string, absent ...*regexp.Regexp) map[string][]curve {
	t.Helper()
	results := make(map[string][]curve)
	for _, p := range b.Panels {
		for _, q := range p.Targets {
			curves := o.queryRange(t, q.Expr, values)
			results[q.Expr] = curves
			want := !slices.ContainsFunc(absent, func(r *regexp.Regexp) bool { return r.MatchString(q.Expr) })
			if got := len(curves) > 0; got != want {
				t.Errorf("%s: has values: %t, want %t: %s", p.Title, got, want, substitute(t, q.Expr, values))
			}
			for _, l := range curves {
				if l.labels["job"] == "stranger" {
					t.Errorf("%s shows another program than the exporter: %v", p.Title, l.labels)
				}
			}
		}
	}
	if len(results) < 20 {
		t.Errorf("only %d expressions", len(results))
	}
	return results
}

// checkMappings checks that every value of a state timeline has a text, and that the
// texts include the alerts of the outage.
func (o *outage) checkMappings(t *testing.T, b *dashboard) {
	values := b.variableValues(t, o.prometheus, nil)
	seen := make(map[string][]string)
	for _, p := range b.Panels {
		if p.Type != "state-timeline" {
			continue
		}
		for _, l := range o.queryRange(t, p.Targets[0].Expr, values) {
			for _, v := range l.values {
				text := p.FieldConfig.Defaults.Mappings[0].Options[strconv.FormatFloat(v, 'g', -1, 64)].Text
				if text == "" {
					t.Errorf("%s: no text for %v", p.Title, v)
				}
				if l.labels["upstream"] == "flaky" && !slices.Contains(seen[p.Title], text) {
					seen[p.Title] = append(seen[p.Title], text)
				}
			}
		}
	}
	for title, texts := range map[string][]string{
		"State":                              {"up", "stale or partial", "no values"},
		"Endpoints":                          {"up", "failing"},
		"Circuit breakers":                   {"closed", "open"}, // half-open may be too short to be seen
		"Failing endpoints, with the reason": {"failing"},
	} {
		for _, w := range texts {
			if !slices.Contains(seen[title], w) {
				t.Errorf("%s shows %q in the outage, want also %q", title, seen[title], w)
			}
		}
	}
}

// checkGaps checks that the rates of a stale upstream are absent, not zero, and that its
// last good values are separate curves.
func (o *outage) checkGaps(t *testing.T, b *dashboard) {
	selected := map[string][]string{"job": {"fleet"}, "upstream": {"flaky"}}
	stale := o.queryRange(t, `betanet_exporter_data_stale{job="fleet", upstream="flaky"} == 1
		and on () betanet_exporter_endpoint_up{job="fleet", upstream="flaky", endpoint="metrics"} == 0`, nil)
	if len(stale) != 1 {
		t.Fatalf("stale: %v", stale)
	}
	for _, title := range []string{"Messages", "Dropped and forwarded packets", "Lost packets"} {
		curves := o.panel(t, b, title, selected)[0]
		if len(curves) != 1 {
			t.Fatalf("%s: %v", title, curves)
		}
		for at := range stale[0].values {
			if v, there := curves[0].values[at]; there {
				t.Errorf("%s: got %v at a time when nothing was fetched, want a gap", title, v)
			}
		}
	}
	peers := o.panel(t, b, "Peers", selected)
	if len(peers) != 2 || len(peers[0]) != 1 || len(peers[1]) != 1 {
		t.Fatalf("peers: %v", peers)
	}
	for at := range peers[1][0].values {
		if _, both := peers[0][0].values[at]; both {
			t.Errorf("peers are both fresh and last good at %d", at)
		}
	}
}

// checkStates checks that the states add up to the number of upstreams at all times.
func (o *outage) checkStates(t *testing.T, b *dashboard) {
	states := o.panel(t, b, "Upstreams by state", map[string][]string{"job": {"fleet"}})
	count := o.queryRange(t, `count(betanet_up{job="fleet"})`, nil)
	if len(count) != 1 {
		t.Fatalf("count: %v", count)
	}
	if len(count[0].values) < 10 {
		t.Errorf("only %d seconds", len(count[0].values))
	}
	for at, want := range count[0].values {
		sum := 0.0
		for _, s := range states {
			for _, c := range s {
				sum += c.values[at]
			}
		}
		if sum != want {
			t.Errorf("the states of %v upstreams add up to %v", want, sum)
		}
	}
}

// checkRatios checks that shares are between 0 and 1, except CPU, which is per core.
func (o *outage) checkRatios(t *testing.T, b *dashboard) {
	values, seen := b.variableValues(t, o.prometheus, nil), 0
	for _, p := range b.Panels {
		if p.FieldConfig.Defaults.Unit != "percentunit" || p.Title == "CPU" {
			continue
		}
		for _, q := range p.Targets {
			for _, l := range o.queryRange(t, q.Expr, values) {
				for _, v := range l.values {
					seen++
					if v < 0 || v > 1 {
						t.Errorf("%s: %v", p.Title, v)
					}
				}
			}
		}
	}
	if seen == 0 {
		t.Errorf("%s has no shares", b.UID)
	}
}
