package config

import (
	"fmt"
	"strings"
)

// Documentation is docs/configuration.md: every option, by the commands that
// know it.
func Documentation() string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Made by "make generate" from internal/config. Do not edit. -->

A flag beats its environment variable, which beats the default. An empty
variable is an unset one. Durations are numbers with a unit, such as ` + "`500ms`, `15s`" + `
or ` + "`5m`" + `. Booleans take no value: ` + "`--web.enable-pprof`, `--no-web.enable-pprof`" + `.
` + "`--config.print`" + ` prints what holds, and where each value comes from.

## serve, demo and collect

`)
	table(&b, func(o *option) bool { return o.onlyOf() == "" })
	b.WriteString("\nThe defaults of `demo` differ: a demo with the usual pauses would take minutes to\nshow what there is to see. `betanet_exporter demo --config.print` shows them.\n")
	for _, c := range []string{SimulateCmd, CollectCmd} {
		fmt.Fprintf(&b, "\n## %s alone\n\n", c)
		table(&b, func(o *option) bool { return o.onlyOf() == c })
	}
	return b.String()
}

func table(b *strings.Builder, wanted func(*option) bool) {
	b.WriteString("| flag | variable | default | meaning |\n|---|---|---|---|\n")
	for i := range options {
		o := &options[i]
		if !wanted(o) {
			continue
		}
		def := o.def
		if o.computed() {
			def = strings.Trim(def, "()")
		} else if def != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(b, "| `--%s` | `%s` | %s | %s |\n", o.name, o.variable(), def, o.help)
	}
}
