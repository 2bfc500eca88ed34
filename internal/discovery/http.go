package discovery

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// HTTP is a source that requests a document in Prometheus' http_sd format, which is the JSON
// of file_sd.
type HTTP struct {
	url, publicURL *url.URL
	refresh        time.Duration
	client         *http.Client
	last           document
}

// NewHTTP returns a source that requests the document at u every refresh (30 s if that is not
// positive). The timeout of a request is refresh, but at most 30 s.
//
// The client decides whether to follow redirects; only a final status of 200 is accepted.
// The caller closes the client's connections after Run has returned.
func NewHTTP(u *url.URL, refresh time.Duration, client *http.Client) *HTTP {
	publicURL := *u
	publicURL.User, publicURL.RawQuery, publicURL.ForceQuery, publicURL.Fragment, publicURL.RawFragment = nil, "", false, "", ""
	if refresh <= 0 {
		refresh = 30 * time.Second
	}
	return &HTTP{url: u, publicURL: &publicURL, refresh: refresh, client: client}
}

// String returns "http:" followed by the URL without userinfo, query and fragment.
func (h *HTTP) String() string { return "http:" + h.publicURL.String() }

// Run implements [Source].
func (h *HTTP) Run(ctx context.Context, found func(List)) {
	repeat(ctx, h.refresh, h.read, found)
}

func (h *HTTP) read(ctx context.Context) List {
	limit := min(h.refresh, 30*time.Second)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var list List
	if resp, err := h.get(ctx); err != nil {
		list = h.last.failed(err)
	} else {
		list = h.last.read(resp.Body, readJSON)
		resp.Body.Close()
	}
	if list.Err != nil && ctx.Err() != nil {
		list.Err = fmt.Errorf("no response within %v", limit)
	}
	if list.Err != nil {
		list.Err = fmt.Errorf("GET %s: %w", h.publicURL, list.Err)
	}
	return list
}

// get requests the document. It accepts only status 200 with JSON. The caller closes the
// body.
func (h *HTTP) get(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url.String(), nil)
	if err != nil {
		return nil, causeOf[*url.Error](err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Prometheus-Refresh-Interval-Seconds", strconv.FormatFloat(h.refresh.Seconds(), 'f', -1, 64))
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, causeOf[*url.Error](err)
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
