package discovery

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// serve starts a test server and returns a source that reads from it. The tests call its
// read method.
func serve(t *testing.T, handler http.HandlerFunc) (h *HTTP, base string) {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return source(t, s.URL+"/targets", s.Client()), "GET " + s.URL + "/targets: "
}

func source(t *testing.T, raw string, client *http.Client) *HTTP {
	u, err := url.Parse(raw)
	must(t, err)
	return NewHTTP(u, time.Minute, client)
}

// respondWith returns a handler that writes a document.
func respondWith(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{contentType}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestRequestsMatchPrometheus(t *testing.T) {
	var got *http.Request
	h, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		respondWith(200, "application/json", two)(w, r)
	})
	h.url.RawQuery, h.url.User = "a=b", url.UserPassword("u", "p")
	h.refresh = 1500 * time.Millisecond
	wantText(t, h.read(t.Context()), listTwo)
	user, password, _ := got.BasicAuth()
	for _, c := range [][2]string{
		{got.Method, "GET"},
		{got.URL.String(), "/targets?a=b"},
		{got.Header.Get("Accept"), "application/json"},
		{got.Header.Get("X-Prometheus-Refresh-Interval-Seconds"), "1.5"},
		{user + ":" + password, "u:p"},
	} {
		if c[0] != c[1] {
			t.Errorf("got %q, want %q", c[0], c[1])
		}
	}
}

func TestAResponseNeedsStatus200AndJSON(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"JSON":             {respondWith(200, "application/json", one), listOne},
		"JSON in capitals": {respondWith(200, "Application/JSON; charset=UTF-8", one), listOne},
		"an empty list":    {respondWith(200, "application/json", "[]"), ""},
		"status 500":       {respondWith(500, "application/json", one), "status 500, want 200"},
		"status 404":       {respondWith(404, "text/plain", "no"), "status 404, want 200"},
		"status 204":       {respondWith(204, "application/json", ""), "status 204, want 200"},
		"status 206":       {respondWith(206, "application/json", one), "status 206, want 200"},
		"status 302":       {respondWith(302, "application/json", one), "status 302, want 200"},
		"HTML":             {respondWith(200, "text/html", one), `content type "text/html", want application/json`},
		"no type":          {respondWith(200, "", one), `content type "", want application/json`},
		"a long type":      {respondWith(200, strings.Repeat("x", 100), one), `content type "` + strings.Repeat("x", 60) + `", want application/json`},
		"another type":     {respondWith(200, "application/jsonl", one), `content type "application/jsonl", want application/json`},
		"a broken type":    {respondWith(200, "application/json; charset", one), `content type "application/json; charset", want application/json`},
		"another charset":  {respondWith(200, "application/json; charset=latin1", one), `content type "application/json; charset=latin1", want application/json`},
		"YAML":             {respondWith(200, "application/json", "- targets: [a:1]"), "line 1: the document is not valid JSON in UTF-8"},
		"cut off":          {respondWith(200, "application/json", two[:10]), "line 1: the document is cut off, want JSON"},
		"a bad label":      {respondWith(200, "application/json", `[{"targets": ["a:1"], "labels": {"le": "1"}}]`), `rejected "a:1": [0].labels.le (line 1): is a label of the exporter itself, want another name`},
		"the largest":      {respondWith(200, "application/json", one+strings.Repeat(" ", 10<<20-len(one))), listOne},
		"too large":        {respondWith(200, "application/json", one+strings.Repeat(" ", 10<<20-len(one)+1)), "is too large, at most 10485760 bytes are accepted"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for _, err := w.Write([]byte("[")); err == nil; _, err = w.Write([]byte(strings.Repeat(" ", 1<<16))) {
			}
		}, "is too large, at most 10485760 bytes are accepted"},
		"a short body": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			respondWith(200, "application/json", one)(w, r)
		}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			h, base := serve(t, c.handler)
			h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			list := h.read(t.Context())
			if list.Err != nil {
				c.want = base + c.want
			}
			wantText(t, list, c.want)
		})
	}
}

func TestTheClientDecidesAboutRedirects(t *testing.T) {
	h, base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/targets" {
			http.Redirect(w, r, "/other", http.StatusFound)
			return
		}
		respondWith(200, "application/json", one)(w, r)
	})
	wantText(t, h.read(t.Context()), listOne)
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("not allowed") }
	wantText(t, h.read(t.Context()), base+"not allowed")
}

func TestARequestToAHangingServerTimesOut(t *testing.T) {
	for name, before := range map[string]func(http.ResponseWriter){
		"before the header": func(http.ResponseWriter) {},
		"in the body": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, "[")
			w.(http.Flusher).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			canceled := make(chan struct{})
			h, base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				before(w)
				<-r.Context().Done()
				close(canceled)
			})
			h.refresh = time.Second // enough for the request to arrive
			list := h.read(t.Context())
			wantText(t, list, base+"no response within 1s")
			select {
			case <-canceled:
			case <-time.After(time.Minute):
				t.Error("the request was not canceled")
			}
		})
	}
}

