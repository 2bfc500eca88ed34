package status

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// viewOf returns a view of an upstream with one endpoint that was last fetched and
// began to fail the given numbers of seconds ago. A negative number means never.
func viewOf(name string, fetched, failing int, b breaker.State, now time.Time) *fleet.View {
	u := newUpstream(name)
	u.URLs = []*url.URL{{Scheme: "http", Host: strings.ToLower(name) + ".example:9000"}}
	e := fleet.EndpointView{Endpoint: betanet.Metrics, Breaker: b, Next: now.Add(time.Duration(len(name)) * time.Second)}
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	if fetched >= 0 {
		e.Record = e.Fetched(betanettest.Metrics{PacketsProcessed: 1}.Doc(), ago(fetched))
	}
	if failing >= 0 {
		reason := []betanet.Reason{betanet.ReasonConnect, betanet.ReasonTimeout, betanet.ReasonTLS}[failing%3]
		e.Record = e.Failed(&betanet.Failure{Reason: reason, Err: fmt.Errorf("fetch metrics: %s", reason)}, ago(failing))
	}
	if b == breaker.Open {
		e.OpenUntil = now.Add(time.Duration(max(failing, 0)) * time.Second)
	}
	return &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.V1, Ticked: now, Endpoints: []fleet.EndpointView{e}}
}

// many returns the views of n upstreams, in all states.
func many(n int) []*fleet.View {
	now := time.Now()
	views := make([]*fleet.View, n)
	for i := range views {
		fetched, failing, b := i%60, -1, breaker.Closed
		switch i % 10 {
		case 7:
			failing, b = i%20, breaker.Open
		case 8:
			fetched, failing = -1, i%20
		case 9:
			fetched = -1
		}
		views[i] = viewOf(fmt.Sprintf("betanet-%04d", i), fetched, failing, b, now)
	}
	return views
}

