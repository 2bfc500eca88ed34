package test

import (
	"strings"
	"testing"
)

func refreshesInBackground(t *testing.T, s *statusPage) {
	p := open(t, s.browser, s.base, "/")
	eval[bool](t, p, `{ Object.defineProperty(document, "hidden", { get: () => true }); document.querySelector("#icon").href = document.title = ""; true }`)
	p.waitForRefresh(t)
	if got := eval[string](t, p, `document.title`); got != "All 5 upstreams are up – Betanet exporter" {
		t.Errorf("got the title %q", got)
	}
	if got := eval[string](t, p, `document.querySelector("#icon").href`); !strings.Contains(got, "1a7f45") {
		t.Errorf("got the icon %s, want the green one", got)
	}
}

// stopClockAfterRefresh stops the page's clock 7 s after the next refresh: another one
// is then due in a tab that is visible, but not yet in the background.
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

// becomeVisible shows a hidden page, and returns the number of requests that begin at
// once, without the timer.
const becomeVisible = `{
	const real = fetch;
	let begun = 0;
	window.fetch = (...args) => { begun++; return real(...args); };
	window.visible = true;
	document.dispatchEvent(new Event("visibilitychange"));
	window.fetch = real;
	begun
}`

func waitsInBackground(t *testing.T, s *statusPage) {
	p := open(t, s.browser, s.base, "/")
	eval[bool](t, p, `{ Object.defineProperty(document, "hidden", { get: () => !window.visible }); true }`)
	eval[bool](t, p, stopClockAfterRefresh)
	p.advanceClock(t)
	p.await(t, "a refresh", `window.stopped`)
	before := p.requests()
	p.waitTicks(t, 2)
	if got := p.requests(); got != before {
		t.Errorf("%d requests while hidden", got-before)
	}
	if got := eval[int](t, p, becomeVisible); got != 1 {
		t.Errorf("got %d requests when visible again, want 1", got)
	}
	p.await(t, "a refresh when visible again", `document.querySelector("#asof").textContent !== window.seen`)
}
