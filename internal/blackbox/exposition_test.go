package blackbox

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// deadline is how long anything may take on a machine that is busy with other things. What works takes a cycle or two.
const deadline = 2 * time.Minute

// exposition is one scrape.
type exposition struct {
	// values has every series by its name with its labels in alphabetical order. A histogram is its _count and _sum.
	values map[string]float64
	// failing has the reasons of betanet_exporter_endpoint_failing by upstream and endpoint.
	failing map[[2]string][]string
}

// series is the key of a series. Empty label values are labels that are not there.
func series(name string, labels ...string) string {
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		if labels[i+1] != "" {
			pairs = append(pairs, labels[i]+"="+strconv.Quote(labels[i+1]))
		}
	}
	if len(pairs) == 0 {
		return name
	}
	slices.Sort(pairs)
	return name + "{" + strings.Join(pairs, ",") + "}"
}

// scrape reads /metrics, or takes a scrape of a moment ago, so that many rows may wait on one process. A scrape that is
// a little old delays a test and does not change it, since all of them wait for what they want to see.
func (p *program) scrape() (exposition, error) { return p.scrapeSince(time.Time{}) }

// scrapeSince reads /metrics unless there is a recent scrape that was begun after t.
func (p *program) scrapeSince(t time.Time) (exposition, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.onDemand != nil {
		if err := p.collect(); err != nil {
			return exposition{}, err
		}
		return p.fetch()
	}
	if time.Since(p.began) < p.pause && !p.began.Before(t) {
		return p.last, nil
	}
	began := time.Now()
	e, err := p.fetch()
	if err != nil {
		return exposition{}, err
	}
	// The tests must not be the load that makes them slow.
	p.last, p.began, p.pause = e, began, max(200*time.Millisecond, 3*time.Since(began))
	return e, nil
}

// client asks for no compression, which costs more than it saves here.
var client = http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableCompression: true}}

func (p *program) fetch() (exposition, error) {
	response, err := client.Get(p.url + "/metrics")
	if err != nil {
		return exposition{}, fmt.Errorf("scrape: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return exposition{}, fmt.Errorf("scrape: got %v, want 200", response.Status)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return exposition{}, fmt.Errorf("scrape: %w", err)
	}
	return parse(text)
}

// read takes the rest of a connection for the answer to a scrape.
func read(conn net.Conn) (exposition, error) {
	conn.SetReadDeadline(time.Now().Add(deadline))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return exposition{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return exposition{}, err
	}
	return parse(text)
}

// parse reads an exposition in the text format as Prometheus does.
func parse(text []byte) (exposition, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(looked(text)))
	if err != nil {
		return exposition{}, fmt.Errorf("scrape: %w", err)
	}
	e := exposition{map[string]float64{}, map[[2]string][]string{}}
	for _, family := range families {
		for _, metric := range family.Metric {
			e.add(family.GetName(), metric)
		}
	}
	return e, nil
}

// looked is an exposition without the many lines that no test looks at, which would take half of the time to parse.
func looked(text []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte("_bucket{")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

func (e exposition) add(name string, metric *dto.Metric) {
	var labels []string
	byName := map[string]string{}
	for _, pair := range metric.Label {
		labels = append(labels, pair.GetName(), pair.GetValue())
		byName[pair.GetName()] = pair.GetValue()
	}
	switch {
	case metric.Counter != nil:
		e.values[series(name, labels...)] = metric.Counter.GetValue()
	case metric.Gauge != nil:
		e.values[series(name, labels...)] = metric.Gauge.GetValue()
	case metric.Histogram != nil:
		e.values[series(name+"_count", labels...)] = float64(metric.Histogram.GetSampleCount())
		e.values[series(name+"_sum", labels...)] = metric.Histogram.GetSampleSum()
	case metric.Untyped != nil:
		e.values[series(name, labels...)] = metric.Untyped.GetValue()
	}
	if name == "betanet_exporter_endpoint_failing" {
		of := [2]string{byName["upstream"], byName["endpoint"]}
		e.failing[of] = append(e.failing[of], byName["reason"])
	}
}

// is complains if a series is not there or has another value.
func (e exposition) is(key string, want float64) error {
	got, ok := e.values[key]
	if !ok {
		return fmt.Errorf("%s: got no series, want %v", key, want)
	}
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", key, got, want)
	}
	return nil
}

// isAbsent complains if a series is there, most of all if it is 0.
func (e exposition) isAbsent(key string) error {
	if got, ok := e.values[key]; ok {
		return fmt.Errorf("%s: got %v, want no series", key, got)
	}
	return nil
}

// mentioning is the series whose name or labels contain a word, sorted.
func (e exposition) mentioning(word string) []string {
	var found []string
	for key, value := range e.values {
		if strings.Contains(key, word) {
			found = append(found, fmt.Sprintf("%s %v", key, value))
		}
	}
	slices.Sort(found)
	return found
}

// await waits for an exposition of which want has nothing to complain about, and returns it. What is printed on failure
// is cut down to what mentions upstream.
func (p *program) await(t *testing.T, upstream string, want func(exposition) error) exposition {
	t.Helper()
	return p.awaitOf(t, p.scrape, upstream, want)
}

func (p *program) awaitOf(t *testing.T, scrape func() (exposition, error), upstream string, want func(exposition) error) exposition {
	t.Helper()
	var last exposition
	var complaint error
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		e, err := scrape()
		if err == nil {
			last = e
			err = want(e)
		}
		if err == nil {
			return e
		}
		complaint = err
		select {
		case <-p.done:
			t.Fatalf("the exporter ended: %v\n%s", p.err, p.log.lines(""))
		case <-time.After(100 * time.Millisecond):
		}
	}
	var shown []string
	for _, line := range last.mentioning(upstream) {
		if upstream != "" || strings.HasPrefix(line, "betanet_") {
			shown = append(shown, line)
		}
	}
	t.Fatalf("after %v still: %v\nlast exposition:\n%s\nlast log lines:\n%s",
		deadline, complaint, strings.Join(shown, "\n"), p.log.lines(upstream))
	return exposition{}
}
