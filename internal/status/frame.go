package status

import (
	"net/url"
	"strings"
	"time"
)

// frame is the data that all pages have in common.
type frame struct {
	Root    string  // relative path to the exporter's root, "" for the root itself
	Banner  Verdict // verdict about what the page shows
	Now     time.Time
	Metrics string // link
	AsJSON  string // link to the same data as JSON
}

func (m *Model) newFrame(root string, v Verdict, now time.Time) frame {
	return frame{Root: root, Banner: v, Now: now, Metrics: root + strings.TrimPrefix(m.TelemetryPath, "/")}
}

// Home returns the link to the exporter's root. An empty link would lead to the page
// itself.
func (f *frame) Home() string { return f.Root + "./" }

// upstreamLink returns the link to the page of an upstream.
func (f *frame) upstreamLink(name string) string { return f.Root + upstreamPath(name) }

// upstreamPath returns the path of the page of an upstream, relative to the exporter's
// root.
func upstreamPath(name string) string { return "upstream/" + url.PathEscape(name) }
