package config

import (
	_ "embed"
	"io"
	"strings"
	"text/template"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// manualTemplate is the man page that --help-man prints. Kingpin's own template has no
// NAME section, which apropos needs, and breaks the heading into several lines.
//
//go:embed manual.roff.tmpl
var manualTemplate string

// writeManual writes the man page of a command line.
func writeManual(w io.Writer, app *kingpin.Application) error {
	t, err := template.New("manual").Funcs(template.FuncMap{
		"date": buildDate, "roff": roff, "version": func() string { return version.Version },
	}).Parse(manualTemplate)
	if err != nil {
		return err
	}
	return t.Execute(w, app.Model())
}

// buildDate returns the day of the build, or "" if it is unknown.
func buildDate() string {
	day, _, _ := strings.Cut(version.BuildDate, "-")
	t, err := time.Parse("20060102", day)
	if err != nil {
		return ""
	}
	return t.Format(time.DateOnly)
}

// roff escapes text for roff: backslashes, hyphens, which would be typeset as Unicode
// hyphens, and a leading dot or apostrophe, which would begin a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// onManual makes --help-man call writeManual instead of writing kingpin's man page.
func (cl *commandLine) onManual(out io.Writer) {
	cl.app.PreAction(func(c *kingpin.ParseContext) error {
		for _, e := range c.Elements {
			if f, ok := e.Clause.(*kingpin.FlagClause); ok && f.Model().Name == "help-man" {
				cl.done = true
				if err := writeManual(out, cl.app); err != nil {
					return err
				}
				return ErrDone
			}
		}
		return nil
	})
}
