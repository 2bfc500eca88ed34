package betanet

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// piped returns a client whose connections respond with raw bytes and close.
func piped(raw []byte) *Client {
	o := options()
	o.Dial = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			theirs.SetDeadline(time.Now().Add(testTimeout))
			readRequest(theirs)
			theirs.Write(raw)
		}()
		return ours, nil
	}
	c, err := NewClient(&url.URL{Scheme: "http", Host: "u:9000"}, nil, o)
	if err != nil {
		panic(err)
	}
	return c
}

// wantWellFormed checks the rules that apply to every failure.
func wantWellFormed(t *testing.T, f *Failure) {
	t.Helper()
	wantConsistent(t, verdict{f.Reason, f.Retry, f.Ignored})
	// Everything from an upstream is quoted.
	if i := strings.IndexFunc(f.Error(), func(r rune) bool { return !strconv.IsPrint(r) || r == '\uFFFD' }); i >= 0 {
		t.Fatalf("text: got %q, want only printable characters", f)
	}
	if f.RetryAfter != "" && f.Status != 429 && f.Status != 503 {
		t.Fatalf("Retry-After of status %d: got %q, want none", f.Status, f.RetryAfter)
	}
}

// finalResponse parses the response after interim ones.
func finalResponse(raw []byte) (*http.Response, []byte, error) {
	r := bufio.NewReader(bytes.NewReader(raw))
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodGet})
		if err != nil {
			return nil, nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == 101 || resp.StatusCode < 100 {
			body, err := io.ReadAll(resp.Body)
			return resp, body, err
		}
	}
}

// FuzzResponse checks that any response has one result, that failures are well-formed,
// and that only a 200 with valid JSON is a document.
func FuzzResponse(f *testing.F) {
	for _, e := range allEndpoints {
		f.Add(uint8(e), []byte(okResponse(document(e, nil))))
		f.Add(uint8(e), []byte(okResponse(complexDocument(e), "Content-Type: application/json; charset=utf-8")))
	}
	m := document(Metrics, nil)
	chunked := fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(m), m)
	for _, raw := range []string{
		"", "\n", "x", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n" + m,
		chunked, chunked[:len(chunked)-5], strings.Replace(chunked, "chunked\r\n\r\n", "chunked\r\n\r\nzz;", 1),
		"HTTP/1.1 100 Continue\r\n\r\n" + okResponse(m), "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + m,
		"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 301 Moved\r\nLocation: /metrics\r\n\r\n", "HTTP/1.1 401 No\r\n\r\n", "HTTP/1.1 429 \r\nRetry-After: 9\r\nDate: x\r\n\r\n",
		"HTTP/1.1 503 \r\nRetry-After: \x01\r\n\r\n", "HTTP/1.1 999 \r\n\r\n", "HTTP/1.1 000 \r\n\r\n", "HTTP/1.1 -1 \r\n\r\n", "HTTP/3.0 200 OK\r\n\r\n" + m,
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + m, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + m,
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" + m, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\x7f\r\n\r\n" + m, "HTTP/1.1 200 OK\r\nContent-Type: text/\"\xff\r\n\r\n" + m,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=\x80\r\n\r\n" + m, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n" + m,
		okResponse(with(Metrics, "packets_dropped", "-1e99")), okResponse(`{"\u0000\u2028":1,"\u0000\u2028":2}`), okResponse("{\"\x80"), okResponse("\xef\xbb\xbf" + m),
		okResponse(with(Mixnodes, "id", `"\u0001\ud83d\ude00"`)), "\x15\x03\x01\x00\x02\x02\x46", "SSH-2.0-OpenSSH_9\r\n", "\x00\xff\x1b[31m",
		strings.Replace(okResponse(m), "200 OK", "206 Partial Content", 1), strings.Replace(okResponse(m), "200 OK", "404 Not Found", 1),
		"HTTP/1.1 500 \r\nRetry-After: 9\r\n\r\n", okResponse(m + "x"), okResponse("[" + node(`\u0001\u2028`) + "," + node(`\u0001\u2028`) + "]"),
	} {
		f.Add(uint8(Metrics), []byte(raw))
		f.Add(uint8(Mixnodes), []byte(raw))
	}
	log.SetOutput(io.Discard) // net/http logs trailing bytes
	f.Cleanup(func() { log.SetOutput(os.Stderr) })
	f.Fuzz(func(t *testing.T, endpoint uint8, raw []byte) {
		e := Endpoint(endpoint % uint8(NumEndpoints))
		c := piped(raw)
		defer c.Close()
		doc, failure := fetch(t, c, e, false)
		resp, body, err := finalResponse(raw)
		if failure != nil {
			wantWellFormed(t, failure)
			if failure.Ignored {
				t.Fatalf("got %s, want a failure of the upstream", failure.Reason)
			}
			if failure.Status != 0 && resp != nil && failure.Status != resp.StatusCode {
				t.Fatalf("status: got %d, want %d", failure.Status, resp.StatusCode)
			}
			return
		}
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("got %v from %q, want no document: %v", doc, raw, err)
		}
		if !json.Valid(body) || doc.Endpoint != e {
			t.Fatalf("got %v from the body %q, want no document of %v", doc, body, e)
		}
		if want, err := Decode(e, body); err != nil || !cmp.Equal(want, doc, cmp.AllowUnexported(Values{})) {
			t.Fatalf("got %v, want %v, %v", doc, want, err)
		}
	})
}

