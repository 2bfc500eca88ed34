package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
)

//go:embed page/*
var pageFiles embed.FS

var (
	style = func() template.CSS {
		b, err := pageFiles.ReadFile("page/style.css")
		if err != nil {
			panic(err) // embedded
		}
		return template.CSS(b)
	}()
	pages = template.Must(template.New("").Funcs(template.FuncMap{
		"ago": ago, "in": in, "lasting": lasting, "number": number, "seconds": seconds, "style": func() template.CSS { return style },
	}).ParseFS(pageFiles, "page/*.html"))
)

// statusPages show what is known of the upstreams to people and programs.
type statusPages struct {
	registry      *exposition.Registry
	version       string
	telemetryPath string
}

func (p *statusPages) now() Status {
	return NewStatus(p.registry.Views(), p.version, time.Now())
}

func (p *statusPages) health(w http.ResponseWriter, _ *http.Request) {
	h := health(p.registry.Views(), time.Now())
	code := http.StatusOK
	if h == healthUnhealthy {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, struct {
		Status string `json:"status"`
	}{h})
}

// ready says whether every endpoint has been tried once, well or badly.
func (p *statusPages) ready(w http.ResponseWriter, _ *http.Request) {
	waiting := 0
	for _, v := range p.registry.Views() {
		if !v.Tried() {
			waiting++
		}
	}
	if waiting > 0 {
		writeText(w, http.StatusServiceUnavailable, fmt.Sprintf("Betanet exporter is not ready: %d upstreams have not been collected yet.\n", waiting))
		return
	}
	writeText(w, http.StatusOK, "Betanet exporter is ready.\n")
}

func (p *statusPages) json(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, p.now())
}

func (p *statusPages) index(w http.ResponseWriter, _ *http.Request) {
	s := p.now()
	counts := make(map[string]int)
	for _, u := range s.Upstreams {
		counts[string(u.State)]++
	}
	render(w, "index.html", struct {
		Status
		Counts        map[string]int
		TelemetryPath string
	}{s, counts, p.telemetryPath})
}

func (p *statusPages) upstream(w http.ResponseWriter, r *http.Request) {
	for _, v := range p.registry.Views() {
		if v.Upstream.Title() == r.PathValue("name") {
			now := time.Now()
			render(w, "upstream.html", struct {
				upstreamStatus
				Version string
				Time    time.Time
			}{newUpstreamStatus(v, now), p.version, now})
			return
		}
	}
	writeText(w, http.StatusNotFound, "There is no upstream of that name.\n")
}

func render(w http.ResponseWriter, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		panic(err) // our own template on our own types; net/http logs it
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = page.WriteTo(w) // a client that has gone needs no page
}

// ago is an age in words.
func ago(s *float64) string {
	if s == nil {
		return "never"
	}
	return spell(*s) + " ago"
}

// lasting is a duration in words.
func lasting(s *float64) string { return spell(*s) }

// in is a wait in words.
func in(s *float64) string {
	switch {
	case s == nil:
		return "on demand"
	case *s < 0.5:
		return "now"
	default:
		return "in " + spell(*s)
	}
}

func spell(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	default:
		return fmt.Sprintf("%.1fh", d.Hours())
	}
}

// number is a count with its digits in groups; a dash for what is not known.
func number(n *uint64) string {
	if n == nil {
		return "–"
	}
	digits := fmt.Sprint(*n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:] // a narrow space that does not break
	}
	return digits
}

func seconds(s *float64) string {
	if s == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f\u202fms", *s*1000)
}
