package test

import (
	"strings"
	"testing"
)

func showsAnOutage(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/")
	detail := openTab(t, s.browser, s.base, "/upstream/unsteady")
	s.unsteady.stop(t)
	p.await(t, "the outage", row("unsteady")+`?.querySelector(".state.stale") && `+row("unsteady")+`.textContent.includes("connection refused")`)
	if got := eval[[]string](t, p, shownUpstreams); got[0] != "unsteady" {
		t.Errorf("got %v, want unsteady first", got)
	}
	p.await(t, "the verdict in the title", `document.title.startsWith("1 of 5 is stale: 1 × connection refused")`)
	if got := eval[string](t, p, `document.querySelector("#icon").href`); !strings.Contains(got, "b25e00") {
		t.Errorf("got the icon %s, want the amber one", got)
	}
	p.await(t, "the open incident", `document.querySelector("#incidents tr.open")?.textContent.includes("unsteady")`)
	detail.await(t, "the outage on the page of the upstream", `document.querySelector("#facts .stale") && document.querySelector("#incidents tr.open") && document.querySelector("#endpoints").textContent.includes("probe")`)
	if got := eval[int](t, detail, `document.querySelectorAll("#values .old .age").length`); got == 0 {
		t.Error("stale values are not marked")
	}
	p.follow(t, `.reasons a`)
	wantShown(t, p, "upstreams that fail for that reason", "unsteady")
	t.Run("axe finds nothing", func(t *testing.T) { checkAccessible(t, s.browser, s.axe, s.base, "/", "/upstream/unsteady") })
	s.restartUnsteady(t)
	p.await(t, "the recovery", `document.querySelector("#verdict.ok") && !document.querySelector("#incidents tr.open") && document.querySelector("#incidents tbody").textContent.includes("unsteady")`)
	detail.await(t, "the recovery on the page of the upstream", `document.querySelector("#facts .up")`)
}

func reportsALostExporter(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/")
	// The first rate needs two points of the history.
	p.await(t, "rates of the fleet", `document.querySelector('[data-key="messages"] b').textContent.includes("/s") || (`+refreshNow+`, false)`)
	s.exporter.kill()
	height, table := eval[int](t, p, `document.documentElement.scrollHeight`), eval[[]string](t, p, shownUpstreams)
	eval[bool](t, p, `{ window.ages = [...document.querySelectorAll("[data-age]")].map(a => a.textContent).join(); const now = Date.now; Date.now = () => now() + 14000;
		window.seen = document.querySelector("#asof").textContent; true }`)
	p.await(t, "the message within 15 seconds that the exporter does not respond", `/^No answer from the exporter for \d+.(s|min)/.test(document.querySelector("#gone").innerText)`)
	if got := eval[string](t, p, `document.title + "|" + getComputedStyle(document.querySelector("h1")).visibility + "|" + (document.querySelector("#icon").getAttribute("href") === document.querySelector("#icon").dataset.gone)`); !strings.HasPrefix(got, "No answer from the exporter for ") || !strings.HasSuffix(got, " – Betanet exporter|hidden|true") {
		t.Errorf("got %q, want the title with the time, a hidden verdict, and the icon for a lost exporter", got)
	}
	if got := eval[int](t, p, `document.documentElement.scrollHeight`); got != height {
		t.Errorf("the height changed from %d to %d pixels", height, got)
	}
	if got := eval[float64](t, p, `Number(getComputedStyle(document.querySelector("#counts")).opacity)`); got >= 1 {
		t.Errorf("the content has an opacity of %v, want less than 1", got)
	}
	p.await(t, "increasing ages", `window.ages !== [...document.querySelectorAll("[data-age]")].map(a => a.textContent).join()`)
	if got := eval[string](t, p, `document.querySelector("#asof").textContent === window.seen ? "" : window.seen`); got != "" {
		t.Errorf("the page no longer shows the state of %s", got)
	}
	wantShown(t, p, "the table", table...)
	t.Run("axe finds nothing", func(t *testing.T) { checkTabAccessible(t, p, s.axe, "without the exporter") })
	s.restartExporter(t)
	p.await(t, "the return of the exporter", `document.querySelector("#gone").textContent === "" && !document.title.startsWith("No answer") || (`+refreshNow+`, false)`)
	if !p.dropProblems("net::ERR_CONNECTION_REFUSED") {
		t.Error("no request failed while the exporter was down")
	}
}
