package blackbox

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
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

// deadline is the time limit for every wait, even on a busy machine. A passing test waits for a cycle or two.
const deadline = 2 * time.Minute

// exposition is one scrape.
type exposition struct {
	// values maps each series, by its name and sorted labels, to its value. It has only _count and _sum of a histogram.
	values map[string]float64
	// failing maps upstream and endpoint to the reasons in betanet_exporter_endpoint_failing.
	failing map[[2]string][]string
}

// series returns the key of a series. Labels with empty values are omitted.
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

// scrape reads /metrics or reuses a recent scrape, so that many cases can wait on one process. A slightly old scrape only
// delays a test, because every test waits for the state that it expects.
func (p *program) scrape() (exposition, error) { return p.scrapeSince(time.Time{}) }

// scrapeSince reads /metrics unless there is a recent scrape that was started after t.
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
	// Limit the load of the tests themselves.
	p.last, p.began, p.pause = e, began, max(200*time.Millisecond, 3*time.Since(began))
	return e, nil
}

// client disables compression, which costs more than it saves here. patientClient waits as long as a test may wait.
var (
	client        = http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableCompression: true}}
	patientClient = http.Client{Timeout: deadline, Transport: client.Transport}
)

// request makes a request with headers, which are alternating names and values.
func (p *program) request(method, path string, header ...string) (status int, body []byte, err error) {
	return p.requestBy(&client, method, path, header...)
}

func (p *program) requestBy(c *http.Client, method, path string, header ...string) (status int, body []byte, err error) {
	request, err := http.NewRequest(method, p.url+path, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// page returns the body of a page, whatever its status.
func (p *program) page(t *testing.T, path string, header ...string) []byte {
	t.Helper()
	_, body, err := p.request("GET", path, header...)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// responds returns an error unless the response to a GET has the status and, if body is not empty, exactly that body.
func (p *program) responds(path string, status int, body string) error {
	got, text, err := p.request("GET", path)
	if err == nil && (got != status || body != "" && strings.TrimSpace(string(text)) != body) {
		err = fmt.Errorf("%s: got %d %q, want %d %q", path, got, text, status, body)
	}
	return err
}

func (p *program) fetch() (exposition, error) {
	status, text, err := p.request("GET", "/metrics")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("got status %d, want 200", status)
	}
	if err != nil {
		return exposition{}, fmt.Errorf("scrape: %w", err)
	}
	return parse(text)
}

// readScrape reads the response to a scrape from a connection.
func readScrape(conn net.Conn) (exposition, error) {
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
	families, err := parser.TextToMetricFamilies(bytes.NewReader(withoutBuckets(text)))
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

// withoutBuckets removes the buckets of histograms, which no test uses and which take half of the parsing time.
func withoutBuckets(text []byte) []byte {
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
	switch h := metric.Histogram; {
	case h != nil:
		e.values[series(name+"_count", labels...)] = float64(h.GetSampleCount())
		e.values[series(name+"_sum", labels...)] = h.GetSampleSum()
	case metric.Summary == nil:
		e.values[series(name, labels...)] = metric.Counter.GetValue() + metric.Gauge.GetValue() + metric.Untyped.GetValue() // one is set
	}
	if name == "betanet_exporter_endpoint_failing" {
		key := [2]string{byName["upstream"], byName["endpoint"]}
		e.failing[key] = append(e.failing[key], byName["reason"])
	}
}

// is returns an error if a series is absent or has another value.
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

// isAbsent returns an error if a series is present, even if it is 0.
func (e exposition) isAbsent(key string) error {
	if got, ok := e.values[key]; ok {
		return fmt.Errorf("%s: got %v, want no series", key, got)
	}
	return nil
}

// isAtMost returns an error if a series is absent or its value is above most.
func (e exposition) isAtMost(key string, most float64) error {
	if got, ok := e.values[key]; !ok || got > most {
		return fmt.Errorf("%s: got %v, want at most %v", key, got, most)
	}
	return nil
}

// attempts returns the number of attempts at a path that ended in result.
func (e exposition) attempts(path, result string) float64 {
	return e.values[series("betanet_exporter_attempts_total", "endpoint", endpoints[path], "result", result)]
}

// sum adds up all series with a name.
func (e exposition) sum(name string) float64 {
	var sum float64
	for key, value := range e.values {
		if key == name || strings.HasPrefix(key, name+"{") {
			sum += value
		}
	}
	return sum
}

// mentioning lists the series whose name or labels contain a word.
func (e exposition) mentioning(word string) []string {
	var found []string
	for _, key := range slices.Sorted(maps.Keys(e.values)) {
		if strings.Contains(key, word) {
			found = append(found, fmt.Sprintf("%s %v", key, e.values[key]))
		}
	}
	return found
}

// await waits for an exposition for which want returns nil, and returns it. On failure, it prints only the series and log
// lines of the upstream.
func (p *program) await(t *testing.T, upstream string, want func(exposition) error) exposition {
	t.Helper()
	var last exposition
	p.eventually(t, 100*time.Millisecond, func() error {
		e, err := p.scrape()
		if err == nil {
			last = e
			err = want(e)
		}
		return err
	}, func() string {
		word := upstream
		if word == "" {
			word = "betanet_"
		}
		return fmt.Sprintf("last exposition:\n%s\nlast log lines:\n%s", strings.Join(last.mentioning(word), "\n"), p.log.Tail(upstream))
	})
	return last
}
