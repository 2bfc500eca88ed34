// Command screenshots takes screenshots of the status page and writes them to a directory. The
// pages show the nine situations that the verdict distinguishes, and a test of internal/status
// writes them. With -all it takes every page in light and dark colours and on a phone.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

const (
	patience = 12 * time.Minute
	maxBytes = 200_000 // per picture
)

// A picture is a page with a colour scheme and a size.
type picture struct {
	name, page, scheme string
	width, height      int64
}

var pictures = []picture{
	{"situation-1", "1-stopped", "light", 1160, 620},
	{"situation-2", "2-nothing-answers", "light", 1160, 620},
	{"status-light", "3-many-down", "light", 1160, 860},
	{"status-dark", "3-many-down", "dark", 1160, 860},
	{"status-phone", "3-many-down", "light", 390, 844},
	{"situation-4", "4-one-stale", "light", 1160, 860},
	{"situation-5", "5-discovery-fails", "light", 1160, 620},
	{"situation-6", "6-no-upstream", "light", 1160, 620},
	{"situation-7", "7-no-traffic", "light", 1160, 620},
	{"situation-8", "8-pending", "light", 1160, 620},
	{"situation-9", "9-all-up", "light", 1160, 620},
	{"upstream", "3-many-down.upstream", "light", 1160, 860},
}

func main() {
	all := flag.Bool("all", false, "take every page in light and dark colours and on a phone")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: screenshots [-all] DIRECTORY")
		os.Exit(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := run(ctx, flag.Arg(0), *all); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, all bool) error {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		return fmt.Errorf("install the Debian package chromium: %w", err)
	}
	work, err := os.MkdirTemp("", "screenshots")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	base, stop, err := servePages(ctx, work)
	if err != nil {
		return err
	}
	defer stop()
	if all {
		if pictures, err = everyPicture(work); err != nil {
			return err
		}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.UserDataDir(filepath.Join(work, "profile")), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	allocator, stopChromium := chromedp.NewExecAllocator(ctx, options...)
	defer stopChromium()
	tab, closeTab := chromedp.NewContext(allocator)
	defer closeTab()
	if err := chromedp.Do(tab); err != nil {
		return fmt.Errorf("start Chromium: %w", err)
	}
	for _, p := range pictures {
		if err := p.take(tab, base, dir); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return chromedp.Cancel(tab)
}

// servePages writes the pages of the situations to a directory and serves it until stop is called.
func servePages(ctx context.Context, dir string) (base string, stop func(), err error) {
	test := exec.CommandContext(ctx, "go", "test", "-C", "..", "-count=1", "-run=^TestPagesShowTheVerdict$", "./internal/status")
	test.Env = append(os.Environ(), "BETANET_PAGES="+dir)
	if out, err := test.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("write the pages: %w\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute}
	go server.Serve(l) //nolint:errcheck // it returns only after stop
	return "http://" + l.Addr().String(), func() { server.Close() }, nil
}

// everyPicture returns the pictures that -all takes of the pages in a directory.
func everyPicture(dir string) (all []picture, err error) {
	pages, err := filepath.Glob(filepath.Join(dir, "*.html"))
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".html")
		all = append(all, picture{name + "-light", name, "light", 1280, 900}, picture{name + "-dark", name, "dark", 1280, 900}, picture{name + "-phone", name, "light", 390, 844})
	}
	return all, err
}

// take takes a picture with the browser of ctx and writes it to a directory.
func (p *picture) take(ctx context.Context, base, dir string) error {
	colours := chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: p.scheme}},
		})
		return err
	})
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(p.width, p.height), colours, chromedp.Navigate(base+"/"+p.page+".html")); err != nil {
		return err
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	if len(png) > maxBytes || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		return fmt.Errorf("got %d bytes, want a PNG of at most %d bytes", len(png), maxBytes)
	}
	return os.WriteFile(filepath.Join(dir, p.name+".png"), png, 0o644)
}
