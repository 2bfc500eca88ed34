package betanet

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

func TestARedirectIsNeverFollowed(t *testing.T) {
	var followed atomic.Int32
	target, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		followed.Add(1)
		healthy(w, r)
	})
	for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308, 399} {
		base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", target+r.URL.Path)
			w.WriteHeader(status)
		})
		c := open(t, base)
		for _, e := range allEndpoints {
			if f := wantFailure(t, c, e, permanent(ReasonRedirect)); f.Status != status {
				t.Errorf("Status: got %d, want %d", f.Status, status)
			}
		}
	}
	if got := followed.Load(); got != 0 {
		t.Errorf("requests to the target: got %d, want 0", got)
	}
}

func TestAStatusOtherThan200IsAFailure(t *testing.T) {
	for status, want := range map[int]verdict{
		201: permanent(ReasonHTTPStatus), 204: permanent(ReasonHTTPStatus), 206: permanent(ReasonHTTPStatus),
		400: permanent(ReasonHTTP4xx), 401: permanent(ReasonAuth), 404: permanent(ReasonHTTP4xx), 429: retryable(ReasonHTTP429),
		500: retryable(ReasonHTTP5xx), 501: permanent(ReasonHTTP5xx), 600: permanent(ReasonHTTPStatus), 999: permanent(ReasonHTTPStatus),
	} {
		base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			if status != 204 {
				io.WriteString(w, document(Metrics, nil))
			}
		})
		f := wantFailure(t, open(t, base), Metrics, want)
		if f.Status != status || !strings.Contains(f.Error(), strconv.Itoa(status)) {
			t.Errorf("Status, text: got %d, %q, want %d in both", f.Status, f, status)
		}
	}
}

func TestInterimResponsesAreSkipped(t *testing.T) {
	base := listen(t, respondWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"+okResponse(document(Metrics, nil))))
	wantDocument(t, open(t, base), Metrics)
}

// The body of a 101 is the connection, which ignores the context.
func TestSwitchingProtocolsClosesTheConnection(t *testing.T) {
	closed := make(chan string, 1)
	base := listen(t, func(conn net.Conn) {
		readRequest(conn)
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
		closed <- readRequest(conn) // returns when the client closes
	})
	wantFailure(t, open(t, base), Metrics, permanent(ReasonHTTPStatus))
	if got := <-closed; got != "" {
		t.Errorf("sent after the 101: got %q, want nothing", got)
	}
}

func TestTheContentTypeIsJSONInUTF8OrAbsent(t *testing.T) {
	for contentType, accepted := range map[string]bool{
		"":                                  true,
		"application/json":                  true,
		"Application/JSON":                  true,
		"text/json":                         true,
		"application/problem+json":          true,
		"application/vnd.betanet.v1+json":   true,
		"application/json;charset=utf-8":    true,
		`application/json; charset="UTF-8"`: true,
		"application/json; profile=x":       true,
		"text/json; charset=utf-8; a=b":     true,

		"application/json; charset=iso-8859-1": false,
		"application/json; charset=utf-16":     false,
		"application/json; charset=":           false,
		"text/html":                            false,
		"text/plain; charset=utf-8":            false,
		"application/octet-stream":             false,
		"application/jsonp":                    false,
		"application/json-seq":                 false,
		"application/json+xml":                 false,
		"json":                                 false,
		";":                                    false,
		"text/html; x=application/json":        false,
	} {
		header := "X-None: x"
		if contentType != "" {
			header = "Content-Type: " + contentType
		}
		c := open(t, listen(t, respondWith(okResponse(document(Metrics, nil), header))))
		t.Run(contentType, func(t *testing.T) { wantDocumentIf(t, accepted, c, permanent(ReasonContentType)) })
	}
}

func TestTheContentEncodingIsIdentityOrAbsent(t *testing.T) {
	for header, accepted := range map[string]bool{
		"Content-Encoding: identity": true, "Content-Encoding: Identity": true, "X-None: x": true,
		"Content-Encoding: gzip": false, "Content-Encoding: br": false, "Content-Encoding: deflate, gzip": false,
		"Content-Encoding: identity\r\nContent-Encoding: gzip": false,
	} {
		wantDocumentIf(t, accepted, open(t, listen(t, respondWith(okResponse(document(Metrics, nil), header)))), permanent(ReasonEncoding))
	}
}

// padded returns a valid document of size bytes.
func padded(size int) string {
	d := document(Metrics, nil)
	return d + strings.Repeat(" ", size-len(d))
}

func TestABodyHasAtMostOneMebibyte(t *testing.T) {
	for _, announced := range []bool{true, false} {
		for size, accepted := range map[int]bool{1<<20 - 1: true, 1 << 20: true, 1<<20 + 1: false, 4 << 20: false} {
			base, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if announced {
					w.Header().Set("Content-Length", strconv.Itoa(size))
				} else {
					w.(http.Flusher).Flush() // in chunks
				}
				io.WriteString(w, padded(size))
			})
			c := open(t, base)
			wantDocumentIf(t, accepted, c, permanent(ReasonTooLarge))
		}
	}
}

