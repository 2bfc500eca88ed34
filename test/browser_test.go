package test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A statusPage has an exporter of simulated services, and a browser for its status page.
type statusPage struct {
	browser  context.Context
	axe      *axeScript
	base     string // of the exporter
	exporter *process
	unsteady *process // the service of that name, which fails during the test
	// Each starts the exporter or the service unsteady again, until the end of the subtest.
	restartExporter, restartUnsteady func(t *testing.T)
}

// names lists the names of the services in alphabetical order.
var names = []string{"alpha", "beta", "gamma", "mixed", "unsteady"}

func newStatusPage(t *testing.T) *statusPage {
	t.Helper()
	s := &statusPage{browser: startBrowser(t), axe: fetchAxe(t)}
	_, mixed := startSimulator(t, "mixnodes", 1)
	service, unsteady := startSimulator(t, "v1", 1)
	s.unsteady = service
	s.restartUnsteady = func(t *testing.T) { start(t, binary, service.Cmd.Args[1:]...) }

	exporter, base := startExporter(t, "--config.file="+upstreamsFile(t, names, slices.Concat(simulate(t, "v1"), mixed, unsteady)),
		"--collect.interval=1s", "--retry.attempts=1", "--breaker.failures=2", "--breaker.open=3s")
	s.exporter, s.base = exporter, base
	s.restartExporter = func(t *testing.T) { start(t, binary, exporter.Cmd.Args[1:]...) }
	return s
}

// shownUpstreams evaluates to the upstreams in the table, in order.
const shownUpstreams = `[...document.querySelectorAll(".upstreams tbody th a")].map(a => a.textContent)`

// row evaluates to the row of an upstream.
func row(name string) string {
	return fmt.Sprintf(`document.querySelector('.upstreams tr[data-key="%s"]')`, name)
}

// The parts of this test run in order, because they share a browser, which is slow to
// start, and services, one of which fails during the test.
func TestStatusPageInABrowser(t *testing.T) {
	s := newStatusPage(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *statusPage)
	}{
		{"it shows the fleet", showsTheFleet},
		{"it sorts", sorts},
		{"it filters", filters},
		{"it paginates", paginates},
		{"it refreshes in place", refreshesInPlace},
		{"it shows local time, or UTC", showsLocalTimeOrUTC},
		{"it pauses", pauses},
		{"it updates its icon in the background", refreshesInBackground},
		{"it waits longer in the background", waitsInBackground},
		{"it can be used with the keyboard", worksWithKeyboard},
		{"it works without JavaScript", worksWithoutJavaScript},
		{"it shows an outage and its end", showsAnOutage},
		{"it fits a phone", fitsAPhone}, // after the outage, so that there are errors and events to show
		{"it reports an exporter that does not respond", reportsALostExporter},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, s) })
	}
}

