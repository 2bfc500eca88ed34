package otlp

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// respondsOnce returns a receiver that responds to the first request with the given status
// and header, and to all others with a success. at returns the times of the requests
// relative to the first.
func respondsOnce(status int, header http.Header) (r *receiver, at func() []time.Duration) {
	var times []time.Time
	r = &receiver{handle: func(*http.Request) *http.Response {
		times = append(times, time.Now())
		if len(times) > 1 {
			return respond(http.StatusOK, "", nil)
		}
		return &http.Response{StatusCode: status, Header: header.Clone(), Body: http.NoBody}
	}}
	return r, func() (all []time.Duration) {
		for _, t := range times {
			all = append(all, t.Sub(times[0]))
		}
		return all
	}
}

// The pusher pushes every 15 s, and the receiver rejects the first push.
func TestNoPushIsMadeBeforeRetryAfterIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header http.Header
		min    time.Duration
		max    time.Duration
	}{
		"seconds":                      {429, http.Header{"Retry-After": {"100"}}, 100 * time.Second, 115 * time.Second},
		"seconds with a 503":           {503, http.Header{"Retry-After": {"40"}}, 40 * time.Second, 55 * time.Second},
		"seconds with a 502":           {502, http.Header{"Retry-After": {"40"}}, 40 * time.Second, 55 * time.Second},
		"more than five minutes":       {429, http.Header{"Retry-After": {"3600"}}, 300 * time.Second, 315 * time.Second},
		"more than fits in an integer": {429, http.Header{"Retry-After": {"99999999999999999999"}}, 300 * time.Second, 315 * time.Second},
		"a date":                       {503, http.Header{"Retry-After": {"Tue, 15 Nov 1994 12:47:06 GMT"}, "Date": {"Tue, 15 Nov 1994 12:45:26 GMT"}}, 100 * time.Second, 115 * time.Second},
		"within the interval":          {503, http.Header{"Retry-After": {"12"}}, 12 * time.Second, 14 * time.Second},
		"a date in the past":           {503, http.Header{"Retry-After": {"Tue, 15 Nov 1994 12:45:26 GMT"}}, 0, 15 * time.Second},
		"garbage":                      {503, http.Header{"Retry-After": {"soon"}}, 0, 15 * time.Second},
		"a status without Retry-After": {400, http.Header{"Retry-After": {"100"}}, 0, 15 * time.Second},
		"a success":                    {200, http.Header{"Retry-After": {"100"}}, 0, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o recorder
				r, at := respondsOnce(c.status, c.header)
				end := run(t, options(&o), r)
				time.Sleep(6 * time.Minute)
				end()
				times := at()
				if len(times) < 2 || times[1] < c.min || times[1] > c.max {
					t.Errorf("got requests at %v, want the second %v to %v after the first", times[:min(3, len(times))], c.min, c.max)
				}
				if first := o.all[0]; c.min > 15*time.Second && (first.Result != Failure || first.RetryAfter <= 0 || first.RetryAfter > c.min) {
					t.Errorf("first push: got %+v, want a failure with a wait of at most %v", first, c.min)
				}
				if i := slices.IndexFunc(o.all, func(p Push) bool { return p.Result == Success }); i < 0 || i > 1 {
					t.Errorf("results: got %v, want at most one failure", o.results())
				}
			})
		})
	}
}

func TestNoLastPushIsMadeBeforeRetryAfterIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o recorder
		r, at := respondsOnce(http.StatusTooManyRequests, http.Header{"Retry-After": {"100"}})
		end := run(t, options(&o), r)
		time.Sleep(time.Minute)
		end()
		if n := len(at()); n != 1 {
			t.Errorf("got %d requests, want 1", n)
		}
	})
}
