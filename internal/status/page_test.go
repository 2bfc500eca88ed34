package status

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
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

func TestThePolicyAllowsOnlyTheStyleAndTheScriptOfThePage(t *testing.T) {
	if !strings.HasPrefix(Policy, "default-src 'none'; ") || strings.Contains(Policy, "unsafe") {
		t.Errorf("got policy %q, want it to forbid everything by default and to allow nothing unsafe", Policy)
	}
	m := exampleAt(time.Now())
	for name, page := range map[string]string{"index": indexOf(t, m, ""), "core": pageOf(t, m, "core")} {
		for directive, content := range map[string]string{"style-src": between(t, page, "<style>", "</style>"), "script-src": between(t, page, "<script>", "</script>")} {
			sum := sha256.Sum256([]byte(content))
			if want := directive + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.Contains(Policy, want) {
				t.Errorf("%s: got policy %q, want it to contain %q", name, Policy, want)
			}
		}
		if strings.Count(page, "<script") != 1 || strings.Count(page, "<style") != 1 {
			t.Errorf("%s: got %d scripts and %d styles, want one each", name, strings.Count(page, "<script"), strings.Count(page, "<style"))
		}
		if found := regexp.MustCompile(`<[^>]+ (on[a-z]+|style)=`).FindString(page); found != "" {
			t.Errorf("%s: got %q, which the policy forbids", name, found)
		}
	}
}

// hostile has texts that break a page that does not escape them.
var hostile = []string{
	`"><script>alert(1)</script>`, `' onmouseover='alert(1)`, `</title><script>alert(2)</script>`, `</style><img src=x>`, "javascript:alert(1)", "a/b?c#d%41&e=f",
	"{{.}}", "\x00\x1b[31m\u202e",
}

func TestNamesAndTextsOfUpstreamsAreEscaped(t *testing.T) {
	for _, text := range hostile {
		u := newUpstream("edge " + text)
		u.Labels = []fleet.Label{{Name: "region", Value: text}}
		v := mixnodesView(u, betanettest.Mixnodes{{ID: text, Status: text}})
		e := &v.Endpoints[0]
		e.Breaker, e.Record = breaker.Open, e.Failed(&betanet.Failure{Reason: betanet.ReasonConnect, Err: errors.New(text)}, time.Now())
		m := modelOf(v, viewOf("other", 1, -1, breaker.Closed, time.Now()))
		m.History.Events.Add(history.Event{Time: time.Now(), Upstream: u.Name, Kind: history.Failing, Reason: "connect", Text: text})
		for name, page := range map[string]string{
			"found": indexOf(t, m, "q="+url.QueryEscape("edge "+text)), "not found": indexOf(t, m, "q="+url.QueryEscape("nobody "+text)), "detail": pageOf(t, m, u.Name),
		} {
			// The filter field shows the user's own text.
			shown := regexp.MustCompile(`<input id="q"[^>]*>`).ReplaceAllString(page, "")
			if strings.Count(page, "<script") != 1 || strings.Contains(page, "<img") || strings.Contains(page, "onmouseover='") || strings.ContainsAny(shown, "\x00\x1b\u202e") {
				t.Errorf("%q is not escaped on the page %s", text, name)
			}
		}
		if page := html.UnescapeString(indexOf(t, m, "")); !strings.Contains(page, `href="`+upstreamPath(u.Name)+`"`) {
			t.Errorf("%q: the page has no link to %s", text, upstreamPath(u.Name))
		}
	}
}

// mixnodesView returns the view of an upstream with API mixnodes.
func mixnodesView(u *fleet.Upstream, nodes betanettest.Mixnodes) *fleet.View {
	return &fleet.View{Upstream: u, URL: u.URLs[0], API: betanet.MixnodesAPI, Ticked: time.Now(), Endpoints: []fleet.EndpointView{
		{Endpoint: betanet.Mixnodes, Record: snapshot.Record{}.Fetched(nodes.Doc(), time.Now())},
	}}
}