func wantShown(t *testing.T, p *tab, what string, want ...string) {
	t.Helper()
	if got := eval[[]string](t, p, shownUpstreams); !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func showsTheFleet(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/")
	wantShown(t, p, "the table", names...)
	if got := eval[int](t, p, `document.querySelectorAll('.tiles svg[role="img"] title').length`); got != 6 {
		t.Errorf("got %d sparklines with a title, want 6", got)
	}
	p.follow(t, `a[href="upstream/mixed"]`)
	if got := eval[int](t, p, `document.querySelectorAll("#mixnodes tbody tr").length`); got == 0 {
		t.Error("the page of an upstream with API mixnodes lists no mixnodes")
	}
}

// refreshNow makes the page refresh immediately, each time it is evaluated.
const refreshNow = `(() => { const now = Date.now; Date.now = () => now() + 31000; })()`

func sorts(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/", viewport(1280, 800)) // narrow pages have no column headers
	p.follow(t, `.upstreams thead th:first-child a`)
	wantShown(t, p, "by name", names...)
	p.follow(t, `.upstreams thead th:first-child a`)
	reversed := slices.Clone(names)
	slices.Reverse(reversed)
	wantShown(t, p, "by name, descending", reversed...)
	if got := eval[string](t, p, `document.querySelector("th[aria-sort]").getAttribute("aria-sort")`); got != "descending" {
		t.Errorf("got aria-sort %q, want descending", got)
	}
	p.follow(t, `.upstreams thead th:last-child a`)
	if got := eval[string](t, p, `document.querySelector('th[aria-sort="ascending"]').textContent`); got != "Age" {
		t.Errorf("sorted by %q, want the age", got)
	}
}

func filters(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/?sort=name&order=desc")
	p.do(t, chromedp.SendKeys(chromedp.CSS("#q"), "A"))
	p.await(t, "names with an a, while typing", shownUpstreams+`.join() === "unsteady,gamma,beta,alpha"`)
	if got := eval[string](t, p, `location.search`); got != "?q=A&sort=name&order=desc" {
		t.Errorf("got the query %s, want the filter in it", got)
	}
	p.do(t, chromedp.Click(chromedp.CSS(`input[value="down"]`)))
	p.await(t, "no upstream that is down", `document.querySelector(".empty")?.textContent.includes("No upstream matches")`)
	p.follow(t, `.empty a`)
	if got := eval[[]string](t, p, shownUpstreams); len(got) != len(names) {
		t.Errorf("without the filter: got %v, want all of %v", got, names)
	}
	p.do(t, chromedp.SendKeys(chromedp.CSS("#q"), "gam"))
	p.follow(t, `form button`) // as users without JavaScript do
	wantShown(t, p, "the filtered table", "gamma")
}

func paginates(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/?limit=2&sort=name")
	wantShown(t, p, "the first page", names[:2]...)
	p.follow(t, `a[rel="next"]`)
	p.follow(t, `a[rel="next"]`)
	wantShown(t, p, "the last page", names[4])
	p.follow(t, `a[rel="prev"]`)
	wantShown(t, p, "the previous page", names[2:4]...)
}

func refreshesInPlace(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/", viewport(1000, 400))
	eval[bool](t, p, `{ window.row = `+row("gamma")+`; true }`)
	p.do(t, chromedp.SendKeys(chromedp.CSS("#q"), "amma"))
	p.await(t, "the filtered table", shownUpstreams+`.join() === "gamma"`)
	eval[bool](t, p, `{ scrollTo(0, 100); document.querySelector("#q").setSelectionRange(2, 4); window.seen = document.querySelector("#asof").textContent; true }`)
	// Do not advance the clock: the page must refresh on its own.
	p.await(t, "a refresh", `document.querySelector("#asof").textContent !== window.seen`)
	if got := eval[string](t, p, `[document.activeElement.id, document.activeElement.value, document.activeElement.selectionStart, scrollY].join("|")`); got != "q|amma|2|100" {
		t.Errorf("in the filter: got %s, want the text, focus, selection and scroll position unchanged", got)
	}
	eval[bool](t, p, `{ window.row.querySelector("a").focus(); getSelection().selectAllChildren(window.row.querySelector("a")); true }`)
	p.waitForRefresh(t)
	if got := eval[string](t, p, `[window.row.isConnected, document.activeElement.textContent, getSelection().toString(), document.querySelector("#q").value].join("|")`); got != "true|gamma|gamma|amma" {
		t.Errorf("in the table: got %s, want the row, its focus and the selected text unchanged", got)
	}
}

func showsLocalTimeOrUTC(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/", command(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Kolkata"}))
	minutes := func() string {
		return eval[string](t, p, `(() => { const at = new Date(document.querySelector("#asof").dateTime), shown = document.querySelector("#asof").textContent;
			return (Number(shown.slice(3, 5)) - at.getUTCMinutes() + 60) % 60 + (shown.includes("UTC") ? " UTC" : ""); })()`)
	}
	if got := minutes(); got != "30" {
		t.Errorf("in India times are %s minutes past UTC, want 30", got)
	}
	p.do(t, chromedp.Click(chromedp.CSS("#clock")))
	p.await(t, "UTC", `document.querySelector("#asof").textContent.includes("UTC")`)
	if got := minutes(); got != "0 UTC" {
		t.Errorf("got %s minutes from UTC, want 0", got)
	}
	p.do(t, chromedp.Navigate(s.base+"/upstream/alpha"))
	if got := minutes(); got != "0 UTC" {
		t.Errorf("on the next page: got %s minutes from UTC, want 0", got)
	}
	p.do(t, chromedp.Click(chromedp.CSS("#clock")))
	p.await(t, "local time", `!document.querySelector("#asof").textContent.includes("UTC")`)
}

