
// Keeps the page up to date: refreshes the parts marked data-live in place, updates
// ages, shows times in local time or UTC, and shows when the exporter does not respond.
// The page works without it.
(() => {
  "use strict";
  const interval = 5000, hiddenInterval = 10000, maxInterval = 30000, timeout = 5000, goneAfter = 10000; // ms
  const ownScript = document.currentScript.text;
  const byId = id => document.getElementById(id);
  const line = byId("refresh"), pauseButton = byId("pause"), clockButton = byId("clock"), filter = byId("filter"), icon = byId("icon");
  const titleSuffix = / – [^–]*$/.exec(document.title)?.[0] ?? "";
  const read = name => { try { return localStorage.getItem(name); } catch { return null; /* storage is off */ } };
  const write = (name, value) => { try { localStorage.setItem(name, value); } catch { /* storage is off */ } };
  let paused = false, utc = read("clock") === "utc", typed = 0;
  try { paused = sessionStorage.getItem("paused") === "yes"; } catch { /* storage is off */ }
  let failures = 0, problem = "", lastAnswer = Date.now(), due = lastAnswer + interval, pending = null, leaving = false, levelIcon = "";

  const matches = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.nodeType !== 1 || a.dataset.key === b.dataset.key);

  // Changes only what differs, so that focus and selection remain.
  function morph(old, fresh) {
    if (old.nodeType !== 1) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      let found = at;
      while (found && !matches(found, next)) found = found.nextSibling;
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
    // The response is from another version of the exporter, with another page.
    if (page.querySelector("body > script")?.text !== ownScript) return location.reload();
    // The new page has a part that this page lacks.
    if ([...page.querySelectorAll("[data-live]")].some(part => !byId(part.id))) return location.reload();
    localize(page);
    const focused = document.activeElement, region = focused?.closest("[data-live]"), x = scrollX, y = scrollY;
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(part.id);
      if (fresh) morph(part, fresh);
      else part.hidden = true;
    }
    icon.href = page.getElementById("icon").getAttribute("href");
    document.title = page.querySelector("h1").textContent + titleSuffix;
    if (region && document.activeElement !== focused) (focused.isConnected ? focused : region).focus({ preventScroll: true });
    if (scrollX !== x || scrollY !== y) scrollTo(x, y);
  }

  async function refresh() {
    const request = pending = {};
    const current = () => pending === request;
    try {
      const response = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(timeout) });
      const text = await response.text();
      if (!current()) return;
      if (!paused) {
        if (response.ok) {
          lastAnswer = Date.now();
          failures = 0;
          problem = "";
          show(new DOMParser().parseFromString(text, "text/html"));
        } else {
          failures++;
          problem = `Status ${response.status}`;
        }
      }
    } catch {
      if (!current()) return;
      failures++;
      problem = "No answer";
    }
    pending = null;
    due = Date.now() + Math.min(maxInterval, interval * 2 ** Math.max(0, failures - 2));
    showState();
  }

  function duration(s) {
    s = Math.max(0, Math.round(s));
    const two = (a, u, b, v) => b ? `${a}\u00a0${u} ${b}\u00a0${v}` : `${a}\u00a0${u}`;
    return s < 60 ? `${s}\u00a0s` : s < 3600 ? two(Math.floor(s / 60), "min", s % 60, "s")
      : s < 172800 ? two(Math.floor(s / 3600), "h", Math.floor(s % 3600 / 60), "min") : two(Math.floor(s / 86400), "d", Math.floor(s % 86400 / 3600), "h");
  }

  const set = (node, text) => { if (node.textContent !== text) node.textContent = text; };

  // Shows times in local time, unless UTC is chosen. The exporter sends them in UTC.
  function localize(root) {
    if (utc) return;
    const pad = n => String(n).padStart(2, "0");
    for (const node of root.querySelectorAll("time[data-form]")) {
      const at = new Date(node.dateTime);
      let text = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
      if (node.dataset.form === "seconds") text += `:${pad(at.getSeconds())}`;
      if (Date.now() - at > 86400000) text = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${text}`;
      set(node, text);
    }
  }

  function updateAges() {
    const since = (Date.now() - lastAnswer) / 1000;
    for (const node of document.querySelectorAll("[data-age]")) set(node, duration(Number(node.dataset.age) + since));
  }

  // Shows whether the page is current. Screen readers do not announce the seconds.
  function showState() {
    const since = Date.now() - lastAnswer, gone = problem !== "" && !paused && since >= goneAfter;
    const asOf = byId("asof").textContent;
    const texts = paused ? ["Paused, showing data from ", asOf, "."]
      : problem ? [`${problem} for `, duration(since / 1000), `, showing data from ${asOf}.`]
      : [`Refreshed every ${interval / 1000} s.`, "", ""];
    if (line.childElementCount !== 1 || line.firstChild?.nodeType !== 3) {
      const count = document.createElement("span");
      count.setAttribute("aria-live", "off");
      line.replaceChildren("", count, "");
    }
    [line.firstChild, line.childNodes[1].firstChild ?? line.childNodes[1].appendChild(document.createTextNode("")), line.lastChild]
      .forEach((node, i) => { if (node.data !== texts[i]) node.data = texts[i]; });
    set(pauseButton, paused ? "Resume" : "Pause");
    set(clockButton, utc ? "Show local time" : "Show UTC");
    document.documentElement.classList.toggle("unanswered", gone);
    set(byId("gone"), gone ? `No answer from the exporter for ${duration(since / 1000)}` : "");
    if (gone) {
      if (icon.getAttribute("href") !== icon.dataset.gone) {
        levelIcon = icon.getAttribute("href");
        icon.href = icon.dataset.gone;
      }
      document.title = byId("gone").textContent + titleSuffix;
    } else if (icon.getAttribute("href") === icon.dataset.gone && levelIcon) {
      icon.href = levelIcon;
      document.title = document.querySelector("h1").textContent + titleSuffix;
    }
  }

  // A hidden tab still refreshes, less often, because its icon is visible.
  function tick() {
    if (leaving) return;
    const wait = document.hidden && !failures ? hiddenInterval - interval : 0;
    if (!paused && !pending && Date.now() >= due + wait) refresh();
    if (!paused) updateAges();
    showState();
  }

  pauseButton.addEventListener("click", () => {
    paused = !paused;
    try { sessionStorage.setItem("paused", paused ? "yes" : "no"); } catch { /* storage is off */ }
    if (!paused) due = 0;
    tick();
  });
  clockButton.addEventListener("click", () => {
    utc = !utc;
    write("clock", utc ? "utc" : "local");
    if (utc) due = 0; // request the times in UTC again
    else localize(document);
    document.title = document.querySelector("h1").textContent + titleSuffix;
    tick();
  });
  // Filters while typing. The form works without the script.
  filter?.addEventListener("input", event => {
    clearTimeout(typed);
    typed = setTimeout(() => {
      const wanted = new URLSearchParams();
      for (const [name, value] of new FormData(filter)) if (value !== "" && !(name === "sort" && value === "problems")) wanted.append(name, value);
      history.replaceState(null, "", wanted.size ? `?${wanted}` : "./");
      refresh();
    }, event.target.id === "q" ? 250 : 0);
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { due = Math.min(due, lastAnswer + interval); tick(); } });
  addEventListener("beforeunload", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });
  pauseButton.hidden = clockButton.hidden = false;
  localize(document);
  document.title = document.querySelector("h1").textContent + titleSuffix;
  showState();
  setInterval(tick, 1000);
})();