func TestAnUnreachableServerIsAnError(t *testing.T) {
	h, base := serve(t, nil)
	h.client = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })}
	h.url.RawQuery, h.url.User = "token=hunter2", url.UserPassword("u", "hunter2")
	wantText(t, h.read(t.Context()), base+"connection refused")
}

func TestTheNameOfAnHTTPSourceHasNoSecrets(t *testing.T) {
	for raw, want := range map[string]string{
		"http://sd/targets":               "http:http://sd/targets",
		"https://u:p@sd:8080/t?token=x#f": "http:https://sd:8080/t",
		"http://sd/?":                     "http:http://sd/",
		"http://sd/a%2Fb":                 "http:http://sd/a%2Fb",
	} {
		h := source(t, raw, nil)
		if h.String() != want || h.url.String() != raw {
			t.Errorf("%s: got name %v and URL %v, want %v and the same URL", raw, h, h.url, want)
		}
	}
}

// roundTripper is a transport that uses no network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// body is a response body that counts the open bodies.
type body struct {
	io.Reader
	open *atomic.Int32
}

func (b body) Close() error { b.open.Add(-1); return nil }

func TestTheDocumentIsRequestedOncePerRefresh(t *testing.T) {
	type step struct {
		status        int
		content, want string
	}
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		var current atomic.Value
		client := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			open.Add(1)
			s := current.Load().(step)
			return &http.Response{StatusCode: s.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: body{strings.NewReader(s.content), &open}}, nil
		})}
		current.Store(step{status: 200, content: one})
		r, _ := run(t, source(t, "http://sd/targets", client))
		synctest.Wait()
		var first []Target
		for i, c := range []step{
			{200, one, listOne},
			{200, one, listOne},
			{503, one, "GET http://sd/targets: status 503, want 200"},
			{200, one[:5], "GET http://sd/targets: line 1: the document is cut off, want JSON"},
			{200, one[:5], "GET http://sd/targets: line 1: the document is cut off, want JSON"},
			{200, two, listTwo},
			{200, "[]", ""},
		} {
			if i > 0 {
				current.Store(c)
				time.Sleep(time.Minute - 1)
				r.wantLast(t, i, r.all[i-1])
				time.Sleep(time.Nanosecond)
				synctest.Wait()
			}
			r.wantLast(t, i+1, c.want)
			if i == 0 {
				first = r.list
			}
			if i == 1 && r.list[0].URL != first[0].URL {
				t.Error("unchanged content was parsed again")
			}
			if n := open.Load(); n != 0 {
				t.Fatalf("got %d open bodies, want none", n)
			}
		}
	})
}

func TestTheTimeoutIsTheRefreshIntervalButAtMost30Seconds(t *testing.T) {
	for refresh, want := range map[time.Duration]time.Duration{
		0: 30 * time.Second, time.Second: time.Second, 30 * time.Second: 30 * time.Second, time.Hour: 30 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			u, _ := url.Parse("http://sd/targets")
			start := time.Now()
			h := NewHTTP(u, refresh, &http.Client{Transport: hang})
			list := h.read(t.Context())
			wantText(t, list, "GET http://sd/targets: no response within "+want.String())
			if got := time.Since(start); got != want {
				t.Errorf("refresh %v: timed out after %v, want %v", refresh, got, want)
			}
		})
	}
}

// hang waits for the end of a request.
var hang = roundTripper(func(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
})

func TestStoppingASourceCancelsItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stop := run(t, source(t, "http://sd/targets", &http.Client{Transport: hang}))
		time.Sleep(time.Second)
		start := time.Now()
		stop()
		if d := time.Since(start); d != 0 || len(r.all) != 0 {
			t.Errorf("stopped after %v with reports %q, want no delay and no reports", d, r.all)
		}
	})
}

func TestRequestsToASlowServerDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, _ := url.Parse("http://sd/targets")
		var requests, running atomic.Int32
		r, _ := run(t, NewHTTP(u, 10*time.Second, &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			requests.Add(1)
			defer running.Add(-1)
			if running.Add(1) > 1 {
				t.Error("got two concurrent requests, want one")
			}
			return hang(r)
		})}))
		time.Sleep(35 * time.Second)
		synctest.Wait()
		r.wantLast(t, 3, "GET http://sd/targets: no response within 10s")
		if n := requests.Load(); n != 4 {
			t.Errorf("got %d requests in 35 s, want 4", n)
		}
	})
}
