package status

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
)

//go:embed page/*
var pageFiles embed.FS

var (
	style  = template.CSS(asset("page/style.css"))
	script = template.JS(asset("page/refresh.js"))
	pages  = template.Must(template.New("").Funcs(template.FuncMap{
		"formatAge": formatAge, "formatWait": formatWait, "breaker": breakerWords, "reasonText": reasonText, "kindText": kindText, "errorDetail": errorDetail, "plain": plain, "path": upstreamPath, "clock": clock,
		"number": number, "group": func(n int) string { return grouped(uint64(n)) }, "bytes": bytesOf, "seconds": seconds, "formatDuration": formatDuration, "uptime": uptime, "add": func(a, b int) int { return a + b },
		"style": func() template.CSS { return style }, "script": func() template.JS { return script }, "icon": func() template.URL { return icon },
	}).ParseFS(pageFiles, "page/*.html"))
)

// icon is the page's, in the page, because a browser asks for one otherwise.
const icon = template.URL("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
	"%3Ccircle cx='8' cy='8' r='7' fill='%230b57a8'/%3E%3Cpath d='M3 9h2l2-5 2 8 2-3h2' fill='none' stroke='%23fff' stroke-width='1.4'/%3E%3C/svg%3E")

func asset(name string) string {
	b, err := pageFiles.ReadFile(name)
	if err != nil {
		panic(err) // embedded
	}
	return string(b)
}

// Policy is the Content-Security-Policy of the pages: a page may use its own style
// and script and nothing else.
var Policy = "default-src 'none'; style-src " + hashed(string(style)) + "; script-src " + hashed(string(script)) +
	"; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// hashed names an element of a page by what is in it.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func render(name string, data any) []byte {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		panic(err) // our own template on our own types; net/http logs it
	}
	return page.Bytes()
}
