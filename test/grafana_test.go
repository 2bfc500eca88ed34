package test

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is the part of a dashboard that concerns queries.
type dashboard struct {
	UID        string
	Templating struct{ List []variable }
	Panels     []struct {
		Type, Title string
		Datasource  datasource
		Targets     []struct {
			Expr       string
			Datasource datasource
		}
		FieldConfig struct {
			Defaults struct {
				Unit     string
				Mappings []struct {
					Options map[string]struct{ Text string }
				}
			}
		}
	}
}

// variable is a template variable of a dashboard.
type variable struct {
	Name, Type, AllValue string
	Datasource           *datasource
	Query                json.RawMessage
}

// datasource identifies a data source.
type datasource struct{ Type, UID string }

// dashboards returns the dashboards of monitoring/ by uid.
func dashboards(t *testing.T) map[string]*dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "monitoring", "dashboards", "*.json"))
	if err != nil || len(files) != 3 {
		t.Fatalf("found the dashboards %q (%v), want 3", files, err)
	}
	all := make(map[string]*dashboard)
	for _, file := range files {
		d := new(dashboard)
		parseJSON(t, readFile(t, file), d)
		all[d.UID] = d
	}
	return all
}

// variableValues returns the values of the variables as Grafana inserts them into an
// expression: the selected ones, or All. The options of each variable are queried in
// order, with the values of the variables before it.
func (d *dashboard) variableValues(t *testing.T, prometheus string, selected map[string][]string) map[string]string {
	t.Helper()
	values := map[string]string{
		"__rate_interval": "4s", // for a scrape interval of one second
		"__range":         "60s",
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		options := v.options(t, prometheus, values)
		switch {
		case selected[v.Name] != nil:
			for _, p := range selected[v.Name] {
				if !slices.Contains(options, p) {
					t.Errorf("%s: %s has no option %q, only %q", d.UID, v.Name, p, options)
				}
			}
			values[v.Name] = pattern(selected[v.Name])
		case v.AllValue != "":
			values[v.Name] = v.AllValue
		case len(options) == 0:
			t.Errorf("%s: %s has no options", d.UID, v.Name)
		default:
			values[v.Name] = pattern(options)
		}
	}
	return values
}

// options returns the values that a variable offers.
func (v *variable) options(t *testing.T, prometheus string, before map[string]string) []string {
	t.Helper()
	var query struct{ Query string }
	parseJSON(t, string(v.Query), &query)
	parts := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(query.Query)
	if parts == nil {
		t.Fatalf("variable %s queries %q", v.Name, query.Query)
	}
	var response struct{ Data []string }
	if err := getJSON(prometheus+"/api/v1/label/"+parts[2]+"/values?match[]="+url.QueryEscape(substitute(t, parts[1], before)), &response); err != nil {
		t.Fatalf("variable %s: %v", v.Name, err)
	}
	return response.Data
}

// special matches the characters that Grafana escapes in a value, for a regular
// expression within a string.
var special = regexp.MustCompile(`[$^*{}\[\]'+?.()|]`)

// pattern formats the values of a multi-value variable as Grafana does.
func pattern(values []string) string {
	var all []string
	for _, v := range values {
		all = append(all, special.ReplaceAllString(strings.ReplaceAll(v, `\`, `\\\\`), `\\$0`))
	}
	if len(all) == 1 {
		return all[0]
	}
	return "(" + strings.Join(all, "|") + ")"
}

// substitute replaces variables with their values.
func substitute(t *testing.T, expr string, values map[string]string) string {
	t.Helper()
	return regexp.MustCompile(`\$(\w+)`).ReplaceAllStringFunc(expr, func(variable string) string {
		v, ok := values[variable[1:]]
		if !ok {
			t.Errorf("%s has no value in %s", variable, expr)
		}
		return v
	})
}
