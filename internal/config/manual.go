package config

import (
	"io"
	"strings"
	"text/template"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// manual is the page of --help-man. Kingpin's own has no summary, which apropos
// needs, and a heading of several lines.
const manual = `.TH BETANET_EXPORTER 1 "{{date}}" "betanet_exporter {{roff version}}" "User Commands"
.nh
.ad l
.SH NAME
betanet_exporter \- Prometheus exporter for Betanet services
.SH SYNOPSIS
.B betanet_exporter
.RI [ command ]
.RI [ options ]
.SH DESCRIPTION
Polls one or many Betanet services over their JSON API and serves what is known of them to Prometheus.
It retries with backoff, stops asking behind a circuit breaker, keeps the last good values, flags them as stale, and takes them away when they are too old.
What a service did not say is absent, not zero.
.PP
Without arguments it collects http://localhost:9000 and serves http://localhost:9200/metrics; / is a page for people.
.SH COMMANDS
{{range .Commands}}{{if not .Hidden -}}
.TP
.B {{roff .FullCommand}}{{range .Args}} [\fI{{roff .Name}}\fB ...]{{end}}
{{roff .Help}}
{{end}}{{end -}}
.SH OPTIONS
Each option has a variable in the environment as well: BETANET_EXPORTER_ and its name in capitals, with underscores for dots and hyphens.
So \fB\-\-collect.interval\fR is BETANET_EXPORTER_COLLECT_INTERVAL.
An option beats its variable, which beats the configuration file, which beats the default.
{{template "flags" .Flags -}}
{{range .Commands}}{{if .Flags -}}
.SS Of {{roff .FullCommand}} alone
{{template "flags" .Flags}}{{end}}{{end -}}
.SH SIGNALS
.TP
.B SIGHUP
Read the configuration file anew. A file with an error changes nothing.
.TP
.BR SIGTERM ", " SIGINT
End within a second, with exit status 0.
.SH EXIT STATUS
0, or 1 after a line on standard error for each error.
.SH FILES
A package has these; the program itself reads only the files that it is told of.
.TP
.I /etc/betanet\-exporter/config.yml
The configuration of the service betanet\-exporter.
.TP
.I /etc/default/betanet\-exporter
Its options and variables.
.TP
.I /usr/share/betanet\-exporter
Dashboards and rules.
.SH EXAMPLES
.TP
.B betanet_exporter demo
Three simulated services, one of them flaky, and the exporter on them.
.TP
.B betanet_exporter collect \-\-output=table http://10.0.0.1:9000
One look from the shell.
.TP
.B betanet_exporter \-\-config.check \-\-config.file=betanet.yml
Every error of a file at once.
.SH SEE ALSO
.BR prometheus (1),
.BR systemd.service (5)
{{define "flags"}}{{range .}}{{if not .Hidden -}}
.TP
{{if .Short}}\fB\-{{printf "%c" .Short}}\fR, {{end}}\fB\-\-{{roff .Name}}\fR{{if not .IsBoolFlag}}=\fI{{roff .FormatPlaceHolder}}\fR{{end}}
{{roff .Help}}
{{end}}{{end}}{{end}}`

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

// roff makes text stand for itself: a backslash begins a request, as does a dot
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
