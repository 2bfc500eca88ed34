package test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// startBrowser starts Chromium without background requests, and stops it when the test ends.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(component(t, "chromium", "chromium")), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
	}
	for _, off := range []string{"quic", "background-networking", "component-update", "sync", "dev-shm-usage", "extensions", "default-apps"} {
		options = append(options, chromedp.Flag("disable-"+off, true))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeAll := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		// Wait for the process to exit, because it writes into the test's directory.
		bounded, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := chromedp.Cancel(bounded); err != nil {
			t.Logf("stop Chromium: %v", err)
		}
		closeAll()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// step is an action in a tab.
type step = chromedp.Action[chromedp.Void]

// command returns a command of the DevTools protocol as a step.
func command[P any](c cdp.Command[P, cdp.Empty], params P) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// A tab is an open page, with its errors and warnings.
type tab struct {
	ctx  context.Context
	host string // the only host that it may contact

	mu           sync.Mutex
	requestCount int
	problems     []string
}

// openTab opens a page of the exporter at base in a new tab, after the steps in prepare. The
// tab is closed when the test ends.
func openTab(t *testing.T, browser context.Context, base, path string, prepare ...step) *tab {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	// One time limit for all steps in the tab.
	bounded, cancel := context.WithTimeout(browser, 2*patience)
	ctx, closeTab := chromedp.NewContext(bounded)
	p := &tab{ctx: ctx, host: u.Host}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page contains\n%s", p.text())
		}
		closeTab()
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, problem := range p.problems {
			t.Errorf("%s: %s", path, problem)
		}
	})
	if err := chromedp.Listen(ctx, p.record); err != nil {
		t.Fatal(err)
	}
	p.do(t, command(network.Enable, network.EnableParams{}), command(log.Enable, cdp.Empty{}))
	p.do(t, prepare...)
	p.do(t, chromedp.Navigate(base+path))
	return p
}

// record counts the requests of the page and records its problems.
func (p *tab) record(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requestCount++
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Host != p.host {
			p.problems = append(p.problems, "a request to another host: "+e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		p.problems = append(p.problems, fmt.Sprintf("console.%s was called", e.Type))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.problems = append(p.problems, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	}
}

// requests returns the number of requests so far.
func (p *tab) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requestCount
}

// dropProblems removes the problems that contain a text, and reports whether there were any.
func (p *tab) dropProblems(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.problems)
	p.problems = slices.DeleteFunc(p.problems, func(s string) bool { return strings.Contains(s, text) })
	return len(p.problems) < before
}

func (p *tab) do(t *testing.T, steps ...step) {
	t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval returns the value of an expression in the page.
func eval[T any](t *testing.T, p *tab, expression string, options ...chromedp.EvaluateOption) T {
	t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, options...))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func (p *tab) text() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

// await waits until an expression is true in the page.
func (p *tab) await(t *testing.T, what, expression string) {
	t.Helper()
	wait(t, what, func() error {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`!!(`+expression+`)`))
		if err == nil && !ok {
			err = errors.New("not yet")
		}
		return err
	})
}

// follow clicks a link or button and waits for the next page.
func (p *tab) follow(t *testing.T, selector string) {
	t.Helper()
	eval[bool](t, p, `window.left = true`)
	p.do(t, chromedp.Click(chromedp.CSS(selector)))
	p.await(t, "the page after "+selector, `!window.left && document.readyState === "complete"`)
}

// waitForRefresh advances the page's clock and waits until it has refreshed.
func (p *tab) waitForRefresh(t *testing.T) {
	t.Helper()
	p.advanceClock(t)
	p.await(t, "a refresh", `document.querySelector("#asof").textContent !== window.seen`)
}

// advanceClock advances the page's clock by more than the refresh interval.
func (p *tab) advanceClock(t *testing.T) {
	t.Helper()
	eval[bool](t, p, `{ `+refreshNow+`; window.seen = document.querySelector("#asof").textContent; true }`)
}

// viewport sets the size of the screen in CSS pixels.
func viewport(width, height int64) step { return chromedp.EmulateViewport(width, height) }

// scheme sets the preferred colour scheme: light or dark.
func scheme(name string) step {
	return command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
}