func TestABodyWithATooLargeContentLengthIsNotRead(t *testing.T) {
	c := open(t, listen(t, func(conn net.Conn) {
		readRequest(conn)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n")
		readRequest(conn) // returns when the client closes
	}))
	wantFailure(t, c, Metrics, permanent(ReasonTooLarge))
}

func TestHeadersAreLimited(t *testing.T) {
	for size, accepted := range map[int]bool{32 << 10: true, 65 << 10: false, 1 << 20: false} {
		header := "X-Long: " + strings.Repeat("x", size)
		wantDocumentIf(t, accepted, open(t, listen(t, respondWith(okResponse(document(Metrics, nil), header)))), retryable(ReasonProtocol))
	}
}

func TestOnly429And503HaveRetryAfter(t *testing.T) {
	const date = "Sun, 01 Mar 2026 12:00:00 GMT"
	for _, status := range []int{200, 202, 301, 401, 404, 408, 425, 429, 500, 502, 503, 504} {
		base, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Date", date)
			w.WriteHeader(status) // for 200 the empty body is refused
		})
		_, f := fetch(t, open(t, base), Metrics, false)
		wantAfter, wantDate := "", ""
		if status == 429 || status == 503 {
			wantAfter, wantDate = "7", date
		}
		if f == nil || f.RetryAfter != wantAfter || f.Date != wantDate {
			t.Errorf("status %d: got %+v, want Retry-After %q, Date %q", status, f, wantAfter, wantDate)
		}
	}
}

func TestARefusedDocumentHasTheReasonOfTheDecoder(t *testing.T) {
	for body, want := range map[string]verdict{
		`{"packets_processed":1`:  retryable(ReasonSyntax),
		"":                        retryable(ReasonSyntax),
		`{"packets_processed":1}`: permanent(ReasonSchema),
		`{"packets_processed":-1,"packets_dropped":1}`:   permanent(ReasonValue),
		`{"packets_processed":null,"packets_dropped":1}`: permanent(ReasonSchema),
	} {
		f := wantFailure(t, open(t, listen(t, respondWith(okResponse(body)))), Metrics, want)
		if f.Status != 200 || f.Err == nil {
			t.Errorf("Status, Err: got %d, %v, want 200 and an error", f.Status, f.Err)
		}
	}
}

func TestTheErrorNamesTheEndpoint(t *testing.T) {
	base, _ := serve(t, http.NotFound)
	for _, e := range allEndpoints {
		f := wantFailure(t, open(t, base), e, permanent(ReasonHTTP4xx))
		if want := fmt.Sprintf("fetch %s: HTTP status 404", e); f.Error() != want {
			t.Errorf("text: got %q, want %q", f, want)
		}
	}
}
