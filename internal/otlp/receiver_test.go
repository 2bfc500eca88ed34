package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/sdk/resource"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
)

// proxyPassword is in the URL of the https proxy that TestMain sets. Nothing listens on
// the address of that proxy.
const proxyPassword = "s3cr3t-canary"

func TestMain(m *testing.M) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		os.Setenv(name, "http://user:"+proxyPassword+"@127.0.0.1:1")
	}
	goleak.VerifyTestMain(m)
}

// receiver is an OTLP receiver. It is a handler for a real server, and a RoundTripper for
// tests with fake time.
type receiver struct {
	handle func(*http.Request) *http.Response // nil for success

	mu       sync.Mutex
	requests []*http.Request
	received []*collector.ExportMetricsServiceRequest
}

func (r *receiver) RoundTrip(request *http.Request) (*http.Response, error) {
	defer request.Body.Close()
	if err := r.record(request); err != nil {
		return nil, err
	}
	if r.handle == nil {
		return respond(http.StatusOK, "", nil), nil
	}
	response := r.handle(request)
	if response == nil {
		return nil, context.Cause(request.Context())
	}
	return response, nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	response, err := r.RoundTrip(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

func (r *receiver) record(request *http.Request) error {
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if got := request.Header.Get("Content-Type"); got != "application/x-protobuf" {
		return fmt.Errorf("unexpected Content-Type %q", got)
	}
	message := new(collector.ExportMetricsServiceRequest)
	if err := proto.Unmarshal(text, message); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests, r.received = append(r.requests, request), append(r.received, message)
	return nil
}

// allRequests returns the requests so far.
func (r *receiver) allRequests() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// metrics returns all received metrics by name, in the order of arrival.
func (r *receiver) metrics() map[string][]*metrics.Metric {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string][]*metrics.Metric)
	for _, m := range r.received {
		for _, r := range m.ResourceMetrics {
			for _, scope := range r.ScopeMetrics {
				for _, metric := range scope.Metrics {
					all[metric.Name] = append(all[metric.Name], metric)
				}
			}
		}
	}
	return all
}

func respond(status int, contentType string, body []byte) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(bytes.NewReader(body))}
}

// partialResponse returns a response with a number of rejected data points and a message.
func partialResponse(points int64, message string) *http.Response {
	body, err := proto.Marshal(&collector.ExportMetricsServiceResponse{
		PartialSuccess: &collector.ExportMetricsPartialSuccess{RejectedDataPoints: points, ErrorMessage: message},
	})
	if err != nil {
		panic(err) // cannot happen
	}
	return respond(http.StatusOK, "application/x-protobuf", body)
}

// counters returns parts with one counter each.
func counters(values ...*float64) func() []prometheus.Gatherer {
	return func() (parts []prometheus.Gatherer) {
		for i, v := range values {
			parts = append(parts, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
				return []*dto.MetricFamily{{
					Name: proto.String(fmt.Sprintf("counter_%d_total", i)), Type: dto.MetricType_COUNTER.Enum(),
					Metric: []*dto.Metric{{Counter: &dto.Counter{Value: proto.Float64(*v)}}},
				}}, nil
			}))
		}
		return parts
	}
}

// recorder records the results of pushes.
type recorder struct {
	mu  sync.Mutex
	all []Push
}

func (o *recorder) report(p Push) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, p)
}

func (o *recorder) results() (all []Result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.all {
		all = append(all, p.Result)
	}
	return all
}

// options returns options for a push of one counter every 15 seconds.
func options(o *recorder) Options {
	one := 1.0
	return Options{
		Parts: counters(&one), OfProcess: never, Started: processStart,
		Endpoint: &url.URL{Scheme: "http", Host: "receiver", Path: "/v1/metrics"}, Interval: 15 * time.Second, Timeout: 10 * time.Second,
		Headers: func() (map[string]string, error) { return nil, nil },
		Version: "1.2.3", Instance: "host:9200", Report: o.report,
	}
}

// run starts a pusher with the transport rt. end stops it and waits until it has stopped.
func run(t *testing.T, o Options, rt http.RoundTripper) (end func()) {
	t.Helper()
	p, err := newPusher(o, resource.Empty(), rt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// push pushes once with the transport rt.
func push(t *testing.T, o Options, rt http.RoundTripper) Push {
	t.Helper()
	var got *Push
	o.Report = func(p Push) { got = &p }
	p, err := newPusher(o, resource.Empty(), rt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Second, errors.New("the test took too long"))
	defer cancel()
	if err := pushOnce(ctx, p); err != nil {
		t.Fatal(err)
	}
	if got == nil {
		t.Fatal("nothing was reported")
	}
	return *got
}
