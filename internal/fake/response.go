package fake

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
)

// Response is an HTTP response that may be wrong in any part. It has only the fields that are set, and a correct
// Content-Length unless a header line already frames the body.
type Response struct {
	Proto    string   // "HTTP/1.1" if empty
	Status   string   // "200 OK" if empty
	Header   []string // lines without CRLF
	Body     string
	NoLength bool // the end of the connection ends the body
}

// Bytes returns the response as it is sent.
func (a Response) Bytes() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\r\n", cmp.Or(a.Proto, "HTTP/1.1"), cmp.Or(a.Status, "200 OK"))
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

// JSONType is the header line of a healthy response.
const JSONType = "Content-Type: application/json"

// Respond sends b and keeps the connection open.
func Respond(b []byte) Behaviour {
	return func(x *Exchange) {
		if x.Write(b) {
			x.Keep()
		}
	}
}

// JSON responds 200 with a document, which need not be valid JSON.
func JSON(document string) Behaviour { return Typed(document, JSONType) }

// Typed responds 200 with a document and these header lines in place of the usual Content-Type.
func Typed(document string, header ...string) Behaviour {
	return Respond(Response{Header: header, Body: document}.Bytes())
}

// Chunked responds 200 with a JSON document in chunks of size bytes.
func Chunked(document string, size int) Behaviour {
	return Typed(Chunks(document, size)+"0\r\n\r\n", JSONType, "Transfer-Encoding: chunked")
}

// Chunks returns body in the chunked coding, without the last, empty chunk.
func Chunks(body string, size int) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String()
}

// Status responds with any status code and a valid document, so that only the code can be the reason to refuse it. A status
// that must not have a body gets none.
func Status(code int, document string, header ...string) Behaviour {
	a := Response{
		Status: fmt.Sprintf("%03d %s", code, cmp.Or(http.StatusText(code), "Whatever")),
		Header: append([]string{JSONType}, header...), Body: document,
	}
	if code < 200 || code == http.StatusNoContent || code == http.StatusNotModified {
		a.Body, a.NoLength = "", true
	}
	return Respond(a.Bytes())
}

// NotFound responds as a real upstream does to an unknown path.
func NotFound(x *Exchange) { Status(http.StatusNotFound, `{"error":"Not Found"}`)(x) }
