package otlp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// pushOnce pushes once with p.
func pushOnce(ctx context.Context, p *Pusher) error {
	return p.exporter.Export(ctx, &metricdata.ResourceMetrics{Resource: p.resource})
}

// points returns the data points of a counter, in the order of their arrival.
func (r *receiver) points(name string) (all []*metrics.NumberDataPoint) {
	for _, m := range r.metrics()[name] {
		all = append(all, m.GetSum().GetDataPoints()...)
	}
	return all
}

func TestResultDependsOnTheResponse(t *testing.T) {
	const secret = "s3cr3t-canary"
	for name, c := range map[string]struct {
		response *http.Response
		want     Result
		text     string
	}{
		"success":                         {respond(http.StatusOK, "", nil), Success, ""},
		"an empty message":                {respond(http.StatusOK, "application/x-protobuf", nil), Success, ""},
		"an empty JSON message":           {respond(http.StatusOK, "application/json; charset=utf-8", []byte("{}")), Success, ""},
		"created":                         {respond(http.StatusCreated, "", nil), Success, ""},
		"no content":                      {respond(http.StatusNoContent, "", nil), Success, ""},
		"empty plain text":                {respond(http.StatusOK, "text/plain", nil), Success, ""},
		"no points rejected":              {partialResponse(0, ""), Success, ""},
		"some points rejected":            {partialResponse(3, "too old "+secret), Partial, "the receiver rejected some of the data points, or sent a warning"},
		"a warning":                       {partialResponse(0, "please slow down"), Partial, "the receiver rejected some of the data points, or sent a warning"},
		"some points rejected, in JSON":   {respond(http.StatusOK, "application/json", []byte(`{"partialSuccess":{"rejectedDataPoints":"3","x":1}}`)), Partial, "the receiver rejected some of the data points, or sent a warning"},
		"a content type with a parameter": {withContentType(partialResponse(3, ""), "application/x-protobuf; charset=binary"), Partial, "the receiver rejected some of the data points, or sent a warning"},
		"a login page":                    {respond(http.StatusOK, "text/html; charset=utf-8", []byte("<html>log in "+secret)), Failure, `status 200, but the response has content type "text/html", want application/x-protobuf: is it the URL of an OTLP receiver?`},
		"an empty page":                   {respond(http.StatusOK, "text/html", nil), Failure, `status 200, but the response has content type "text/html", want application/x-protobuf: is it the URL of an OTLP receiver?`},
		"plain text":                      {respond(http.StatusAccepted, "text/plain", []byte("thanks "+secret)), Failure, `status 202, but the response has content type "text/plain", want application/x-protobuf: is it the URL of an OTLP receiver?`},
		"a page without a content type":   {respond(http.StatusOK, "", []byte("<html>log in "+secret)), Failure, "status 200, but the response has no valid content type, want application/x-protobuf: is it the URL of an OTLP receiver?"},
		"invalid protobuf":                {respond(http.StatusOK, "application/x-protobuf", []byte(secret)), Failure, "status 200, but the response cannot be decoded as application/x-protobuf: is it the URL of an OTLP receiver?"},
		"invalid JSON":                    {respond(http.StatusOK, "application/json", []byte("<html>"+secret)), Failure, "status 200, but the response cannot be decoded as application/json: is it the URL of an OTLP receiver?"},
		"another JSON document":           {respond(http.StatusOK, "application/json", []byte(`["`+secret+`"]`)), Failure, "status 200, but the response cannot be decoded as application/json: is it the URL of an OTLP receiver?"},
		"an endless response":             {&http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(endless{})}, Failure, "status 200, but the response cannot be decoded as application/json: is it the URL of an OTLP receiver?"},
		"unauthorized":                    {respond(http.StatusUnauthorized, "text/plain", []byte("no such key: "+secret)), Failure, "status 401 Unauthorized"},
		"not found":                       {respond(http.StatusNotFound, "text/plain", []byte(secret)), Failure, "status 404 Not Found"},
		"a faked partial success":         {respond(http.StatusBadRequest, "text/plain", []byte("OTLP partial success: "+secret)), Failure, "status 400 Bad Request"},
		"a redirect":                      {&http.Response{StatusCode: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"http://elsewhere/" + secret}}, Body: http.NoBody}, Failure, "status 307 Temporary Redirect"},
	} {
		o := options(new(recorder))
		o.Headers = func() (map[string]string, error) { return map[string]string{"Authorization": secret}, nil }
		r := &receiver{handle: func(*http.Request) *http.Response { return c.response }}
		got := push(t, o, r)
		text := ""
		if got.Err != nil {
			text = got.Err.Error()
		}
		if got.Result != c.want || text != c.text {
			t.Errorf("%s: got %s %q, want %s %q", name, got.Result, text, c.want, c.text)
		}
		if n := len(r.allRequests()); n != 1 {
			t.Errorf("%s: got %d requests, want 1", name, n)
		}
	}
}

// endless is an infinite body of spaces.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// withContentType sets the content type of a response.
func withContentType(r *http.Response, contentType string) *http.Response {
	r.Header.Set("Content-Type", contentType)
	return r
}

func TestPushesSucceedAgainAfterAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o recorder
		began := time.Now()
		r := &receiver{handle: func(*http.Request) *http.Response {
			if time.Since(began) < time.Minute {
				return respond(http.StatusServiceUnavailable, "", nil)
			}
			return respond(http.StatusOK, "", nil)
		}}
		end := run(t, options(&o), r)
		time.Sleep(2 * time.Minute)
		end()
		results := o.results()
		failures := slices.Index(results, Success)
		if failures < 2 || slices.Contains(results[failures:], Failure) {
			t.Fatalf("got %v, want failures and then only successes", results)
		}
		if n := len(r.allRequests()); n <= len(results) {
			t.Errorf("got %d requests in %d pushes, want retries", n, len(results))
		}
		for _, p := range o.all[:failures] {
			if p.Err.Error() != "status 503 Service Unavailable" {
				t.Errorf("got %v, want the status", p.Err)
			}
		}
		arrived := r.points("counter_0_total")
		for _, p := range arrived[len(arrived)-len(results)+failures+1:] {
			if p.StartTimeUnixNano == p.TimeUnixNano {
				t.Errorf("a point after the first one that arrived has its own start time, %d", p.TimeUnixNano)
			}
		}
	})
}

func TestHangingReceiverDelaysOnlyOnePush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o recorder
		r := &receiver{handle: func(r *http.Request) *http.Response {
			<-r.Context().Done()
			return nil
		}}
		settings := options(&o)
		settings.Interval = time.Minute
		end := run(t, settings, r)
		time.Sleep(3*time.Minute + time.Second)
		if n := len(o.results()); n != 2 {
			t.Errorf("got %d finished pushes in three minutes, want 2", n)
		}
		if n := len(r.allRequests()); n < 6 {
			t.Errorf("got %d requests, want several in each push, each ended after 10s", n)
		}
		for _, p := range o.all {
			if p.Result != Failure || p.Err.Error() != "no answer in time" || p.Took > time.Minute {
				t.Errorf("got %+v, want a failure within a minute", p)
			}
		}
		began := time.Now()
		end()
		if took := time.Since(began); took > flushTime {
			t.Errorf("shutdown took %v, want at most %v", took, flushTime)
		}
	})
}

func TestLastPushIsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o recorder
		r := new(receiver)
		end := run(t, options(&o), r)
		time.Sleep(time.Second) // long before the first interval
		end()
		if got := o.results(); !slices.Equal(got, []Result{Success}) || len(r.allRequests()) != 1 {
			t.Errorf("got %v in %d requests, want one success", got, len(r.allRequests()))
		}
	})
}

func TestOnlyAFailureEndsAPush(t *testing.T) {
	for name, c := range map[string]struct {
		first, second *http.Response
		want          Result
		requests      int
	}{
		"a failure ends the push":                 {respond(http.StatusOK, "", nil), respond(http.StatusInternalServerError, "", nil), Failure, 2},
		"a partial success does not end the push": {partialResponse(1, ""), respond(http.StatusOK, "", nil), Partial, 3},
	} {
		requests := 0
		r := &receiver{handle: func(*http.Request) *http.Response {
			switch requests++; requests {
			case 1:
				return c.first
			case 2:
				return c.second
			default:
				return respond(http.StatusOK, "", nil)
			}
		}}
		o := options(new(recorder))
		value := 1.0
		o.Parts = counters(&value, &value, &value)
		if got := push(t, o, r); got.Result != c.want || requests != c.requests {
			t.Errorf("%s: got %v after %d requests, want %v after %d", name, got, requests, c.want, c.requests)
		}
	}
}

// A first point in a part that was accepted only partially may be lost, so the next
// point is sent as the first.
func TestSeriesStartWithTheFirstPointThatArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o recorder
		a, b := 1.0, 2.0
		r := &receiver{}
		r.handle = func(*http.Request) *http.Response {
			if len(r.allRequests()) == 2 {
				return partialResponse(1, "")
			}
			return respond(http.StatusOK, "", nil)
		}
		settings := options(&o)
		settings.Parts = counters(&a, &b)
		end := run(t, settings, r)
		time.Sleep(31 * time.Second) // two pushes
		if got := o.results(); !slices.Equal(got, []Result{Partial, Success}) {
			t.Fatalf("got %v, want a partial success and a success", got)
		}
		first, second := r.points("counter_0_total"), r.points("counter_1_total")
		if first[1].StartTimeUnixNano != first[0].TimeUnixNano {
			t.Errorf("the delivered series has start %d, want the time of its first point, %d", first[1].StartTimeUnixNano, first[0].TimeUnixNano)
		}
		if second[1].StartTimeUnixNano != second[1].TimeUnixNano {
			t.Errorf("the rejected series has start %d, want its time %d", second[1].StartTimeUnixNano, second[1].TimeUnixNano)
		}
		end()
	})
}

func TestHeadersAreReadForEachPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o recorder
		tokens := []string{"one", "two"}
		settings := options(&o)
		settings.Headers = func() (map[string]string, error) {
			if len(tokens) == 0 {
				return nil, errors.New("headers.txt: no such file or directory")
			}
			token := tokens[0]
			tokens = tokens[1:]
			return map[string]string{"Authorization": "Bearer " + token}, nil
		}
		r := new(receiver)
		end := run(t, settings, r)
		time.Sleep(46 * time.Second) // three pushes
		end()
		var got []string
		for _, request := range r.allRequests() {
			got = append(got, request.Header.Get("Authorization"))
		}
		if !slices.Equal(got, []string{"Bearer one", "Bearer two"}) {
			t.Errorf("got %q, want both tokens, and no request without one", got)
		}
		if last := o.all[2]; last.Result != Failure || !strings.Contains(last.Err.Error(), "headers.txt") {
			t.Errorf("got %+v, want a failure that names the file", last)
		}
	})
}
