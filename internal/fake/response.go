package fake

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
)

// Response is an HTTP response that may be wrong in any part. It is sent as given, with a correct Content-Length added
// unless a header line already frames the body.
type Response struct {
	Proto    string   // "HTTP/1.1" if empty
	Status   string   // "200 OK" if empty
	Header   []string // lines without CRLF
	Body     string
	NoLength bool // add no Content-Length: the body ends with the connection
}

// Bytes returns the response as it is sent.
func (r Response) Bytes() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\r\n", cmp.Or(r.Proto, "HTTP/1.1"), cmp.Or(r.Status, "200 OK"))
	framed := r.NoLength
	for _, line := range r.Header {
		name, _, _ := strings.Cut(strings.ToLower(line), ":")
		framed = framed || name == "content-length" || name == "transfer-encoding"
		b.WriteString(line + "\r\n")
	}
	if !framed {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body))
	}
	b.WriteString("\r\n" + r.Body)
	return []byte(b.String())
}

// JSONType is the Content-Type header line of a healthy response.
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

// Typed responds 200 with a document and the given header lines instead of the usual Content-Type.
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

// Status responds with a status code and a document, which is left out if the code does not allow a body. Pass a valid
// document if only the code is to be the reason to reject the response.
func Status(code int, document string, header ...string) Behaviour {
	r := Response{
		Status: fmt.Sprintf("%03d %s", code, cmp.Or(http.StatusText(code), "Whatever")),
		Header: append([]string{JSONType}, header...), Body: document,
	}
	if code < 200 || code == http.StatusNoContent || code == http.StatusNotModified {
		r.Body, r.NoLength = "", true
	}
	return Respond(r.Bytes())
}

// NotFound responds as a real upstream does to an unknown path.
func NotFound(x *Exchange) { Status(http.StatusNotFound, `{"error":"Not Found"}`)(x) }