func pauses(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/")
	p.do(t, chromedp.Click(chromedp.CSS("#pause")))
	p.await(t, "the note about the pause", `document.querySelector("#refresh").textContent.startsWith("Paused")`)
	before := p.requests()
	p.advanceClock(t)
	p.waitTicks(t, 2)
	if got := p.requests(); got != before {
		t.Errorf("got %d requests while paused, want none", got-before)
	}
	p.follow(t, `a[href="?state=up"]`)
	if got := eval[string](t, p, `document.querySelector("#pause").textContent`); got != "Resume" {
		t.Errorf("on the next page the button is %q, want Resume", got)
	}
	eval[bool](t, p, `{ window.seen = document.querySelector("#asof").textContent; true }`)
	p.do(t, chromedp.Click(chromedp.CSS("#pause")))
	p.await(t, "a refresh after the pause", `document.querySelector("#asof").textContent !== window.seen || (`+refreshNow+`, false)`)
}

// waitTicks waits until a timer of one second has run more than n times in the page, and
// therefore the page's own timer has run as well.
func (p *tab) waitTicks(t *testing.T, n int) {
	t.Helper()
	eval[bool](t, p, `{ window.ticks = 0; setInterval(() => window.ticks++, 1000); true }`)
	p.await(t, "timers of the page", fmt.Sprintf(`window.ticks > %d`, n))
}

// focusable evaluates to the elements that must be reachable by keyboard.
const focusable = `[...document.querySelectorAll("a[href], button:not([hidden]), input:not([type=hidden]), select, summary")]`

func worksWithKeyboard(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/", viewport(1280, 800))
	p.do(t, chromedp.Click(chromedp.CSS("#pause")), chromedp.Navigate(s.base+"/")) // so that no refresh interferes
	all := eval[int](t, p, `(window.all = `+focusable+`).length`)
	var order []int
	for range all {
		p.do(t, chromedp.KeyEvent("\t"))
		order = append(order, eval[int](t, p, `window.all.indexOf(document.activeElement)`))
		if got := eval[string](t, p, `getComputedStyle(document.activeElement).outlineStyle`); got == "none" {
			t.Errorf("the focus is not visible on %s", eval[string](t, p, `document.activeElement.outerHTML`))
		}
	}
	for i, at := range order {
		if i != at {
			t.Fatalf("%d elements get the focus in the order %v, want the order on the page", all, order)
		}
	}
	p.do(t, chromedp.Navigate(s.base+"/"), chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r"))
	if got := eval[string](t, p, `location.hash`); got != "#main" {
		t.Errorf("the first link leads to %q, want #main", got)
	}
}

func worksWithoutJavaScript(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/", command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	if got := eval[string](t, p, `document.querySelector("#refresh").innerText + document.querySelector("#pause").hidden + document.querySelector("#clock").hidden`); got != "Reload the page for current data.truetrue" {
		t.Errorf("got %q, want a hint to reload, and no buttons", got)
	}
	if got := eval[string](t, p, `document.querySelector("#asof").textContent`); !strings.HasSuffix(got, " UTC") {
		t.Errorf("got %q, want UTC", got)
	}
	wantShown(t, p, "the table", names...)
	p.do(t, chromedp.SendKeys(chromedp.CSS("#q"), "gam\r"))
	p.await(t, "the filtered table", `location.search === "?q=gam&sort=problems" && `+shownUpstreams+`.join() === "gamma"`)
}

func fitsAPhone(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/", viewport(360, 780))
	for _, path := range []string{"/", "/?q=nobody", "/upstream/mixed", "/upstream/unsteady"} {
		p.do(t, chromedp.Navigate(s.base+path))
		if got := eval[int](t, p, `document.documentElement.scrollWidth`); got > 360 {
			t.Errorf("%s is %d pixels wide, want 360", path, got)
		}
	}
}
