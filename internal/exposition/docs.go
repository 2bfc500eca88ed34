package exposition

import (
	"fmt"
	"strings"
)

// Documentation is docs/metrics.md: every family with what it means.
func Documentation() string {
	var b strings.Builder
	b.WriteString(`# Metrics

<!-- Made by "make generate" from internal/exposition. Do not edit. -->

Data that an upstream does not give are absent, never zero. Series of an
upstream carry the label ` + "`upstream`" + ` where there is more than one; its series of
documents vanish when their last good values are older than ` + "`--cache.max-stale`" + `.
Counters are exposed as the upstream sends them, after its restart too.

## Upstreams

| series | type | labels | meaning |
|---|---|---|---|
`)
	writeRows(&b, func(f *family) bool { return f.upstream != nil })
	b.WriteString(`
## The exporter

These are about all upstreams together. Series whose labels form a closed set
exist with 0 from the start; those of pushing only where ` + "`--otlp.endpoint`" + ` is set.

| series | type | labels | meaning |
|---|---|---|---|
`)
	writeRows(&b, func(f *family) bool { return f.exporter != nil })
	b.WriteString(`
## All upstreams together

Only where there is more than one. Counters grow by increases only: neither a
restart of an upstream nor one of the exporter shows as traffic.

| series | type | labels | meaning |
|---|---|---|---|
`)
	writeRows(&b, func(f *family) bool { return f.fleet != nil })
	b.WriteString(`
` + "`betanet_exporter_build_info`, `go_*` and `process_*`" + ` are those of Prometheus'
client library; they are read at most once a second.

## Values of labels

| label | values |
|---|---|
| endpoint | metrics, nodes, network, mixnodes |
| result of attempts_total | ` + strings.Join(results, ", ") + ` |
| result of push_total | ` + strings.Join(pushResults, ", ") + ` |
| reason of endpoint_failing | the results of an attempt but success |
| state | closed, half_open, open |

## Formats

The metrics are served as text 0.0.4, OpenMetrics 1.0 and protobuf by ` + "`Accept`" + `, and
compressed with gzip or zstd where ` + "`Accept-Encoding`" + ` names them. A client that names
nothing that is served gets text, without compression. What a client excludes with
` + "`q=0`" + ` it never gets, even if it accepts ` + "`*/*` or `*`" + `; if nothing else is left, or if it
excludes text and accepts no other format, the answer is 406.

With parameters ` + "`name[]`" + `, as in ` + "`/metrics?name[]=betanet_up&name[]=go_goroutines`" + `, only the
families of these names are served, in every format. Names are those of the text
format.
`)
	return b.String()
}

func writeRows(b *strings.Builder, wanted func(*family) bool) {
	for i := range families {
		if f := &families[i]; wanted(f) {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.name, f.kind, f.labels, strings.TrimSuffix(f.help, ".")+".")
		}
	}
}
