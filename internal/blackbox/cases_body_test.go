package blackbox

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// Faults of the headers that describe the body, and of its size.

func typed(header ...string) func(string) fake.Behaviour {
	return func(document string) fake.Behaviour { return fake.Typed(document, header...) }
}

func zipped(document string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(document))
	w.Close()
	return b.String()
}

// bomb returns 100 MiB of white space in 100 KiB.
var bomb = sync.OnceValue(func() string { return zipped(strings.Repeat(" ", 100*mebibyte)) })

// padded returns a document with trailing white space, size bytes long.
func padded(document string, size int) string {
	return document + strings.Repeat(" ", size-len(document))
}

const mebibyte = 1 << 20

func headerCases() []faultCase {
	var cases []faultCase
	for _, value := range []string{
		"text/html", "text/plain", "application/xml", "application/octet-stream", "application/jsonp", "application/x-json",
		"json", "application/", "/json", ";", "text/plain; charset=utf-8",
	} {
		cases = append(cases, faultCase{name: "Content-Type " + value, reason: "content_type", fault: typed("Content-Type: " + value)})
	}
	for _, charset := range []string{"iso-8859-1", "utf-16", `"windows-1252"`, "us-ascii", "utf-7"} {
		cases = append(cases, faultCase{name: "charset " + charset, reason: "content_type", fault: typed("Content-Type: application/json; charset=" + charset)})
	}
	for _, coding := range []string{"gzip", "deflate", "br", "zstd", "identity, gzip", "x-unknown"} {
		cases = append(cases, faultCase{name: "Content-Encoding " + coding, reason: "encoding", fault: typed(fake.JSONType, "Content-Encoding: "+coding)})
	}
	return append(cases,
		faultCase{name: "a gzip bomb", reason: "encoding", fault: func(string) fake.Behaviour {
			return fake.Typed(bomb(), fake.JSONType, "Content-Encoding: gzip")
		}},
		faultCase{name: "an announced gzip body", reason: "encoding", fault: func(d string) fake.Behaviour {
			return fake.Typed(zipped(d), fake.JSONType, "Content-Encoding: gzip")
		}})
}

func sizeCases() []faultCase {
	noLength := fake.Response{Header: []string{fake.JSONType}, NoLength: true}.Bytes()
	inChunks := fake.Response{Header: []string{fake.JSONType, "Transfer-Encoding: chunked"}}.Bytes()
	spaces := strings.Repeat(" ", 32<<10)
	return []faultCase{
		{name: "a byte over 1 MiB", reason: "too_large", fault: func(d string) fake.Behaviour { return fake.JSON(padded(d, mebibyte+1)) }},
		{name: "a byte over 1 MiB in chunks", reason: "too_large", fault: func(d string) fake.Behaviour {
			return fake.Chunked(padded(d, mebibyte+1), 64<<10)
		}},
		{name: "a byte over 1 MiB without a length", reason: "too_large", fault: func(d string) fake.Behaviour {
			return fake.CutAfter(fake.Response{Header: []string{fake.JSONType}, Body: padded(d, mebibyte+1), NoLength: true}.Bytes())
		}},
		{name: "endless without a length", reason: "too_large", fault: always(fake.Endless(noLength, []byte(spaces)))},
		{name: "endless in chunks", reason: "too_large", fault: always(fake.Endless(inChunks, []byte(fake.Chunks(spaces, len(spaces)))))},
		{name: "endless after the document", reason: "too_large", fault: func(d string) fake.Behaviour {
			return fake.Endless(append(noLength[:len(noLength):len(noLength)], d...), []byte(spaces))
		}},
	}
}

// withManyFields returns a document with 10 000 additional fields.
func withManyFields(document string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range 10_000 {
		fmt.Fprintf(&b, `"field_%d":%d,`, i, i)
	}
	return b.String() + document[1:]
}

// acceptedCases returns valid responses. A client that rejects one of them is too strict.
func acceptedCases() []faultCase {
	var cases []faultCase
	for _, value := range []string{
		"application/json", "text/json", "application/problem+json", "application/vnd.betanet.v1+json", "Application/JSON",
		"application/json; charset=utf-8", `application/json; charset="UTF-8"`, "application/json;charset=UTF8; version=1",
	} {
		cases = append(cases, faultCase{name: "Content-Type " + value, fault: typed("Content-Type: " + value)})
	}
	return append(cases, []faultCase{
		{name: "no Content-Type", fault: typed()},
		{name: "Content-Encoding identity", fault: typed(fake.JSONType, "Content-Encoding: identity")},
		{name: "chunks of one byte", fault: func(d string) fake.Behaviour { return fake.Chunked(d, 1) }},
		{name: "without a length, ended by FIN", fault: func(d string) fake.Behaviour {
			return fake.CutAfter(fake.Response{Header: []string{fake.JSONType}, Body: d, NoLength: true}.Bytes())
		}},
		{name: "HTTP/1.0", fault: func(d string) fake.Behaviour {
			return fake.CutAfter(fake.Response{Proto: "HTTP/1.0", Header: []string{fake.JSONType}, Body: d}.Bytes())
		}},
		{name: "closed without an announcement", fault: func(d string) fake.Behaviour { return fake.ThenClose(fake.JSON(d)) }},
		{name: "closed as announced", fault: func(d string) fake.Behaviour {
			return fake.ThenClose(fake.Typed(d, fake.JSONType, "Connection: close"))
		}},
		{name: "bytes after the length", fault: func(d string) fake.Behaviour { return fake.Respond(append(healthyResponse(d), "garbage"...)) }},
		{name: "informational responses first", fault: func(d string) fake.Behaviour {
			early := "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </status>\r\n\r\n"
			return fake.Respond(append([]byte(early), healthyResponse(d)...))
		}},
		{name: "no reason phrase", fault: func(d string) fake.Behaviour {
			return fake.Respond(fake.Response{Status: "200", Header: []string{fake.JSONType}, Body: d}.Bytes())
		}},
		{name: "unsolicited bytes on the idle connection", fault: func(d string) fake.Behaviour {
			return fake.Split(healthyResponse(d), 50*time.Millisecond, []byte("HTTP/1.1 408 Request Timeout\r\n\r\n"))
		}},
		{name: "ten thousand unknown fields", fault: func(d string) fake.Behaviour { return fake.JSON(withManyFields(d)) }},
		{name: "exactly 1 MiB", fault: func(d string) fake.Behaviour { return fake.JSON(padded(d, mebibyte)) }},
		{name: "60 KiB of headers", fault: typed(fake.JSONType, "Padding: "+strings.Repeat("x", 60<<10))},
		{name: "slow, but within the limit", fault: func(d string) fake.Behaviour { return fake.Late(100*time.Millisecond, fake.JSON(d)) }},
		{name: "white space around the document", fault: func(d string) fake.Behaviour { return fake.JSON("\r\n\t " + d + " \r\n") }},
		{name: "unknown fields", fault: func(d string) fake.Behaviour { return fake.JSON(`{"new":{"a":[1,null,"\u00e9"]},` + d[1:]) }},
		{name: "Retry-After in a successful response", fault: typed(fake.JSONType, "Retry-After: 300")},
		{name: "30 levels deep", fault: func(d string) fake.Behaviour {
			return fake.JSON(`{"new":` + strings.Repeat("[", 29) + strings.Repeat("]", 29) + `,` + d[1:])
		}},
	}...)
}
