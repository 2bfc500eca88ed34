package blackbox

import (
	"fmt"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// Faults of the connection and of HTTP itself. All of them are retried.

// healthyResponse returns a complete, valid response.
func healthyResponse(document string) []byte {
	return fake.Response{Header: []string{fake.JSONType}, Body: document}.Bytes()
}

// upTo returns the beginning of a healthy response.
func upTo(where, document string) []byte {
	whole := healthyResponse(document)
	head := strings.Index(string(whole), "\r\n\r\n") + 4
	switch where {
	case "nothing":
		return nil
	case "status line":
		return whole[:len("HTTP/1.1 200 OK\r\n")]
	case "within a header":
		return whole[:len("HTTP/1.1 200 OK\r\nConte")]
	case "headers":
		return whole[:head]
	case "half of the body":
		return whole[:head+len(document)/2]
	case "all but a byte":
		return whole[:len(whole)-1]
	}
	panic(where)
}

func cut(where string) func(string) fake.Behaviour {
	return func(document string) fake.Behaviour { return fake.CutAfter(upTo(where, document)) }
}

func reset(where string) func(string) fake.Behaviour {
	return func(document string) fake.Behaviour { return fake.ResetAfter(upTo(where, document)) }
}

func hang(where string) func(string) fake.Behaviour {
	return func(document string) fake.Behaviour { return fake.HangAfter(upTo(where, document)) }
}

// raw sends the result of response unchanged, without HTTP around it.
func raw(response func(document string) string) func(string) fake.Behaviour {
	return func(document string) fake.Behaviour { return fake.CutAfter([]byte(response(document))) }
}

// withHeader sends an otherwise healthy response with additional header lines, which may set its length.
func withHeader(lines ...string) func(string) fake.Behaviour {
	return func(document string) fake.Behaviour {
		return fake.CutAfter(fake.Response{Header: append([]string{fake.JSONType}, lines...), Body: document}.Bytes())
	}
}

// chunked sends the result of body unchanged, announced as chunked.
func chunked(body func(document string) string) func(string) fake.Behaviour {
	return func(document string) fake.Behaviour {
		return fake.CutAfter(fake.Response{Header: []string{fake.JSONType, "Transfer-Encoding: chunked"}, Body: body(document)}.Bytes())
	}
}

func connectionCases() []faultCase {
	return []faultCase{
		{name: "FIN before the response", reason: "eof", fault: cut("nothing")},
		{name: "FIN after the status line", reason: "eof", fault: cut("status line")},
		{name: "FIN after the headers", reason: "eof", fault: cut("headers")},
		{name: "FIN in the body", reason: "eof", fault: cut("half of the body")},
		{name: "FIN before the last byte", reason: "eof", fault: cut("all but a byte")},
		{name: "FIN in a chunk", reason: "eof", fault: chunked(func(d string) string { return fmt.Sprintf("%x\r\n%s", len(d)+1, d) })},
		{name: "FIN before the last chunk", reason: "eof", fault: chunked(func(d string) string { return fake.Chunks(d, 16) })},
		{name: "Content-Length too long", reason: "eof", fault: withHeader("Content-Length: 9999")},
		{name: "RST before the response", reason: "reset", fault: reset("nothing")},
		{name: "RST after the status line", reason: "reset|eof", fault: reset("status line")}, // net/http may lose the first error
		{name: "RST after the headers", reason: "reset", fault: reset("headers")},
		{name: "RST in the body", reason: "reset", fault: reset("half of the body")},
	}
}

func protocolCases() []faultCase {
	return []faultCase{
		{name: "not HTTP", reason: "protocol", fault: raw(func(string) string { return "SSH-2.0-OpenSSH_9.9\r\n" })},
		{name: "binary garbage", reason: "protocol", fault: raw(func(string) string { return "\x00\xff\xfe\x01\r\n\r\n" })},
		{name: "only the document", reason: "protocol", fault: raw(func(d string) string { return d + "\r\n\r\n" })},
		{name: "non-numeric status code", reason: "protocol", fault: raw(func(d string) string { return "HTTP/1.1 abc OK\r\n\r\n" + d })},
		{name: "two-digit status code", reason: "protocol", fault: raw(func(d string) string { return "HTTP/1.1 20 OK\r\n\r\n" + d })},
		{name: "FIN within a header", reason: "protocol|eof", fault: cut("within a header")}, // net/http may report a malformed header
		{name: "header without a colon", reason: "protocol", fault: withHeader("no colon")},
		{name: "header without a name", reason: "protocol", fault: withHeader(": value")},
		{name: "non-numeric Content-Length", reason: "protocol", fault: withHeader("Content-Length: many")},
		{name: "negative Content-Length", reason: "protocol", fault: withHeader("Content-Length: -1")},
		{name: "two different Content-Lengths", reason: "protocol", fault: withHeader("Content-Length: 5", "Content-Length: 6")},
		{name: "unknown Transfer-Encoding", reason: "protocol", fault: withHeader("Transfer-Encoding: gzip")},
		{name: "non-numeric chunk size", reason: "protocol", fault: chunked(func(d string) string { return "zz\r\n" + d + "\r\n0\r\n\r\n" })},
		{name: "negative chunk size", reason: "protocol", fault: chunked(func(d string) string { return "-1\r\n" + d + "\r\n0\r\n\r\n" })},
		{name: "chunk longer than its size", reason: "protocol", fault: chunked(func(d string) string { return "5\r\n" + d + "\r\n0\r\n\r\n" })},
		{name: "headers over 64 KiB", reason: "protocol", fault: withHeader("Padding: " + strings.Repeat("x", 65<<10))},
		{name: "a megabyte of headers", reason: "protocol", fault: withHeader(strings.Split(strings.Repeat("Padding: x\n", mebibyte/10), "\n")[:mebibyte/10]...)},
		{name: "HTTP/0.9", reason: "protocol", fault: raw(func(d string) string { return d })},
		{name: "unsolicited HTTP/2", reason: "protocol", fault: raw(func(string) string { return "\x00\x00\x00\x04\x00\x00\x00\x00\x00" })},
		{name: "header folded 100000 times", reason: "protocol", fault: withHeader("Padding: x" + strings.Repeat("\r\n x", 100_000))},
		{name: "endless headers", reason: "protocol", fault: always(fake.Endless([]byte("HTTP/1.1 200 OK\r\n"), []byte(strings.Repeat("A: b\r\n", 100))))},
		{name: "flood of 1xx", reason: "protocol", fault: always(fake.Endless(nil, []byte(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100))))},
	}
}

