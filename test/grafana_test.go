package test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dashboard is a committed dashboard, as far as it asks Prometheus.
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

// variable is a variable of a dashboard.
type variable struct {
	Name, Type, AllValue string
	Datasource           *datasource
	Query                json.RawMessage
}

// datasource says which data source is asked.
type datasource struct{ Type, UID string }

// dashboards are the committed dashboards, by uid.
func dashboards(t *testing.T) map[string]*dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "monitoring", "dashboards", "*.json"))
	if err != nil || len(files) != 3 {
		t.Fatalf("the dashboards are %q: %v", files, err)
	}
	all := make(map[string]*dashboard)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b := new(dashboard)
		if err := json.Unmarshal(text, b); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[b.UID] = b
	}
	return all
}

// variableValues gives the values of the variables of a dashboard as Grafana puts them into
// an expression: the picked ones, else All. What there is to pick is asked in the
// order of the variables, each question with the answers before it.
func (b *dashboard) variableValues(t *testing.T, prometheus string, picked map[string][]string) map[string]string {
	t.Helper()
	values := map[string]string{
		"__rate_interval": "4s", // of a scrape interval of one second
		"__range":         "60s",
	}
	for _, v := range b.Templating.List {
		if v.Type != "query" {
			continue
		}
		there := v.values(t, prometheus, values)
		switch {
		case picked[v.Name] != nil:
			for _, p := range picked[v.Name] {
				if !slices.Contains(there, p) {
					t.Errorf("%s: there is no %s %q to pick, only %q", b.UID, v.Name, p, there)
				}
			}
			values[v.Name] = pattern(picked[v.Name])
		case v.AllValue != "":
			values[v.Name] = v.AllValue
		case len(there) == 0:
			t.Errorf("%s: there is no %s to choose from", b.UID, v.Name)
		default:
			values[v.Name] = pattern(there)
		}
	}
	return values
}

// values are what a variable can be.
func (v *variable) values(t *testing.T, prometheus string, before map[string]string) []string {
	t.Helper()
	var query struct{ Query string }
	if err := json.Unmarshal(v.Query, &query); err != nil {
		t.Fatalf("variable %s: %v", v.Name, err)
	}
	parts := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(query.Query)
	if parts == nil {
		t.Fatalf("variable %s asks %q", v.Name, query.Query)
	}
	body, err := get(prometheus + "/api/v1/label/" + parts[2] + "/values?match[]=" + url.QueryEscape(substitute(t, parts[1], before)))
	if err != nil {
		t.Fatalf("variable %s: %v", v.Name, err)
	}
	var answer struct{ Data []string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("variable %s: %v", v.Name, err)
	}
	return answer.Data
}

// special are the characters that Grafana escapes in a value, for a regular
// expression within a string.
var special = regexp.MustCompile(`[$^*{}\[\]'+?.()|]`)

// pattern is how Grafana writes the values of a variable that can be many.
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

// substitute puts values in the place of variables.
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

// curve is one series of an answer: what was known at which second.
type curve struct {
	labels map[string]string
	values map[int64]float64
}

// queryRange gives the lines of an expression, a value a second. What is not a
// number is no value: Grafana leaves a gap there.
func queryRange(prometheus, expr string, from, to time.Time) ([]curve, error) {
	body, err := get(fmt.Sprintf("%s/api/v1/query_range?query=%s&start=%d&end=%d&step=1", prometheus, url.QueryEscape(expr), from.Unix(), to.Unix()))
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", expr, err)
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil, fmt.Errorf("query %s: %w", expr, err)
	}
	var lines []curve
	for _, r := range answer.Data.Result {
		l := curve{r.Metric, make(map[int64]float64)}
		for _, sample := range r.Values {
			at, isNumber := sample[0].(float64)
			text, isText := sample[1].(string)
			v, err := strconv.ParseFloat(text, 64)
			if !isNumber || !isText || err != nil {
				return nil, fmt.Errorf("query %s: sample %v", expr, sample)
			}
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				l.values[int64(at)] = v
			}
		}
		if len(l.values) > 0 {
			lines = append(lines, l)
		}
	}
	return lines, nil
}
