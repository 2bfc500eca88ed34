package test

import (
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// The data source of a user who imports a dashboard has another uid.
func TestDashboardsQueryTheSelectedDataSource(t *testing.T) {
	selected := datasource{"prometheus", "${datasource}"}
	for uid, d := range dashboards(t) {
		if first := d.Templating.List[0]; first.Name != "datasource" || first.Type != "datasource" || string(first.Query) != `"prometheus"` {
			t.Errorf("%s: the data source cannot be selected: %+v", uid, first)
		}
		for _, v := range d.Templating.List[1:] {
			if v.Datasource == nil || *v.Datasource != selected {
				t.Errorf("%s: variable %s queries %v", uid, v.Name, v.Datasource)
			}
		}
		for _, p := range d.Panels {
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
// replicas, or over https; without /probe; and for exporters that have several upstreams and
// push.
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
	for uid, d := range all {
		t.Run(uid, func(t *testing.T) {
			t.Run("everything", func(t *testing.T) {
				o.checkExpressions(t, d, d.variableValues(t, o.prometheus, nil))
			})
			t.Run("an upstream without a name", func(t *testing.T) {
				values := d.variableValues(t, o.prometheus, map[string][]string{"job": {"one"}})
				o.checkExpressions(t, d, values, onlyMixnodes, onlyReplicas, onlyTLS, onlyFleets)
			})
			if uid == "betanet-exporter" {
				return
			}
			t.Run("a probe", func(t *testing.T) {
				values := d.variableValues(t, o.prometheus, map[string][]string{"job": {"probe"}})
				o.checkExpressions(t, d, values, onlyMixnodes, onlyReplicas, onlyTLS, notProbe)
			})
			t.Run("two selected upstreams", func(t *testing.T) {
				selected := []string{"flaky", o.discovered}
				values := d.variableValues(t, o.prometheus, map[string][]string{"upstream": selected})
				for expr, curves := range o.checkExpressions(t, d, values, onlyReplicas, onlyTLS) {
					for _, c := range curves {
						if name, ok := c.labels["upstream"]; ok && !slices.Contains(selected, name) {
							t.Errorf("%s shows %q, which is not selected", expr, name)
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
		for _, d := range all {
			o.checkRatios(t, d)
		}
	})
}

// checkExpressions queries every expression of a dashboard and returns the results. All must
// have values, except the expressions that match absent.
func (o *outage) checkExpressions(t *testing.T, d *dashboard, values map[string]string, absent ...*regexp.Regexp) map[string][]curve {
	t.Helper()
	results := make(map[string][]curve)
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			curves := o.queryRange(t, q.Expr, values)
			results[q.Expr] = curves
			want := !slices.ContainsFunc(absent, func(r *regexp.Regexp) bool { return r.MatchString(q.Expr) })
			if got := len(curves) > 0; got != want {
				t.Errorf("%s has values: %t, want %t: %s", p.Title, got, want, substitute(t, q.Expr, values))
			}
			for _, c := range curves {
				if c.labels["job"] == "other" {
					t.Errorf("%s shows a program that is not the exporter: %v", p.Title, c.labels)
				}
			}
		}
	}
	if len(results) < 20 {
		t.Errorf("found %d expressions, want at least 20", len(results))
	}
	return results
}

// checkMappings checks that every value of a state timeline has a text, and that the
// timelines show the states of the outage.
func (o *outage) checkMappings(t *testing.T, d *dashboard) {
	values := d.variableValues(t, o.prometheus, nil)
	seen := make(map[string][]string)
	for _, p := range d.Panels {
		if p.Type != "state-timeline" {
			continue
		}
		for _, c := range o.queryRange(t, p.Targets[0].Expr, values) {
			for _, v := range c.values {
				text := p.FieldConfig.Defaults.Mappings[0].Options[strconv.FormatFloat(v, 'g', -1, 64)].Text
				if text == "" {
					t.Errorf("%s: no text for %v", p.Title, v)
				}
				if c.labels["upstream"] == "flaky" && !slices.Contains(seen[p.Title], text) {
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
				t.Errorf("%s shows %q during the outage, want %q as well", title, seen[title], w)
			}
		}
	}
}

// checkGaps checks that the rates of a stale upstream are absent, not zero, and that its
// last good values are separate curves.
func (o *outage) checkGaps(t *testing.T, d *dashboard) {
	selected := map[string][]string{"job": {"fleet"}, "upstream": {"flaky"}}
	stale := o.queryRange(t, `betanet_exporter_data_stale{job="fleet", upstream="flaky"} == 1
		and on () betanet_exporter_endpoint_up{job="fleet", upstream="flaky", endpoint="metrics"} == 0`, nil)
	if len(stale) != 1 {
		t.Fatalf("the upstream was stale in the series %v, want one series", stale)
	}
	for _, title := range []string{"Messages", "Dropped and forwarded packets", "Lost packets"} {
		curves := o.panel(t, d, title, selected)[0]
		if len(curves) != 1 {
			t.Fatalf("%s: got the curves %v, want one", title, curves)
		}
		for at := range stale[0].values {
			if v, ok := curves[0].values[at]; ok {
				t.Errorf("%s: got %v at a time when nothing was fetched, want a gap", title, v)
			}
		}
	}
	peers := o.panel(t, d, "Peers", selected)
	if len(peers) != 2 || len(peers[0]) != 1 || len(peers[1]) != 1 {
		t.Fatalf("peers: got the curves %v, want a fresh and a last good one", peers)
	}
	for at := range peers[1][0].values {
		if _, ok := peers[0][0].values[at]; ok {
			t.Errorf("peers are both fresh and last good at %d", at)
		}
	}
}

// checkStates checks that the states add up to the number of upstreams at all times.
func (o *outage) checkStates(t *testing.T, d *dashboard) {
	states := o.panel(t, d, "Upstreams by state", map[string][]string{"job": {"fleet"}})
	count := o.queryRange(t, `count(betanet_up{job="fleet"})`, nil)
	if len(count) != 1 {
		t.Fatalf("the number of upstreams has the series %v, want one", count)
	}
	if len(count[0].values) < 10 {
		t.Errorf("got values for %d seconds, want at least 10", len(count[0].values))
	}
	for at, want := range count[0].values {
		sum := 0.0
		for _, s := range states {
			for _, c := range s {
				sum += c.values[at]
			}
		}
		if sum != want {
			t.Errorf("the states add up to %v, want the number of upstreams, %v", sum, want)
		}
	}
}

// checkRatios checks that all shares are between 0 and 1, except CPU, which may use several
// cores.
func (o *outage) checkRatios(t *testing.T, d *dashboard) {
	values, seen := d.variableValues(t, o.prometheus, nil), 0
	for _, p := range d.Panels {
		if p.FieldConfig.Defaults.Unit != "percentunit" || p.Title == "CPU" {
			continue
		}
		for _, q := range p.Targets {
			for _, c := range o.queryRange(t, q.Expr, values) {
				for _, v := range c.values {
					seen++
					if v < 0 || v > 1 {
						t.Errorf("%s is %v, want 0 to 1", p.Title, v)
					}
				}
			}
		}
	}
	if seen == 0 {
		t.Errorf("%s has no shares", d.UID)
	}
}
