package status

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/betanet/betanettest"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/snapshot"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// inside is the text between two others.
func inside(t *testing.T, text, from, to string) string {
	t.Helper()
	_, after, ok := strings.Cut(text, from)
	between, _, ok2 := strings.Cut(after, to)
	if !ok || !ok2 {
		t.Fatalf("nothing is between %q and %q", from, to)
	}
	return between
}

func TestThePolicyAllowsTheStyleAndTheScriptOfThePageAndNoMore(t *testing.T) {
	for _, path := range []string{"/", "/upstream/core"} {
		r := get(t, sceneAt(time.Now()), path)
		page, policy := body(t, r), Policy
		for directive, content := range map[string]string{"style-src": inside(t, page, "<style>", "</style>"), "script-src": inside(t, page, "<script>", "</script>")} {
			sum := sha256.Sum256([]byte(content))
			if want := directive + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.Contains(policy, want) {
				t.Errorf("%s: got policy %q, want %q in it", path, policy, want)
			}
		}
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: got policy %q", path, policy)
		}
		if strings.Count(page, "<script") != 1 || strings.Count(page, "<style") != 1 {
			t.Errorf("%s: got %d scripts and %d styles, want one each", path, strings.Count(page, "<script"), strings.Count(page, "<style"))
		}
		if found := regexp.MustCompile(`<[^>]+ (on[a-z]+|style)=`).FindString(page); found != "" {
			t.Errorf("%s: the policy forbids %q", path, found)
		}
	}
}

// hostile would break a page that did not escape it where it stands.
var hostile = []string{
	`"><script>alert(1)</script>`, `' onmouseover='alert(1)`, `</title><script>alert(2)</script>`, `</style><img src=x>`, "javascript:alert(1)", "a/b?c#d%41&e=f",
	"{{.}}", "\x00\x1b[31m\u202e",
}

func TestWhatUpstreamsAreCalledAndSayIsEscaped(t *testing.T) {
	for _, text := range hostile {
		u := upstreamAt("edge " + text)
		u.Labels = []fleet.Label{{Name: "region", Value: text}}
		v := &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.MixnodesAPI, Ticked: time.Now()}
		v.Endpoints = []fleet.EndpointView{{
			Endpoint: betanet.Mixnodes, Breaker: breaker.Open,
			Record: snapshot.Record{}.Fetched(betanettest.Mixnodes{{ID: text, Status: text}}.Doc(), time.Now()).
				Failed(&betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.New(text)}, time.Now()),
		}}
		past := new(history.History)
		past.Events.Add(history.Event{Time: time.Now(), Upstream: u.Name, Kind: history.Failing, Reason: "connect", Text: text})
		o := &Model{Registry: registry(v, upstreamOf("other", 1, -1, breaker.Closed, time.Now())), History: past, TelemetryPath: "/metrics"}
		for _, path := range []string{"/?q=" + url.QueryEscape("edge "+text), "/?q=" + url.QueryEscape("nobody "+text), "/" + upstreamPath(u.Name)} {
			r := get(t, o, path)
			page := body(t, r)
			if r.StatusCode != 200 {
				t.Fatalf("%q: got status %d of %s", text, r.StatusCode, path)
			}
			// The filter's field holds what its user typed.
			shown := regexp.MustCompile(`<input id="q"[^>]*>`).ReplaceAllString(page, "")
			if strings.Count(page, "<script") != 1 || strings.Contains(page, "<img") || strings.Contains(page, "onmouseover='") || strings.ContainsAny(shown, "\x00\x1b\u202e") {
				t.Errorf("%q: is in %s as it is", text, path)
			}
		}
		if page := html.UnescapeString(body(t, get(t, o, "/"))); !strings.Contains(page, `href="`+upstreamPath(u.Name)+`"`) {
			t.Errorf("%q: the page has no link to %s", text, upstreamPath(u.Name))
		}
	}
}

