package status

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
)

var (
	//go:embed page/style.css
	style string
	//go:embed page/refresh.js
	script string
	//go:embed page/*.html
	pageFiles embed.FS

	pages = template.Must(template.New("").Funcs(template.FuncMap{
		"formatWait": formatWait, "wholeSeconds": wholeSeconds, "formatDuration": formatDuration, "uptime": uptime,
		"breaker": breakerText, "reasonText": reasonText, "kindText": kindText, "errorDetail": errorDetail, "plain": plain, "clock": clock, "rfc3339": rfc3339,
		"number": number, "groupedInt": groupedInt, "grouped": grouped, "seconds": seconds, "add": func(a, b int) int { return a + b },
		"style": func() template.CSS { return template.CSS(style) }, "script": func() template.JS { return template.JS(script) },
		"icon": func(l Level) template.URL { return icons[l] },
	}).ParseFS(pageFiles, "page/*.html"))
)

// icons has the browser tab's icon for each level, and "gone" for an exporter that does not
// respond. Each has its own colour and shape. They are embedded in the page, because a
// browser would otherwise request them.
var icons = map[Level]template.URL{
	OK:       icon("%231a7f45", "%3Ccircle cx='8' cy='8' r='7.5'/%3E", "M4.5 8.3l2.4 2.5 4.7-5.3"),
	Warning:  icon("%23b25e00", "%3Cpath d='M8 .6 15.8 15H.2z'/%3E", "M8 5.2v5M8 12.2v1.2"),
	Critical: icon("%23c01622", "%3Crect width='16' height='16' rx='2'/%3E", "M4.5 4.5l7 7M11.5 4.5l-7 7"),
	"gone":   icon("%235a6472", "%3Cpath d='M8 .3 15.7 8 8 15.7.3 8z'/%3E", "M5 8h6"),
}

func icon(colour, shape, sign string) template.URL {
	return template.URL("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cg fill='" + colour + "'%3E" + shape +
		"%3C/g%3E%3Cpath d='" + sign + "' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E")
}

// Policy is the Content-Security-Policy of the pages. It allows only their own style
// sheet and script.
var Policy = "default-src 'none'; style-src " + hashSource(style) + "; script-src " + hashSource(script) +
	"; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// hashSource returns the source expression that allows an inline element with this text.
func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// render executes a template. It panics on an error.
func render(name string, data any) []byte {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		panic(err) // a bug in our own template; net/http logs it
	}
	return page.Bytes()
}