func TestUnknownValuesAreNotShownAsZero(t *testing.T) {
	neverReached := viewOf("edge", -1, 3, breaker.Closed, time.Now())
	m := modelOf(neverReached, viewOf("other", -1, 3, breaker.Closed, time.Now()))
	m.History.Take([]*fleet.View{neverReached}, time.Now())
	index := indexOf(t, m, "")
	for _, key := range []string{"messages", "sent", "received", "loss", "latency"} {
		tile := between(t, index, `<li data-key="`+key+`">`, "</li>")
		if !strings.Contains(tile, "<b>"+unknown+"</b>") || !strings.Contains(tile, "unknown in the last") || !strings.Contains(tile, `class="line" d=""`) {
			t.Errorf("%s: got %s, want it to be unknown", key, tile)
		}
	}
	row := between(t, index, `<tr data-key="edge"`, "</tr>")
	if !strings.Contains(row, "no data") || strings.Count(row, ">"+unknown+"<") != 4 {
		t.Errorf("got %s, want no data and four unknown values", row)
	}
	page := pageOf(t, m, "edge")
	values := between(t, page, `id="values"`, "</section>")
	if found := regexp.MustCompile(`<dd>[^<]*\d[^<]*</dd>`).FindString(values); found != "" || strings.Count(values, "<dd>"+unknown+"</dd>") != 9 {
		t.Errorf("got %s in %s, want only unknown values", found, values)
	}
	for _, key := range []string{"messages", "loss", "latency"} {
		if chart := chartOf(t, page, key); !strings.Contains(chart, "<b>"+unknown+"</b>") || !strings.Contains(chart, `class="line" d=""`) {
			t.Errorf("%s: got %s, want it to be unknown", key, chart)
		}
	}
}

func chartOf(t *testing.T, page, key string) string {
	t.Helper()
	return between(t, page, `<figure class="chart" data-key="`+key+`">`, "</figure>")
}

func TestAnUpstreamThatNeverCountedAPacketIsMarked(t *testing.T) {
	v := viewOf("edge", 1, 0, breaker.Closed, time.Now())
	for messages, want := range map[uint64]string{0: "no packets counted yet", 7: unknown} {
		v.Endpoints[betanet.Metrics].Doc = betanettest.Metrics{PacketsProcessed: messages}.Doc()
		if chart := chartOf(t, pageOf(t, modelOf(v), "edge"), "messages"); !strings.Contains(chart, "Messages <b>"+want+"</b>") {
			t.Errorf("with %d messages: got %s, want the rate %q", messages, chart, want)
		}
	}
}

