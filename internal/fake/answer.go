package fake

import (
	"fmt"
	"net/http"
	"strings"
)

// Answer is an HTTP response that may be wrong in any part. Only what is set is sent, apart from a right
// Content-Length, which is added unless a header line says how the body ends.
type Answer struct {
	Proto    string   // "HTTP/1.1" if empty
	Status   string   // "200 OK" if empty
	Header   []string // lines without their end
	Body     string
	NoLength bool // the body ends with the connection
}

// Bytes is the answer as it goes over the wire.
func (a Answer) Bytes() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\r\n", either(a.Proto, "HTTP/1.1"), either(a.Status, "200 OK"))
	framed := a.NoLength
	for _, line := range a.Header {
		name, _, _ := strings.Cut(strings.ToLower(line), ":")
		framed = framed || name == "content-length" || name == "transfer-encoding"
		b.WriteString(line + "\r\n")
	}
	if !framed {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(a.Body))
	}
	b.WriteString("\r\n" + a.Body)
	return []byte(b.String())
}

func either(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// JSONType is the header line of a healthy answer.
const JSONType = "Content-Type: application/json"

// Respond sends b as it is and keeps the connection.
func Respond(b []byte) Behaviour {
	return func(x *Exchange) {
		if x.Write(b) {
			x.Keep()
		}
	}
}

// JSON answers 200 with a JSON document, well or ill formed, in a well-formed response.
func JSON(document string) Behaviour {
	return Respond(Answer{Header: []string{JSONType}, Body: document}.Bytes())
}

// Typed answers 200 with a document and these header lines in place of the usual Content-Type.
func Typed(document string, header ...string) Behaviour {
	return Respond(Answer{Header: header, Body: document}.Bytes())
}

// Chunked answers 200 with a JSON document in chunks of size bytes.
func Chunked(document string, size int) Behaviour {
	return Respond(Answer{Header: []string{JSONType, "Transfer-Encoding: chunked"}, Body: Chunks(document, size) + "0\r\n\r\n"}.Bytes())
}

// Chunks is body in the chunked coding, without the last, empty chunk.
func Chunks(body string, size int) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String()
}

// Status answers with any status code and a valid document as the body, so that only the code can be the reason to
// refuse it. Codes that have no body get none.
func Status(code int, document string, header ...string) Behaviour {
	text := http.StatusText(code)
	if text == "" {
		text = "Whatever"
	}
	a := Answer{Status: fmt.Sprintf("%03d %s", code, text), Header: append([]string{JSONType}, header...), Body: document}
	if code < 200 || code == http.StatusNoContent || code == http.StatusNotModified {
		a.Body, a.NoLength = "", true
	}
	return Respond(a.Bytes())
}

// NotFound is the answer of a real upstream to a path that it does not know.
func NotFound(x *Exchange) { Status(http.StatusNotFound, `{"error":"Not Found"}`)(x) }
