package exposition

import (
	"fmt"
	"strings"
)

// Documentation returns the contents of docs/metrics.md, which describes every family.
func Documentation() string {
	var b strings.Builder
	b.WriteString(`# Metrics

<!-- Made by "make generate" from internal/exposition. Do not edit. -->

A value that an upstream does not send has no series; it is not exposed as zero. The
series of an upstream with a name have the label ` + "`upstream`" + `, except on ` + "`/probe`" + `. The
series of a document disappear when its last good values are older than
` + "`--cache.max-stale`" + `. Counters are exposed as the upstream sends them, even after it
restarts.

## Upstreams
`)
	writeTable(&b, func(f *family) bool { return f.upstream != nil })
	b.WriteString(`
## The exporter

These series cover all upstreams together. Series whose label values form a closed set
exist from the start, with the value 0, except the series of endpoints, which appear once
an upstream speaks their API. The series about pushing exist only if ` + "`--otlp.endpoint`" + `
is set.
`)
	writeTable(&b, func(f *family) bool { return f.exporter != nil })
	b.WriteString(`
## All upstreams together

These series exist only if there is more than one upstream. The counters add up
increases only: a restart of an upstream or of the exporter does not show as traffic.
`)
	writeTable(&b, func(f *family) bool { return f.fleet != nil })
	b.WriteString(`
` + "`betanet_exporter_build_info`, `go_*` and `process_*`" + ` come from Prometheus' client
library and are read at most once per second.

## Label values

| label | values |
|---|---|
| endpoint | metrics, nodes, network, mixnodes |
| result of attempts_total | ` + strings.Join(results, ", ") + ` |
| result of push_total | ` + strings.Join(pushResults, ", ") + ` |
| reason of endpoint_failing | the results of an attempt, except success |
| state of circuit_breaker_transitions_total | closed, half_open, open |
| state of fleet_upstreams | down, pending, stale, up |

## Formats

` + "`Accept`" + ` selects text 0.0.4, OpenMetrics 1.0 or protobuf, and ` + "`Accept-Encoding`" + ` selects
gzip or zstd. A client that names nothing supported gets uncompressed text. A format or
encoding excluded with ` + "`q=0`" + ` is never sent, even to a client that accepts ` + "`*/*` or `*`" + `. If
that leaves nothing, or if a client excludes text and accepts no other format, the
response is 406.

The parameter ` + "`name[]`" + `, as in ` + "`/metrics?name[]=betanet_up&name[]=go_goroutines`" + `, selects
families by name, in every format. The names are the same as in the text format.
`)
	return b.String()
}

func writeTable(b *strings.Builder, wanted func(*family) bool) {
	b.WriteString("\n| series | type | labels | meaning |\n|---|---|---|---|\n")
	for i := range families {
		if f := &families[i]; wanted(f) {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.name, f.metricType, f.labels, strings.TrimSuffix(f.help, ".")+".")
		}
	}
}
