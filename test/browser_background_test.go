package test

import (
	"strings"
	"testing"
)

func refreshesInBackground(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/")
	eval[bool](t, p, `{ Object.defineProperty(document, "hidden", { get: () => true }); document.querySelector("#icon").href = document.title = ""; true }`)
	p.waitForRefresh(t)
	if got, want := eval[string](t, p, `document.title`), "All 5 upstreams are up – Betanet exporter"; got != want {
		t.Errorf("got the title %q, want %q", got, want)
	}
	if got := eval[string](t, p, `document.querySelector("#icon").href`); !strings.Contains(got, "1a7f45") {
		t.Errorf("got the icon %s, want the green one", got)
	}
}

// stopClockAfterRefresh stops the page's clock 7 s after the next refresh. The following
// refresh is then due in a visible tab, but not yet in a hidden one.
const stopClockAfterRefresh = `{
	new MutationObserver((_, observer) => {
		const asof = document.querySelector("#asof").textContent;
		if (!window.seen || asof === window.seen) return;
		observer.disconnect();
		const at = Date.now() + 7000;
		Date.now = () => at;
		window.seen = asof;
		window.stopped = true;
	}).observe(document, { subtree: true, childList: true, characterData: true });
	true
}`

// becomeVisible makes a hidden page visible, and evaluates to the number of requests that
// the page makes immediately, before its timer runs.
const becomeVisible = `{
	const real = fetch;
	let started = 0;
	window.fetch = (...args) => { started++; return real(...args); };
	window.visible = true;
	document.dispatchEvent(new Event("visibilitychange"));
	window.fetch = real;
	started
}`

func waitsInBackground(t *testing.T, s *statusPage) {
	p := openTab(t, s.browser, s.base, "/")
	eval[bool](t, p, `{ Object.defineProperty(document, "hidden", { get: () => !window.visible }); true }`)
	eval[bool](t, p, stopClockAfterRefresh)
	p.advanceClock(t)
	p.await(t, "a refresh", `window.stopped`)
	before := p.requests()
	p.waitTicks(t, 2)
	if got := p.requests(); got != before {
		t.Errorf("got %d requests while hidden, want none", got-before)
	}
	if got := eval[int](t, p, becomeVisible); got != 1 {
		t.Errorf("got %d requests when visible again, want 1", got)
	}
	p.await(t, "a refresh when visible again", `document.querySelector("#asof").textContent !== window.seen`)
}