// Of an upstream that was never reached nothing is known.
func TestWhatIsNotKnownIsNeverShownAsNothing(t *testing.T) {
	u := upstreamAt("edge")
	v, other := upstreamOf("edge", -1, 3, breaker.Closed, time.Now()), upstreamOf("other", -1, 3, breaker.Closed, time.Now())
	o := &Model{Registry: registry(v, other), History: new(history.History)}
	o.History.Take([]*fleet.View{v}, time.Now())
	index := body(t, get(t, o, "/"))
	for _, key := range []string{"messages", "sent", "received", "loss", "latency"} {
		tile := inside(t, index, `<li data-key="`+key+`">`, "</li>")
		if !strings.Contains(tile, "<b>"+unknown+"</b>") || !strings.Contains(tile, "unknown in the last") || !strings.Contains(tile, `class="line" d=""`) {
			t.Errorf("%s: got %s, want it unknown", key, tile)
		}
	}
	row := inside(t, index, `<tr data-key="edge"`, "</tr>")
	if !strings.Contains(row, "no data") || strings.Count(row, ">"+unknown+"<") != 4 {
		t.Errorf("got %s, want no data and four values that are not known", row)
	}
	page := body(t, get(t, o, "/upstream/"+u.Name))
	values := inside(t, page, `id="values"`, "</section>")
	if found := regexp.MustCompile(`<dd>[^<]*\d[^<]*</dd>`).FindString(values); found != "" || strings.Count(values, "<dd>"+unknown+"</dd>") != 9 {
		t.Errorf("got %s in %s, want nothing but unknown values", found, values)
	}
	for _, key := range []string{"messages", "loss", "latency"} {
		if chart := inside(t, page, `<figure class="chart" data-key="`+key+`">`, "</figure>"); !strings.Contains(chart, "<b>"+unknown+"</b>") || !strings.Contains(chart, `class="line" d=""`) {
			t.Errorf("%s: got %s, want it unknown", key, chart)
		}
	}
}

func TestAnUpstreamThatCountsNothingIsNotWithoutTraffic(t *testing.T) {
	v := upstreamOf("edge", 1, 0, breaker.Closed, time.Now())
	for messages, want := range map[uint64]string{0: "no packet counted yet", 7: unknown} {
		v.Endpoints[betanet.Metrics].Doc = betanettest.Metrics{PacketsProcessed: messages}.Doc()
		chart := inside(t, body(t, get(t, &Model{Registry: registry(v)}, "/upstream/edge")), `<figure class="chart" data-key="messages">`, "</figure>")
		if !strings.Contains(chart, "Messages <b>"+want+"</b>") {
			t.Errorf("with %d messages: got %s, want the rate %q", messages, chart, want)
		}
	}
}

func TestTheTilesHaveTheNumbersOfTheJSON(t *testing.T) {
	rate, loss, latency := 120.5, 0.002, 0.0125
	points := []history.Point{{At: noon.Add(-14 * time.Second), NotClosed: 1}, {
		At: noon.Add(-4 * time.Second), NotClosed: 1, Messages: &rate, Dropped: &loss, BytesSent: &rate, BytesReceived: &rate, Loss: &loss, LatencySeconds: &latency,
	}}
	f := fleetStatus{countsStatus: countsStatus{Upstreams: 2000, Up: 1500, Stale: 300, Down: 150, Pending: 50, NotClosed: 12}}
	f.rates(points, noon)
	want := map[string]string{
		"breakers": "12", "messages": "120 /s", "sent": "120 B/s", "received": "120 B/s", "loss": "0.20 %", "latency": "12.5 ms",
	}
	tiles := newTiles(&f, points, noon)
	for _, tile := range tiles {
		if got := spaced(tile.Value); got != want[tile.Key] {
			t.Errorf("%s: got %q, want %q", tile.Key, got, want[tile.Key])
		}
		if !strings.HasPrefix(tile.Words, "now "+tile.Value+", ") {
			t.Errorf("%s: its sparkline says %q beside %q", tile.Key, tile.Words, tile.Value)
		}
		delete(want, tile.Key)
	}
	if len(want) > 0 {
		t.Errorf("no tiles for %v", want)
	}
	if last := tiles[len(tiles)-1].Key; last != "breakers" {
		t.Errorf("the last tile is %s, want what is internal", last)
	}
}