// causes returns errors of all lower layers. Some contain text from the upstream.
func causes(text string, n int) []error {
	errno := syscall.Errno(n)
	return []error{
		nil, errors.New(text), errno, io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded, os.ErrDeadlineExceeded, net.ErrClosed, http.ErrSchemeMismatch,
		&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)},
		&net.OpError{Op: "read", Net: "tcp", Err: errno}, &net.OpError{Op: text, Err: errors.New(text)},
		&net.OpError{Op: "dial", Err: &net.DNSError{Err: text, Name: text, IsTimeout: n%2 == 0}},
		&net.AddrError{Err: text, Addr: text}, &fs.PathError{Op: "open", Path: text, Err: errno}, fmt.Errorf("oauth2: %q", text),
		tls.AlertError(n),
		tls.RecordHeaderError{Msg: text},
		&tls.CertificateVerificationError{Err: errors.New(text)},
		x509.UnknownAuthorityError{},
		x509.CertificateInvalidError{Reason: x509.Expired},
		fmt.Errorf("tls: %s", text),
		fmt.Errorf("malformed HTTP response %q", text),
		refusal{ReasonTooLarge, text},
		refusal{ReasonEncoding, text},
		refusal{ReasonContentType, text},
		refusal{ReasonSyntax, text},
		refusal{ReasonSchema, text},
		refusal{ReasonValue, text},
	}
}

// FuzzClassify checks that the verdict is consistent, and that it depends neither on
// wrapping nor on text from the upstream.
func FuzzClassify(f *testing.F) {
	for i := range causes("", 0) {
		f.Add(uint8(i), "x", int16(syscall.ECONNREFUSED), int16(0), uint8(0), uint8(1))
		f.Add(uint8(i), "tls: oauth2: too many open files", int16(syscall.EMFILE), int16(200), uint8(0), uint8(3))
	}
	for _, status := range []int16{-1, 0, 101, 204, 302, 404, 429, 503, 600, 999} {
		f.Add(uint8(0), "", int16(0), status, uint8(0), uint8(0))
	}
	f.Add(uint8(1), "\x00\xff", int16(0), int16(500), uint8(1), uint8(2))
	f.Add(uint8(2), "", int16(syscall.ENOMEM), int16(0), uint8(2), uint8(0))
	f.Fuzz(func(t *testing.T, which uint8, text string, n, status int16, end, depth uint8) {
		all := causes(text, int(n))
		err := all[int(which)%len(all)]
		bare := err
		for i := range depth % 5 {
			switch {
			case err == nil:
			case i < 2: // like http.Client, whose errors report timeouts of only the next error
				err = &url.Error{Op: "Get", URL: "http://u", Err: err}
			default:
				err = fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", err)
			}
		}
		ctx := []error{nil, context.Canceled, context.DeadlineExceeded}[end%3]
		o := observation{ctx: ctx, err: err, status: int(status)}
		got := classify(o)
		wantConsistent(t, got)
		if want := ctx == context.Canceled; want != (got.reason == ReasonCanceled) {
			t.Fatalf("got %s, want canceled: %v", got.reason, want)
		}
		if got != classify(observation{ctx: ctx, err: bare, status: int(status)}) {
			t.Fatalf("wrapped %d times: got %+v, want the verdict of %v", depth%5, got, bare)
		}
		var r refusal
		switch {
		case ctx != nil:
		case err == nil:
			if want := byStatus(int(status)); got != want {
				t.Fatalf("status %d: got %+v, want %+v", status, got, want)
			}
		case errors.As(err, &r):
			if got.reason != r.reason || got.retry != (r.reason == ReasonSyntax) {
				t.Fatalf("got %+v, want %s", got, r.reason)
			}
		}
	})
}