func TestTilesShowTheSameNumbersAsTheJSON(t *testing.T) {
	rate, loss, latency := 120.5, 0.002, 0.0125
	points := []history.Point{{At: noon.Add(-14 * time.Second), Counts: history.Counts{NotClosed: 1}}, {
		At: noon.Add(-4 * time.Second), Counts: history.Counts{NotClosed: 1},
		Rates: history.Rates{Messages: &rate, Dropped: &loss, BytesSent: &rate, BytesReceived: &rate, Loss: &loss, LatencySeconds: &latency},
	}}
	f := newFleetStatus(history.Counts{Upstreams: 2000, Up: 1500, Stale: 300, Down: 150, Pending: 50, NotClosed: 12}, points, noon)
	want := [][2]string{
		{"messages", "120 /s"}, {"loss", "0.20 %"}, {"latency", "12.5 ms"}, {"sent", "120 B/s"}, {"received", "120 B/s"}, {"breakers", "12"}, // internal, so last
	}
	var got [][2]string
	for _, tile := range newTiles(f, points, noon) {
		got = append(got, [2]string{tile.Key, spaced(tile.Value)})
		if !strings.HasPrefix(tile.Text, "now "+tile.Value+", ") {
			t.Errorf("%s: the text of the sparkline is %q, want it to contain %q", tile.Key, tile.Text, tile.Value)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestThePageShowsTheSameCountsAsTheJSON(t *testing.T) {
	m := modelOf(many(250)...)
	f, page := status(t, m, "").Fleet, indexOf(t, m, "")
	for state, n := range map[string]int{"up": f.Up, "stale": f.Stale, "down": f.Down, "pending": f.Pending} {
		want := fmt.Sprintf(`<a href="?state=%s" class="state %s"><b>%d</b> %s</a>`, state, state, n, state)
		if n == 0 || !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if page := indexOf(t, modelOf(), ""); strings.Count(page, ` none"><b>0</b>`) != 4 {
		t.Error("the page without upstreams has a coloured 0")
	}
}

func TestAnEmptyPageExplainsWhyItIsEmpty(t *testing.T) {
	probing := modelOf()
	probing.ProbeMode = true
	probing.Upstreams = func() []*fleet.Upstream { return []*fleet.Upstream{newUpstream("a"), newUpstream("b")} }
	for name, c := range map[string]struct {
		m           *Model
		query, want string
	}{
		"no upstreams": {modelOf(), "", "There are no upstreams."},
		"probe mode":   {probing, "", `The configured names (2) are <a href="sd">at /sd</a>.`},
		"no match":     {modelOf(many(3)...), "q=nobody&sort=age", `No upstream matches. <a href="?sort=age">Show all 3</a>`},
	} {
		got := between(t, indexOf(t, c.m, c.query), `<main id="main">`, "</main>")
		if !strings.Contains(got, c.want) || strings.Contains(got, "<table class=\"upstreams\">") {
			t.Errorf("%s: got %s, want %q", name, got, c.want)
		}
	}
}

func TestTheSortedColumnIsMarked(t *testing.T) {
	page := indexOf(t, modelOf(many(3)...), "q=betanet&sort=age&offset=1")
	for _, want := range []string{
		`<th scope="col" class="n" aria-sort="ascending"><a href="?q=betanet&amp;sort=age&amp;order=desc">Age</a>`,
		`<th scope="col"><a href="?q=betanet&amp;sort=name">Upstream</a>`, `<option value="age" selected>age of data</option>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestInactiveMixnodesComeFirst(t *testing.T) {
	nodes := make(betanettest.Mixnodes, maxMixnodes+500)
	for i := range nodes {
		nodes[i] = betanettest.Mixnode{ID: fmt.Sprint("mix-", i), Status: "active"}
	}
	nodes[700].Status = "stopped"
	got := between(t, pageOf(t, modelOf(mixnodesView(newUpstream("edge"), nodes)), "edge"), `id="mixnodes"`, "</section>")
	first := between(t, got, `<tr data-key="`, `"`)
	if n := strings.Count(got, "<tr data-key="); first != "mix-700" || n != shownMixnodes || !strings.Contains(got, ">1"+nbsp+"400 more;") {
		t.Errorf("got %d mixnodes, the first %s, want %d of 1500 and mix-700 first", n, first, shownMixnodes)
	}
}

func TestThePageOfAnUpstreamShowsWhenItsCertificateExpires(t *testing.T) {
	v := viewOf("edge", 1, 0, breaker.Closed, time.Now())
	for _, c := range []struct {
		left time.Duration
		want string
	}{
		{100*24*time.Hour + time.Minute, `<span class="dim">in 100 d</span>`},
		{10*24*time.Hour + time.Minute, `<span class="state stale">in 10 d</span>`},
		{-90 * time.Minute, `<span class="state stale">1 h 30 min ago</span>`},
	} {
		v.CertificateExpiry = time.Now().Add(c.left)
		facts := spaced(between(t, pageOf(t, modelOf(v), "edge"), `id="facts"`, "</section>"))
		if !strings.Contains(facts, ">"+v.CertificateExpiry.UTC().Format(time.DateOnly)+"</time> "+c.want) {
			t.Errorf("%v left: got %s, want %s", c.left, facts, c.want)
		}
	}
	v.CertificateExpiry = time.Time{}
	if got := pageOf(t, modelOf(v), "edge"); strings.Contains(got, "Certificate") {
		t.Errorf("got %s, want nothing about a certificate", got)
	}
}

func TestIncidentsThatAreNotInTheTableAreCounted(t *testing.T) {
	m, now := modelOf(), time.Now()
	incidents := make([]history.Incident, shownIncidents+1)
	for i := range incidents {
		incidents[i] = history.Incident{Upstream: "a", From: now.Add(-time.Hour), To: now.Add(-time.Minute)}
	}
	const restarts = 3
	for range restarts {
		m.History.Events.Add(history.Event{Time: now, Upstream: "a", Kind: history.Restarted})
	}
	table := m.newIncidentTable(new(frame), incidents, "", func(string) bool { return false }, now)
	if len(table.Rows) != shownIncidents || table.More != restarts+1 {
		t.Errorf("got %d rows and %d more, want %d and %d", len(table.Rows), table.More, shownIncidents, restarts+1)
	}
}