func TestTheCountsAreThoseOfTheJSON(t *testing.T) {
	o := &Model{Registry: registry(many(250)...)}
	f, page := status(t, o, "/api/v1/status").Fleet, body(t, get(t, o, "/"))
	for state, n := range map[string]int{"up": f.Up, "stale": f.Stale, "down": f.Down, "pending": f.Pending} {
		want := fmt.Sprintf(`<a href="?state=%s" class="state %s"><b>%d</b> %s</a>`, state, state, n, state)
		if n == 0 || !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	// Nothing is coloured that is 0.
	if page := body(t, get(t, &Model{Registry: registry()}, "/")); strings.Count(page, ` none"><b>0</b>`) != 4 {
		t.Error("the page of no upstream has a coloured 0")
	}
}

func TestAnEmptyPageSaysWhyItIsEmpty(t *testing.T) {
	names := func() []*fleet.Upstream { return []*fleet.Upstream{upstreamAt("a"), upstreamAt("b")} }
	for name, c := range map[string]struct {
		o    *Model
		path string
		want string
	}{
		"no upstreams": {&Model{Registry: registry()}, "/", "There are no upstreams."},
		"probe mode":   {&Model{Registry: registry(), ProbeMode: true, Names: names}, "/", `<a href="sd">at /sd</a>, 2 in all.`},
		"no match":     {&Model{Registry: registry(many(3)...)}, "/?q=nobody&sort=age", `No upstream matches. <a href="?sort=age">Show all 3</a>`},
	} {
		got := body(t, get(t, c.o, c.path))
		if !strings.Contains(got, c.want) || strings.Contains(got, "<table class=\"upstreams\">") {
			t.Errorf("%s: got %s, want %q", name, inside(t, got, `<main id="main">`, "</main>"), c.want)
		}
	}
}

func TestTheColumnThatIsSortedBySaysSo(t *testing.T) {
	o := &Model{Registry: registry(many(3)...)}
	page := body(t, get(t, o, "/?q=betanet&sort=age&offset=1"))
	for _, want := range []string{
		`<th scope="col" class="n" aria-sort="ascending"><a href="?q=betanet&amp;sort=age&amp;order=desc">Age</a>`,
		`<th scope="col"><a href="?q=betanet&amp;sort=name">Upstream</a>`, `<option value="age" selected>age of data</option>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestMixnodesThatAreNotActiveComeFirst(t *testing.T) {
	nodes := make(betanettest.Mixnodes, maxMixnodes+500)
	for i := range nodes {
		nodes[i] = betanettest.Mixnode{ID: fmt.Sprint("mix-", i), Status: "active"}
	}
	nodes[700].Status = "stopped"
	u := upstreamAt("edge")
	v := &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.MixnodesAPI, Ticked: time.Now()}
	v.Endpoints = []fleet.EndpointView{{Endpoint: betanet.Mixnodes, Record: snapshot.Record{}.Fetched(nodes.Doc(), time.Now())}}
	got := inside(t, body(t, get(t, &Model{Registry: registry(v)}, "/upstream/edge")), `id="mixnodes"`, "</section>")
	first := inside(t, got, `<tr data-key="`, `"`)
	if n := strings.Count(got, "<tr data-key="); first != "mix-700" || n != shownMixnodes || !strings.Contains(got, "And 1"+nbsp+"400 more") {
		t.Errorf("got %d mixnodes, the first %s, want %d of 1500 and mix-700 first", n, first, shownMixnodes)
	}
}

func TestThePageOfAnUpstreamSaysWhenItsCertificateExpires(t *testing.T) {
	v := upstreamOf("edge", 1, 0, breaker.Closed, time.Now())
	for _, c := range []struct {
		left time.Duration
		want string
	}{
		{100*24*time.Hour + time.Minute, `<span class="dim">in 100` + nbsp + `d</span>`},
		{10*24*time.Hour + time.Minute, `<span class="state stale">in 10` + nbsp + `d</span>`},
		{-90 * time.Minute, `<span class="state stale">1` + nbsp + `h 30` + nbsp + `min ago</span>`},
	} {
		v.CertificateExpiry = time.Now().Add(c.left)
		facts := inside(t, body(t, get(t, &Model{Registry: registry(v)}, "/upstream/edge")), `id="facts"`, "</section>")
		if !strings.Contains(facts, ">"+v.CertificateExpiry.UTC().Format(time.DateOnly)+"</time> "+c.want) {
			t.Errorf("%v left: got %s, want %s", c.left, facts, c.want)
		}
	}
	v.CertificateExpiry = time.Time{}
	if got := body(t, get(t, &Model{Registry: registry(v)}, "/upstream/edge")); strings.Contains(got, "Certificate") {
		t.Errorf("got %s, want nothing about a certificate", got)
	}
}
