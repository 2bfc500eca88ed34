
// Brings the parts of the page that are marked data-live up to date, in place.
// The page is complete without it.
(() => {
  "use strict";
  const every = 5000, longest = 30000, patience = 5000; // ms
  const own = document.currentScript.text;
  const line = document.getElementById("refresh"), button = document.getElementById("pause");
  let paused = false, failures = 0, problem = "", answered = Date.now(), due = answered + every, asking = false, leaving = false;
  try { paused = sessionStorage.getItem("paused") === "yes"; } catch { /* storage is off */ }

  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.nodeType !== 1 || a.dataset.key === b.dataset.key);

  // Changes only what differs, so that focus and selection stay where they are.
  function morph(old, fresh) {
    if (old.nodeType !== 1) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      let found = at;
      while (found && !alike(found, next)) found = found.nextSibling;
      if (!found) old.insertBefore(document.importNode(next, true), at);
      else {
        if (found === at) at = at.nextSibling;
        else old.insertBefore(found, at);
        morph(found, next);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  function show(page) {
    // Another program answers now, with another page.
    if (page.querySelector("body > script")?.text !== own) return location.reload();
    const focused = document.activeElement, region = focused?.closest("[data-live]"), x = scrollX, y = scrollY;
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(part.id);
      if (fresh) morph(part, fresh);
    }
    if (region && document.activeElement !== focused) (focused.isConnected ? focused : region).focus({ preventScroll: true });
    if (scrollX !== x || scrollY !== y) scrollTo(x, y);
  }

  async function ask() {
    asking = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(patience) });
      const text = await answer.text();
      if (!paused) {
        if (answer.ok) show(new DOMParser().parseFromString(text, "text/html"));
        failures = answer.ok ? 0 : failures + 1;
        problem = answer.ok ? "" : `Status ${answer.status} instead of an answer`;
        if (answer.ok) answered = Date.now();
      }
    } catch {
      failures++;
      problem = "No answer";
    }
    asking = false;
    due = Date.now() + Math.min(longest, every * 2 ** Math.max(0, failures - 1));
    tell();
  }

  function spell(ms) {
    const s = Math.round(ms / 1000);
    return s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  }

  // Says what is true of the page. The seconds are not read out each time.
  function tell() {
    const seen = document.querySelector("#asof time").textContent;
    const words = paused ? ["Paused: what you see is from ", seen, "."]
      : problem ? [`${problem} for `, spell(Date.now() - answered), `; what you see is from ${seen}.`]
      : [`Refreshed every ${every / 1000} s.`, "", ""];
    if (line.childElementCount !== 1 || line.firstChild?.nodeType !== 3) {
      const count = document.createElement("span");
      count.setAttribute("aria-live", "off");
      line.replaceChildren("", count, "");
    }
    [line.firstChild, line.childNodes[1].firstChild ?? line.childNodes[1].appendChild(document.createTextNode("")), line.lastChild]
      .forEach((node, i) => { if (node.data !== words[i]) node.data = words[i]; });
    document.documentElement.classList.toggle("unanswered", problem !== "" && !paused);
    const label = paused ? "Resume" : "Pause";
    if (button.textContent !== label) button.textContent = label;
  }

  function tick() {
    if (document.hidden || leaving) return;
    if (!paused && !asking && Date.now() >= due) ask();
    tell();
  }

  button.addEventListener("click", () => {
    paused = !paused;
    try { sessionStorage.setItem("paused", paused ? "yes" : "no"); } catch { /* storage is off */ }
    if (!paused) due = 0;
    tick();
  });
  document.addEventListener("visibilitychange", tick);
  addEventListener("beforeunload", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });
  button.hidden = false;
  tell();
  setInterval(tick, 1000);
})();
