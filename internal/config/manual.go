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

// manual is the page of --help-man. Kingpin's own has no summary, which apropos
// needs, and a heading of several lines.
//
//go:embed manual.roff.tmpl
var manual string

// writeManual writes the manual of a command line in the language of man(1).
func writeManual(w io.Writer, app *kingpin.Application) error {
	t, err := template.New("manual").Funcs(template.FuncMap{
		"date": buildDate, "roff": roff, "version": func() string { return version.Version },
	}).Parse(manual)
	if err != nil {
		return err
	}
	return t.Execute(w, app.Model())
}

// buildDate is the day of the build as far as it is known.
func buildDate() string {
	day, _, _ := strings.Cut(version.BuildDate, "-")
	t, err := time.Parse("20060102", day)
	if err != nil {
		return ""
	}
	return t.Format(time.DateOnly)
}

// roff escapes text: a backslash begins a request, as does a dot
// or an apostrophe at the beginning of a line, and a bare hyphen is typeset as
// one that no shell knows.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

// onManual has --help-man write the manual, before kingpin writes its own.
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
