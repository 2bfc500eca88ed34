package blackbox

import (
	"strings"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// Faults of the document in a valid response.

// edited sends the document as changed by edit.
func edited(edit func(string) string) func(string) fake.Behaviour {
	return func(d string) fake.Behaviour { return fake.JSON(edit(d)) }
}

// latency sends a document with another latency.
func latency(other string) func(string) fake.Behaviour {
	return edited(func(d string) string { return strings.Replace(d, "45.0", other, 1) })
}

// fixed sends body instead of the document.
func fixed(body string) func(string) fake.Behaviour { return always(fake.JSON(body)) }

// always returns b for every document.
func always(b fake.Behaviour) func(string) fake.Behaviour {
	return func(string) fake.Behaviour { return b }
}

func syntaxCases() []faultCase {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	utf16 := "\xff\xfe{\x00}\x00"
	return []faultCase{
		{name: "empty body", reason: "json_syntax", fault: fixed("")},
		{name: "only white space", reason: "json_syntax", fault: fixed(" \n")},
		{name: "truncated", reason: "json_syntax", fault: edited(func(d string) string { return d[:len(d)-1] })},
		{name: "truncated in a number", reason: "json_syntax", fault: edited(func(d string) string { return d[:len(d)-2] })},
		{name: "Content-Length too short", reason: "json_syntax", fault: withHeader("Content-Length: 20")},
		{name: "without a length, cut by FIN", reason: "json_syntax", fault: func(d string) fake.Behaviour {
			return fake.CutAfter(fake.Response{Header: []string{fake.JSONType}, Body: d[:len(d)-5], NoLength: true}.Bytes())
		}},
		{name: "trailing garbage", reason: "json_syntax", fault: edited(func(d string) string { return d + "x" })},
		{name: "second document", reason: "json_syntax", fault: edited(func(d string) string { return d + d })},
		{name: "trailing comma", reason: "json_syntax", fault: edited(func(d string) string { return d[:len(d)-1] + ",}" })},
		{name: "comment", reason: "json_syntax", fault: edited(func(d string) string { return "/* */" + d })},
		{name: "single quotes", reason: "json_syntax", fault: edited(func(d string) string { return strings.ReplaceAll(d, `"`, "'") })},
		{name: "keys without quotes", reason: "json_syntax", fault: edited(func(d string) string { return strings.ReplaceAll(d, `"`, "") })},
		{name: "HTML page", reason: "json_syntax", fault: fixed("<html></html>")},
		{name: "NaN", reason: "json_syntax", path: fake.Network, fault: latency("NaN")},
		{name: "Infinity", reason: "json_syntax", path: fake.Network, fault: latency("Infinity")},
		{name: "leading zero", reason: "json_syntax", path: fake.Metrics, fault: fixed(`{"packets_processed":06000,"packets_dropped":10}`)},
		{name: "plus sign", reason: "json_syntax", path: fake.Metrics, fault: fixed(`{"packets_processed":+6000,"packets_dropped":10}`)},
		{name: "hexadecimal", reason: "json_syntax", path: fake.Metrics, fault: fixed(`{"packets_processed":0x10,"packets_dropped":10}`)},
		{name: "bad UTF-8 in a string", reason: "json_syntax", fault: edited(func(d string) string { return "{\"a\":\"\xff\"," + d[1:] })},
		{name: "bad UTF-8 in a key", reason: "json_syntax", fault: edited(func(d string) string { return "{\"\xc3\":1," + d[1:] })},
		{name: "half of a surrogate pair", reason: "json_syntax", fault: edited(func(d string) string { return `{"a":"\ud800",` + d[1:] })},
		{name: "control character in a string", reason: "json_syntax", fault: edited(func(d string) string { return "{\"a\":\"\x01\"," + d[1:] })},
		{name: "unannounced gzip", reason: "json_syntax", fault: edited(zipped)},
		{name: "100000 opening brackets", reason: "json_syntax", fault: fixed(strings.Repeat("[", 100000))},
		{name: "100000 levels of objects", reason: "json_syntax", fault: edited(func(d string) string {
			return strings.Repeat(`{"a":`, 100000) + d + strings.Repeat("}", 100000)
		})},
		{name: "byte order mark", reason: "json_syntax", fault: edited(func(d string) string { return "\ufeff" + d })},
		{name: "UTF-16", reason: "json_syntax", fault: fixed(utf16)},
		{name: "NUL after the document", reason: "json_syntax", fault: edited(func(d string) string { return d + "\x00" })},
		{name: "40 levels deep", reason: "json_syntax", fault: edited(func(d string) string { return `{"a":` + deep(40) + `,` + d[1:] })},
		{name: "100000 levels deep", reason: "json_syntax", fault: edited(func(d string) string { return `{"a":` + deep(100000) + `,` + d[1:] })},
	}
}

// schemaCases returns faults of a document as a whole. TestEveryFieldOfEveryDocumentIsChecked covers faults of single
// fields.
func schemaCases() []faultCase {
	dropped := `,"packets_dropped":6010}`
	return append(swappedCases(), []faultCase{
		{name: "null", reason: "schema", fault: fixed("null")},
		{name: "empty object", reason: "schema", fault: fixed("{}")},
		{name: "array", reason: "schema", fault: fixed("[]")},
		{name: "string", reason: "schema", fault: fixed(`"5000"`)},
		{name: "number", reason: "schema", fault: fixed("5000")},
		{name: "boolean", reason: "schema", fault: fixed("true")},
		{name: "array around the document", reason: "schema", fault: edited(func(d string) string { return "[" + d + "]" })},
		{name: "object around the document", reason: "schema", fault: edited(func(d string) string { return `{"data":` + d + "}" })},
		{name: "null field", reason: "schema", path: fake.Metrics, fault: fixed(`{"packets_processed":null` + dropped)},
		{name: "duplicate key, escaped", reason: "schema", path: fake.Metrics, fault: fixed(`{"packets_processed":6000,"packets_\u0070rocessed":6000` + dropped)},
		{name: "duplicate unknown key", reason: "schema", fault: edited(func(d string) string { return `{"a":1,"a":1,` + d[1:] })},
		{name: "key with a space", reason: "schema", path: fake.Metrics, fault: fixed(`{"packets_processed ":6000` + dropped)},
	}...)
}

// swappedCases returns cases in which a path responds with the document of another path.
func swappedCases() []faultCase {
	documents := map[string]string{fake.Mixnodes: fake.MixnodesDocument}
	for _, path := range v1Paths {
		documents[path] = fake.Document(path, documentBefore)
	}
	var cases []faultCase
	for _, path := range v1Paths {
		for _, other := range []string{fake.Metrics, fake.Nodes, fake.Network, fake.Mixnodes} {
			if other != path {
				cases = append(cases, faultCase{name: "the document of " + other + " at " + path, reason: "schema", path: path, fault: fixed(documents[other])})
			}
		}
	}
	return cases
}

func valueCases() []faultCase {
	var cases []faultCase
	for i, number := range []string{
		"-1", "-0", "1.5", "6000.0", "6e3", "6E+3", "6000e-1", "18446744073709551616", strings.Repeat("9", 100), "1e999", "-1.5e-7",
	} {
		path := v1Paths[i%len(v1Paths)]
		body := map[string]string{
			fake.Metrics: `{"packets_processed":` + number + `,"packets_dropped":6010}`,
			fake.Nodes:   `{"active_nodes":1,"inactive_nodes":1,"total_nodes":` + number + `}`,
			fake.Network: `{"bytes_transmitted":1,"bytes_received":1,"avg_latency_ms":1.5,"peak_throughput":` + number + `}`,
		}[path]
		cases = append(cases, faultCase{name: "integer " + number[:min(20, len(number))], reason: "value", path: path, fault: fixed(body)})
	}
	for _, number := range []string{"-0.1", "-1e-300", "1e999"} {
		cases = append(cases, faultCase{name: "latency " + number, reason: "value", path: fake.Network, fault: latency(number)})
	}
	return cases
}

// negative negates the first number of a document.
func negative(d string) string { return strings.Replace(d, `":`, `":-`, 1) }
