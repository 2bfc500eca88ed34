// Command screenshots makes the pictures of the status page in the folder given
// as its last argument, from the program's demo: during an outage, after
// some minutes, so that there is a past to show. The first argument is the program.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// The demo's flaky service breaks down at the end of each minute.
const (
	past     = 6 * time.Minute // to be seen in the sparklines
	patience = 12 * time.Minute
	maxBytes = 200_000 // of a picture
)

// picture is a page as somebody sees it.
type picture struct {
	name, path, scheme string
	width, height      int64
}

var pictures = []picture{
	{"status-light", "/", "light", 1160, 860},
	{"status-dark", "/", "dark", 1160, 860},
	{"status-phone", "/", "light", 360, 900},
	{"upstream", "/upstream/flaky", "light", 1160, 860},
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: screenshots PROGRAM FOLDER")
		os.Exit(1)
	}
	ctx, end := context.WithTimeout(context.Background(), patience)
	defer end()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program, folder string) error {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		return fmt.Errorf("install the Debian package chromium: %w", err)
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	demo := exec.CommandContext(ctx, program, "demo", "--web.listen-address="+address, "--collect.interval=5s", "--log.level=error")
	demo.Cancel = func() error { return demo.Process.Signal(syscall.SIGTERM) }
	demo.WaitDelay = 5 * time.Second
	demo.Stdout, demo.Stderr = os.Stderr, os.Stderr
	if err := demo.Start(); err != nil {
		return err
	}
	defer func() {
		_ = demo.Cancel() // it may have ended
		_ = demo.Wait()
	}()

	profile, err := os.MkdirTemp("", "screenshots")
	if err != nil {
		return err
	}
	defer os.RemoveAll(profile)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	allocator, endAll := chromedp.NewExecAllocator(ctx, options...)
	defer endAll()
	tab, closeTab := chromedp.NewContext(allocator)
	defer closeTab()
	if err := chromedp.Do(tab); err != nil {
		return fmt.Errorf("start Chromium: %w", err)
	}
	base := "http://" + address
	if err := awaitOutage(ctx, base); err != nil {
		return err
	}
	for _, p := range pictures {
		if err := p.take(tab, base, folder); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return chromedp.Cancel(tab)
}

// freeAddress is one that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// awaitOutage waits until a breaker is open, after there is a past.
func awaitOutage(ctx context.Context, base string) error {
	began := time.Now()
	for {
		var s struct {
			Fleet struct {
				NotClosed int `json:"breakers_not_closed"`
				Stale     int
			}
		}
		err := get(base+"/api/v1/status", &s)
		if err == nil && time.Since(began) > past && s.Fleet.Stale > 0 && s.Fleet.NotClosed > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(time.Second):
		}
	}
}

func get(url string, to any) error {
	client := http.Client{Timeout: 5 * time.Second}
	r, err := client.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	return json.NewDecoder(r.Body).Decode(to)
}

func (p *picture) take(ctx context.Context, base, folder string) error {
	colours := chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: p.scheme}},
		})
		return err
	})
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(p.width, p.height), colours, chromedp.Navigate(base+p.path)); err != nil {
		return err
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	if len(png) > maxBytes || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		return fmt.Errorf("%d bytes, want a PNG of at most %d", len(png), maxBytes)
	}
	return os.WriteFile(filepath.Join(folder, p.name+".png"), png, 0o644)
}
