package discovery

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// HTTP is a source of documents in Prometheus' format http_sd, which is the
// JSON of file_sd, of a web server that is asked again and again.
type HTTP struct {
	url, title *url.URL
	refresh    time.Duration
	client     *http.Client
	last       document
}

// NewHTTP makes the source of the documents at u, asked for every refresh (30 s
// if that is not positive), each within the same time or 30 s.
//
// The client is the caller's, who decides about redirects and closes its
// connections when Run has returned; only a 200 counts, be it after a redirect.
func NewHTTP(u *url.URL, refresh time.Duration, client *http.Client) *HTTP {
	title := *u
	title.User, title.RawQuery, title.ForceQuery, title.Fragment, title.RawFragment = nil, "", false, "", ""
	if refresh <= 0 {
		refresh = 30 * time.Second
	}
	return &HTTP{url: u, title: &title, refresh: refresh, client: client}
}

// String is http: and the URL without userinfo, query and fragment.
func (h *HTTP) String() string { return "http:" + h.title.String() }

// Run is that of [Source].
func (h *HTTP) Run(ctx context.Context, found func(List)) {
	watch(ctx, h.refresh, h.read, found)
}

func (h *HTTP) read(ctx context.Context) List {
	limit := min(h.refresh, 30*time.Second)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	list := h.ask(ctx)
	if list.Err != nil && ctx.Err() != nil {
		list.Err = fmt.Errorf("no answer within %v", limit)
	}
	if list.Err != nil {
		list.Err = fmt.Errorf("GET %s: %w", h.title, list.Err)
	}
	return list
}

func (h *HTTP) ask(ctx context.Context) List {
	resp, err := h.get(ctx)
	if err != nil {
		return h.last.failed(err)
	}
	defer resp.Body.Close()
	return h.last.read(resp.Body, readJSON)
}

// get asks for the document and accepts a 200 with JSON, whose body the caller
// closes.
func (h *HTTP) get(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url.String(), nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Prometheus-Refresh-Interval-Seconds", strconv.FormatFloat(h.refresh.Seconds(), 'f', -1, 64))
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("status %d, want 200", resp.StatusCode)
	}
	ct := resp.Header.Get("Content-Type")
	mt, params, err := mime.ParseMediaType(ct)
	if cs, ok := params["charset"]; err != nil || mt != "application/json" || ok && !strings.EqualFold(cs, "utf-8") {
		resp.Body.Close()
		return nil, fmt.Errorf("content type %.60q, want application/json", ct)
	}
	return resp, nil
}

// withoutURL is the cause alone: the URL is said already, and its query may be
// a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
