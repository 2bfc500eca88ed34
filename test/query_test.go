package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// runPrometheus starts a Prometheus server with a configuration and returns its base URL.
func runPrometheus(t *testing.T, server, config string, flags ...string) string {
	t.Helper()
	file := tempFile(t, "prometheus.yml", config)
	data := filepath.Join(filepath.Dir(file), "data")
	_, urls := serve(t, loopback, "/-/ready", server, func(port string) []string {
		return append([]string{"--config.file=" + file, "--storage.tsdb.path=" + data, "--web.listen-address=127.0.0.1:" + port}, flags...)
	})
	return urls[0]
}

// point is a sample in the JSON of Prometheus: [seconds, "value"].
type point struct {
	at    time.Time
	value float64
}

func (p *point) UnmarshalJSON(text []byte) error {
	var pair [2]any
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	at, isNumber := pair[0].(float64)
	value, isText := pair[1].(string)
	v, err := strconv.ParseFloat(value, 64)
	if !isNumber || !isText || err != nil {
		return fmt.Errorf("invalid sample %s", text)
	}
	*p = point{time.UnixMilli(int64(math.Round(at * 1000))), v}
	return nil
}

// series is one series in the result of a query: Value for an instant query, Values for a range
// query.
type series struct {
	Metric map[string]string
	Value  point
	Values []point
}

// querySeries queries a server that has the HTTP API of Prometheus.
func querySeries(server, endpoint, expression string, parameters ...string) ([]series, error) {
	values := url.Values{"query": {expression}}
	for pair := range slices.Chunk(parameters, 2) {
		values.Set(pair[0], pair[1])
	}
	var response struct {
		Data struct{ Result []series }
	}
	if err := getJSON(server+"/api/v1/"+endpoint+"?"+values.Encode(), &response); err != nil {
		return nil, fmt.Errorf("query %s: %w", expression, err)
	}
	return response.Data.Result, nil
}

// query returns the current values of an expression by label set.
func query(prometheus, expression string) (map[string]float64, error) {
	all, err := querySeries(prometheus, "query", expression)
	values := make(map[string]float64)
	for _, s := range all {
		values[fmt.Sprint(s.Metric)] = s.Value.value
	}
	return values, err
}

// querySince returns the samples that match a selector, from a time until now, without the
// staleness markers at the end of series.
func querySince(server, selector string, since time.Time) ([]series, error) {
	now := time.Now()
	if !now.After(since) {
		return nil, nil
	}
	expression := fmt.Sprintf("%s[%dms]", selector, now.Sub(since).Milliseconds())
	all, err := querySeries(server, "query", expression, "time", fmt.Sprintf("%.3f", float64(now.UnixMilli())/1000))
	for i := range all {
		all[i].Values = slices.DeleteFunc(all[i].Values, func(p point) bool { return math.IsNaN(p.value) })
	}
	return all, err
}

// curve is one series of a range query, with its values by Unix time in seconds.
type curve struct {
	labels map[string]string
	values map[int64]float64
}

// queryRange returns the curves of an expression. NaN and infinity are gaps, as they are in
// Grafana.
func queryRange(prometheus, expression string, from, to time.Time) (curves []curve, err error) {
	all, err := querySeries(prometheus, "query_range", expression, "start", fmt.Sprint(from.Unix()), "end", fmt.Sprint(to.Unix()), "step", "1")
	for _, s := range all {
		c := curve{s.Metric, make(map[int64]float64)}
		for _, p := range s.Values {
			if !math.IsNaN(p.value) && !math.IsInf(p.value, 0) {
				c.values[p.at.Unix()] = p.value
			}
		}
		if len(c.values) > 0 {
			curves = append(curves, c)
		}
	}
	return curves, err
}

// waitForValue waits until an expression has exactly one value, which is want.
func waitForValue(t *testing.T, prometheus, expression string, want float64) {
	t.Helper()
	wait(t, expression, func() error {
		values, err := query(prometheus, expression)
		if err != nil {
			return err
		}
		got := slices.Collect(maps.Values(values))
		if len(got) != 1 || got[0] != want {
			return fmt.Errorf("got %v, want [%v]", got, want)
		}
		return nil
	})
}

// waitForIncrease waits until an expression has the given number of series, and then until each
// of them has increased.
func waitForIncrease(t *testing.T, prometheus, expression string, series int) {
	t.Helper()
	var before map[string]float64
	wait(t, fmt.Sprintf("%d series of %s", series, expression), func() (err error) {
		if before, err = query(prometheus, expression); err == nil && len(before) != series {
			err = fmt.Errorf("got %d", len(before))
		}
		return err
	})
	wait(t, expression+" increases", func() error {
		now, err := query(prometheus, expression)
		if err != nil {
			return err
		}
		for labels, was := range before {
			if is, ok := now[labels]; !ok || is <= was {
				return fmt.Errorf("%s: was %v, is %v", labels, was, is)
			}
		}
		return nil
	})
}
