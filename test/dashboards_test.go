package test

import (
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// Whoever imports a dashboard has a data source of another name.
func TestDashboardsQueryTheSelectedDataSource(t *testing.T) {
	chosen := datasource{"prometheus", "${datasource}"}
	for uid, b := range dashboards(t) {
		if first := b.Templating.List[0]; first.Name != "datasource" || first.Type != "datasource" || string(first.Query) != `"prometheus"` {
			t.Errorf("%s: the data source cannot be chosen: %+v", uid, first)
		}
		for _, v := range b.Templating.List[1:] {
			if v.Datasource == nil || *v.Datasource != chosen {
				t.Errorf("%s: variable %s asks %v", uid, v.Name, v.Datasource)
			}
		}
		for _, p := range b.Panels {
			if p.Type == "row" {
				continue
			}
			if p.Datasource != chosen {
				t.Errorf("%s: %s asks %v", uid, p.Title, p.Datasource)
			}
			for _, q := range p.Targets {
				if q.Datasource != chosen {
					t.Errorf("%s: %s asks %v", uid, p.Title, q.Datasource)
				}
			}
		}
	}
}

// Expressions that have values only for upstreams of API mixnodes, with replicas
// or over https; only for what is not a probe; and only for an
// exporter of several upstreams that pushes.
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
			t.Run("of two that are picked", func(t *testing.T) {
				picked := []string{"flaky", o.discovered}
				values := b.variableValues(t, o.prometheus, map[string][]string{"upstream": picked})
				for expr, lines := range o.checkExpressions(t, b, values, onlyReplicas, onlyTLS) {
					for _, l := range lines {
						if name, there := l.labels["upstream"]; there && !slices.Contains(picked, name) {
							t.Errorf("%q is shown, which is not picked, by %s", name, expr)
						}
					}
				}
			})
		})
	}
	t.Run("words", func(t *testing.T) { o.checkMappings(t, all["betanet-upstream"]) })
	t.Run("gap", func(t *testing.T) { o.checkGaps(t, all["betanet-upstream"]) })
	t.Run("states", func(t *testing.T) { o.checkStates(t, all["betanet-fleet"]) })
	t.Run("ratios", func(t *testing.T) {
		for _, b := range all {
			o.checkRatios(t, b)
		}
	})
}

// checkExpressions asks every expression of a dashboard. Each has to give values, but for
// those about what is not there. It gives the answers.
func (o *outage) checkExpressions(t *testing.T, b *dashboard, values map[string]string, notThere ...*regexp.Regexp) map[string][]curve {
	t.Helper()
	answers := make(map[string][]curve)
	for _, p := range b.Panels {
		for _, q := range p.Targets {
			lines := o.queryRange(t, q.Expr, values)
			answers[q.Expr] = lines
			want := !slices.ContainsFunc(notThere, func(r *regexp.Regexp) bool { return r.MatchString(q.Expr) })
			if got := len(lines) > 0; got != want {
				t.Errorf("%s: there are values: %t, want %t: %s", p.Title, got, want, substitute(t, q.Expr, values))
			}
			for _, l := range lines {
				if l.labels["job"] == "stranger" {
					t.Errorf("%s shows a program that is no exporter: %v", p.Title, l.labels)
				}
			}
		}
	}
	if len(answers) < 20 {
		t.Errorf("only %d expressions", len(answers))
	}
	return answers
}

// checkMappings holds every value of a time line to a word, and the outage to those that
// tell of it.
func (o *outage) checkMappings(t *testing.T, b *dashboard) {
	values := b.variableValues(t, o.prometheus, nil)
	said := make(map[string][]string)
	for _, p := range b.Panels {
		if p.Type != "state-timeline" {
			continue
		}
		for _, l := range o.queryRange(t, p.Targets[0].Expr, values) {
			for _, v := range l.values {
				word := p.FieldConfig.Defaults.Mappings[0].Options[strconv.FormatFloat(v, 'g', -1, 64)].Text
				if word == "" {
					t.Errorf("%s: there is no word for %v", p.Title, v)
				}
				if l.labels["upstream"] == "flaky" && !slices.Contains(said[p.Title], word) {
					said[p.Title] = append(said[p.Title], word)
				}
			}
		}
	}
	for title, words := range map[string][]string{
		"State":                                {"up", "stale or in part", "no values"},
		"Endpoints":                            {"up", "failing"},
		"Circuit breakers":                     {"closed", "open"}, // half open is too short to be seen always
		"Endpoints that fail, with the reason": {"failing"},
	} {
		for _, w := range words {
			if !slices.Contains(said[title], w) {
				t.Errorf("%s says of the outage %q, want %q in it", title, said[title], w)
			}
		}
	}
}

// checkGaps holds the rates of an upstream that is not fetched to be absent, not
// zero, and its last good values to be drawn apart.
func (o *outage) checkGaps(t *testing.T, b *dashboard) {
	picked := map[string][]string{"job": {"fleet"}, "upstream": {"flaky"}}
	stale := o.queryRange(t, `betanet_exporter_data_stale{job="fleet", upstream="flaky"} == 1
		and on () betanet_exporter_endpoint_up{job="fleet", upstream="flaky", endpoint="metrics"} == 0`, nil)
	if len(stale) != 1 {
		t.Fatalf("stale: %v", stale)
	}
	for _, title := range []string{"Messages", "Dropped and forwarded packets", "Lost packets"} {
		lines := o.panel(t, b, title, picked)[0]
		if len(lines) != 1 {
			t.Fatalf("%s: %v", title, lines)
		}
		for at := range stale[0].values {
			if v, there := lines[0].values[at]; there {
				t.Errorf("%s: %v at a second when nothing was fetched", title, v)
			}
		}
	}
	peers := o.panel(t, b, "Peers", picked)
	if len(peers) != 2 || len(peers[0]) != 1 || len(peers[1]) != 1 {
		t.Fatalf("peers: %v", peers)
	}
	for at := range peers[1][0].values {
		if _, both := peers[0][0].values[at]; both {
			t.Errorf("peers are drawn as fresh and as last good ones at %d", at)
		}
	}
}

// checkStates holds the states to be those of all upstreams at every second.
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

// checkRatios holds shares to 0 and 1. Only that of a core may be more.
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