// fleets generates views of upstreams with distinct names, in all states.
var fleets = rapid.Custom(func(t *rapid.T) []*fleet.View {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[abAB]{1,4}[0-9]?`), 0, 30, rapid.ID).Draw(t, "names")
	var views []*fleet.View
	for _, name := range names {
		views = append(views, viewOf(name, rapid.IntRange(-1, 400).Draw(t, "fetched"), rapid.IntRange(-1, 9).Draw(t, "failing"),
			rapid.SampledFrom([]breaker.State{breaker.Closed, breaker.HalfOpen, breaker.Open}).Draw(t, "breaker"), noon))
	}
	return views
})

// queries generates the parameters of queries.
var queries = rapid.Custom(func(t *rapid.T) url.Values {
	v := url.Values{}
	if text := rapid.SampledFrom([]string{"", "a", "AB", "b1", ".EXAMPLE", "nobody"}).Draw(t, "q"); text != "" {
		v.Set("q", text)
	}
	for _, s := range rapid.SliceOfN(rapid.SampledFrom(states[:]), 0, 3).Draw(t, "states") {
		v.Add("state", string(s))
	}
	for _, r := range rapid.SliceOfN(rapid.SampledFrom([]string{"connect", "timeout"}), 0, 1).Draw(t, "reasons") {
		v.Add("reason", r)
	}
	v.Set("sort", rapid.SampledFrom(sortKeys).Draw(t, "sort").name)
	v.Set("order", rapid.SampledFrom([]string{"asc", "desc"}).Draw(t, "order"))
	return v
})

func parsed(t *rapid.T, v url.Values) query {
	q, err := parseQuery(v.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func names(entries []*entry) (all []string) {
	for _, e := range entries {
		all = append(all, e.name)
	}
	return all
}

func TestAFilterSelectsTheMatchingUpstreams(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		views, v := fleets.Draw(t, "fleet"), queries.Draw(t, "query")
		q := parsed(t, v)
		r := resultOf(views, &q, noon)
		var want []string
		for _, view := range views {
			u := newUpstreamStatus(view, noon)
			text := strings.ToUpper(v.Get("q"))
			found := strings.Contains(strings.ToUpper(u.Name), text) || strings.Contains(strings.ToUpper(u.URL), text)
			found = found && (len(v["reason"]) == 0 || u.Endpoints[0].Reason == v.Get("reason"))
			if found && (len(v["state"]) == 0 || slices.Contains(v["state"], string(u.State))) {
				want = append(want, u.Name)
			}
		}
		got := names(r.matched)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%s: got %v, want %v", v.Encode(), got, want)
		}
		if f := r.situation.counts; f.Upstreams != len(views) || f.Up+f.Stale+f.Down+f.Pending != len(views) {
			t.Fatalf("got counts %+v, want them to add up to %d upstreams", f, len(views))
		}
	})
}

func TestEveryUpstreamIsOnExactlyOnePage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		views, q := fleets.Draw(t, "fleet"), parsed(t, queries.Draw(t, "query"))
		q.limit = rapid.IntRange(1, 12).Draw(t, "limit")
		r := resultOf(views, &q, noon)
		var got []string
		for q.offset = 0; q.offset < len(views)+q.limit; q.offset += q.limit {
			page := names(r.page(&q))
			if len(page) > q.limit {
				t.Fatalf("from %d: %d upstreams, want at most %d", q.offset, len(page), q.limit)
			}
			got = append(got, page...)
		}
		if want := names(r.matched); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// keys has, for each sort key, a function that returns its value from the JSON of an
// upstream: a string or a float64, or nil if it is unknown.
var keys = map[string]func(u *upstreamStatus) any{
	"name": func(u *upstreamStatus) any { return u.Name },
	"problems": func(u *upstreamStatus) any {
		rank := map[fleet.State]float64{"down": 0, "stale": 1, "pending": 2, "up": 3}[u.State]
		if u.State == fleet.Down || u.State == fleet.Stale {
			rank += 1e-9 * float64(u.Since.Unix()-noon.Unix()+1e6) // the longest first
		}
		return rank
	},
	"state": func(u *upstreamStatus) any {
		return map[fleet.State]float64{"down": 0, "stale": 1, "pending": 2, "up": 3}[u.State]
	},
	"age": func(u *upstreamStatus) any { return deref(u.AgeSeconds) },
	"breaker": func(u *upstreamStatus) any {
		if u.OpenSeconds != nil {
			return *u.OpenSeconds
		}
		return map[string]float64{"half_open": 1000, "closed": 2000}[u.Breaker]
	},
	"next": func(u *upstreamStatus) any { return deref(u.NextSeconds) },
	"error": func(u *upstreamStatus) any {
		if r := u.Endpoints[0].Reason; r != "" {
			return r
		}
		return nil
	},
}

// deref returns the number that x points to, or nil.
func deref(x *float64) any {
	if x == nil {
		return nil
	}
	return *x
}

// statusOf returns the JSON of an entry.
func statusOf(e *entry) upstreamStatus {
	hour := new(history.History).Hour(e.view, noon)
	return newUpstreamWithHistory(e, &hour, noon)
}

// ordered reports whether a may come before b. Unknown values come last in either order.
func ordered(a, b any, descending bool) bool {
	if a == nil || b == nil {
		return b == nil
	}
	if descending {
		a, b = b, a
	}
	if s, ok := a.(string); ok {
		return s <= b.(string)
	}
	return a.(float64) <= b.(float64)
}

func TestUpstreamsAreInTheRequestedOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		views, v := fleets.Draw(t, "fleet"), queries.Draw(t, "query")
		q := parsed(t, v)
		key, descending := keys[q.sort.name], v.Get("order") == "desc"
		r := resultOf(views, &q, noon)
		r.page(&q)
		for i := 1; i < len(r.matched); i++ {
			a, b := statusOf(r.matched[i-1]), statusOf(r.matched[i])
			if !ordered(key(&a), key(&b), descending) {
				t.Fatalf("%s: got %s (%v) before %s (%v), want the reverse", v.Encode(), a.Name, key(&a), b.Name, key(&b))
			}
			if key(&a) == key(&b) && a.Name > b.Name {
				t.Fatalf("%s: got %s before %s with the same value %v, want them sorted by name", v.Encode(), a.Name, b.Name, key(&a))
			}
		}
	})
}

var rowOf = regexp.MustCompile(`<tr data-key="(betanet-\d+)"[^>]*>`)

// rowsOf returns the upstreams in the table of a page, in order.
func rowsOf(page string) (all []string) {
	for _, m := range rowOf.FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestThePageShowsTheSameUpstreamsAsTheJSON(t *testing.T) {
	m := modelOf(many(250)...)
	for _, query := range []string{"limit=100", "limit=100&offset=200", "state=down&state=stale&sort=age&order=desc&limit=7&offset=7", "q=BETANET-001&limit=100"} {
		var want []string
		for _, u := range status(t, m, query).Upstreams {
			want = append(want, u.Name)
		}
		if got := rowsOf(indexOf(t, m, query)); !slices.Equal(got, want) || len(got) == 0 {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

func TestAnOffsetBeyondTheEndShowsTheLastPage(t *testing.T) {
	got := indexOf(t, modelOf(many(250)...), "sort=name&offset=900")
	if rows := rowsOf(got); len(rows) != 50 || rows[0] != "betanet-0200" || !strings.Contains(got, "201–250 of 250") {
		t.Errorf("got %d rows, want the 50 from betanet-0200", len(rows))
	}
}

func TestAPageIsASliceOfTheSortedList(t *testing.T) {
	views := many(1000)
	for _, sort := range sortKeys {
		for _, c := range []struct{ offset, limit int }{{0, 1}, {0, 10}, {5, 30}, {0, 100}, {100, 100}, {990, 100}, {0, 999}} {
			now := time.Now()
			q := query{sort: &sort, limit: c.limit, offset: c.offset}
			part := resultOf(views, &q, now)
			got := names(part.page(&q))
			unlimited := query{sort: &sort}
			whole := resultOf(views, &unlimited, now)
			want := names(whole.page(&unlimited))
			if want = want[c.offset:min(len(want), c.offset+c.limit)]; !slices.Equal(got, want) {
				t.Errorf("%s from %d, at most %d: got %v, want %v", sort.name, c.offset, c.limit, got, want)
			}
		}
	}
}

func TestTheLongestProblemsComeFirst(t *testing.T) {
	var views []*fleet.View
	for name, c := range map[string]struct{ fetched, failing int }{
		"up": {1, -1}, "also-up": {1, -1}, "new": {-1, -1}, "stale-short": {20, 10}, "stale-long": {100, 90}, "down-short": {-1, 5}, "down-long": {-1, 4000}, "expired": {700, 690},
	} {
		views = append(views, viewOf(name, c.fetched, c.failing, breaker.Closed, noon))
	}
	q := query{sort: &sortKeys[0]}
	r := resultOf(views, &q, noon)
	want := []string{"down-long", "expired", "down-short", "stale-long", "stale-short", "new", "also-up", "up"}
	if got := names(r.page(&q)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