func timeoutCases() []faultCase {
	const slow = 50 * time.Millisecond // per byte; no response arrives in time at this speed
	return []faultCase{
		{name: "no response", reason: "timeout", fault: hang("nothing")},
		{name: "headers that never end", reason: "timeout", fault: hang("status line")},
		{name: "no body", reason: "timeout", fault: hang("headers")},
		{name: "no last byte", reason: "timeout", fault: hang("all but a byte")},
		{name: "no last chunk", reason: "timeout", fault: func(d string) fake.Behaviour {
			return fake.HangAfter(fake.Response{Header: []string{fake.JSONType, "Transfer-Encoding: chunked"}, Body: fake.Chunks(d, 16)}.Bytes())
		}},
		{name: "no FIN without a length", reason: "timeout", fault: func(d string) fake.Behaviour {
			return fake.HangAfter(fake.Response{Header: []string{fake.JSONType}, Body: d, NoLength: true}.Bytes())
		}},
		{name: "dripping", reason: "timeout", fault: func(d string) fake.Behaviour { return fake.Drip(healthyResponse(d), slow) }},
		{name: "dripping in chunks", reason: "timeout", fault: func(d string) fake.Behaviour {
			return fake.Drip(fake.Response{Header: []string{fake.JSONType, "Transfer-Encoding: chunked"}, Body: fake.Chunks(d, 1)}.Bytes(), slow)
		}},
		{name: "slow flood of 1xx", reason: "timeout", fault: always(fake.Drip([]byte(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 10)), slow))},
		{name: "headers at once, body too late", reason: "timeout", fault: func(d string) fake.Behaviour {
			return fake.Split(upTo("headers", d), 5*time.Second, []byte(d))
		}},
		{name: "correct response, too late", reason: "timeout", fault: func(d string) fake.Behaviour {
			return fake.Late(5*time.Second, fake.JSON(d))
		}},
	}
}
