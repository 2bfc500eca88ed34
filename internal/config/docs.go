package config

import (
	"fmt"
	"strings"
)

// Documentation is docs/configuration.md: every option, by the commands that
// know it, and the file.
func Documentation() string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Made by "make generate" from internal/config. Do not edit. -->

A flag beats its environment variable, which beats ` + "`defaults`" + ` of the file, which
beat the default; a setting on an upstream itself stands above all. An empty
variable is an unset one. Durations are numbers with a unit, such as ` + "`500ms`, `15s`" + `
or ` + "`5m`" + `. Booleans take no value: ` + "`--web.enable-pprof`, `--no-web.enable-pprof`" + `.
` + "`--config.print`" + ` prints what holds, and where each value comes from;
` + "`--config.check`" + ` reports everything that would keep the exporter from starting, in the
settings, the web configuration and the files that they name, and broken files of
discovery; it exits with 0 or 1. Warnings do not change the exit code.

## serve, demo and collect

`)
	table(&b, func(o *option) bool { only := o.onlyOf(); return only == "" || only == Serve })
	b.WriteString("\nThe defaults of `demo` differ: a demo with the usual pauses would take minutes to\nshow what there is to see. `betanet_exporter demo --config.print` shows them; those of\na drill are in [drill.md](drill.md).\n")
	for _, c := range []string{Demo, SimulateCmd, CollectCmd} {
		fmt.Fprintf(&b, "\n## %s alone\n\n", c)
		table(&b, func(o *option) bool { return o.onlyOf() == c })
	}
	b.WriteString("\n## The file\n\n`--config.file` names a YAML file:\n\n```yaml\n" + exampleFile + "```\n" + fileText)
	fileTable(&b)
	b.WriteString(namesText)
	b.WriteString(proxyText)
	return b.String()
}

// fileTable prints every key of the file. The settings come from the table of
// options.
func fileTable(b *strings.Builder) {
	b.WriteString("\n| key | meaning |\n|---|---|\n")
	for _, k := range fileKeys {
		fmt.Fprintf(b, "| `%s` | %s |\n", k.path, k.help)
	}
	b.WriteString("\nBelow `defaults`, and at each upstream:\n\n| key | meaning |\n|---|---|\n")
	for i := range options {
		if o := &options[i]; o.upstream {
			fmt.Fprintf(b, "| `%s` | as `--%s` |\n", o.keyPath(), o.name)
		}
	}
	for _, k := range commonKeys {
		fmt.Fprintf(b, "| `%s` | %s |\n", k.path, k.help)
	}
}

type keyHelp struct{ path, help string }

var fileKeys = []keyHelp{
	{"defaults", "What holds for every upstream that does not say otherwise."},
	{"upstreams[].name", "Value of the label `upstream`, once in the configuration. Default: host:port of the first URL."},
	{"upstreams[].url", "Base URL, as `--betanet.url`."},
	{"upstreams[].replicas", "Instead of `url`: the base URLs of one service, of which one at a time is used."},
	{"discovery.files[].paths", "Files in Prometheus' file_sd format, JSON or YAML, read again when they change. The last part may have a `*`."},
	{"discovery.files[].http_client", "Connections to the upstreams found there."},
	{"discovery.http[].url", "Document in Prometheus' http_sd format. May have a query."},
	{"discovery.http[].refresh", "Time between two requests. Default: 30s."},
	{"discovery.http[].source_http_client", "Connection to the document itself."},
	{"discovery.http[].http_client", "Connections to the upstreams found there."},
	{"discovery.dns[].name", "Name to look up."},
	{"discovery.dns[].type", "`A` (addresses, IPv6 too) or `SRV`. Default: `A`."},
	{"discovery.dns[].port", "Port of the upstreams, for type `A` alone. Default: 9000."},
	{"discovery.dns[].refresh", "Time between two look-ups. Default: 30s."},
	{"discovery.dns[].http_client", "Connections to the upstreams found there."},
	{"probe.allow", "What `/probe` may ask beside the configured upstreams: `ADDRESS[:port]`, `CIDR[:port]` or `NAME-GLOB[:port]`, IPv6 with a port in brackets. Without a port, 9000. Default: nothing."},
}

var commonKeys = []keyHelp{
	{"labels", "Labels of all of its series. Those of an upstream are added to those of `defaults`; one with an empty value is none. Taken: `upstream`, `replica`, `mixnode`, `endpoint`, `le`, `quantile`, `reason`, `state`, `__*`, and `instance` and `job`, which Prometheus sets."},
	{"http_client", "Prometheus' [HTTP settings](https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config): `basic_auth`, `authorization`, `oauth2`, `tls_config`, `proxy_url` ([proxies](#proxies)), `http_headers`, which may set `Host`. Those of an upstream take the place of those of `defaults` as a whole; `{}` is none. Redirects and HTTP/2 are off always. Not for discovered upstreams, which have those of their source alone."},
}

const fileText = `
With a file, every upstream has a name, and every series the label ` + "`upstream`" + `. The
URLs of ` + "`--betanet.url`" + ` are upstreams too; its default holds only if neither the file
nor anything else names or discovers one. Names of files in it are relative to it.
Unknown keys, and anything else that is wrong, are errors: all of them are
reported at once, each with its place in the file. Values below ` + "`http_client`" + ` are
never shown. The file is at most 8 MiB and 100 000 upstreams; YAML aliases and ` + "`<<`" + `
work, tags and a second document are refused. The file, and those that it names, may
begin with a byte order mark.

What ` + "`--config.print`" + ` prints is such a file, with secrets replaced, and what only flags
can say as comments.
`

// exampleFile is in the documentation, and is loaded by a test.
const exampleFile = `defaults:
  collect: {interval: 30s}
  labels: {site: eu-1}
upstreams:
  - name: edge-1
    url: http://10.0.0.1:9000
    api: v1
    collect: {interval: 15s, timeout: 10s}
    retry: {attempts: 2}
    labels: {role: edge}
  - name: core
    replicas: [http://10.0.0.2:9000, http://10.0.0.3:9000]
    http_client:
      authorization: {credentials: change-me}   # or credentials_file
discovery:
  files: [{paths: [fleet/*.json]}]
  http: [{url: "http://sd.internal/targets", refresh: 1m}]
  dns: [{name: betanet.svc, type: A, port: 9000}]
probe:
  allow: [10.0.0.0/8, "*.betanet.internal:9000"]
`

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
