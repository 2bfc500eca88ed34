package betanet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/betanet/betanet_exporter/internal/proxy"
)

// The three kinds of verdicts.
func retryable(r Reason) verdict { return verdict{reason: r, retry: true} }
func permanent(r Reason) verdict { return verdict{reason: r} }
func ignored(r Reason) verdict   { return verdict{reason: r, ignored: true} }

// reasons lists the closed set of reasons, independently of the code.
var reasons = strings.Fields(`auth canceled connect content_type dns encoding eof http_429 http_4xx http_5xx http_status
	json_syntax local protocol proxy redirect reset schema timeout tls too_large value`)

// wantConsistent checks the rules that apply to every verdict.
func wantConsistent(t *testing.T, v verdict) {
	t.Helper()
	if !slices.Contains(reasons, string(v.reason)) {
		t.Fatalf("reason: got %q, want one of %q", v.reason, reasons)
	}
	if own := v.reason == ReasonCanceled || v.reason == ReasonLocal; v.ignored != own || v.ignored && v.retry {
		t.Fatalf("%s: got ignored %v, retry %v", v.reason, v.ignored, v.retry)
	}
}

// opError returns an error of package net.
func opError(op string, errno syscall.Errno) error {
	call := op
	if op == "dial" {
		call = "connect"
	}
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(call, errno)}
}

// socketError returns the error of a dial that could not create a socket.
func socketError(errno syscall.Errno) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", errno)}
}

func TestClassificationFollowsTheTable(t *testing.T) {
	failed := func(err error) observation { return observation{err: err} }
	responded := func(err error) observation { return observation{err: err, status: 200} }
	for _, c := range []struct {
		name string
		o    observation
		want verdict
	}{
		{"refused", failed(opError("dial", syscall.ECONNREFUSED)), retryable(ReasonConnect)},
		{"host unreachable", failed(opError("dial", syscall.EHOSTUNREACH)), retryable(ReasonConnect)},
		{"network unreachable", failed(opError("dial", syscall.ENETUNREACH)), retryable(ReasonConnect)},
		{"not permitted", failed(opError("dial", syscall.EPERM)), retryable(ReasonConnect)},
		{"access denied", failed(opError("dial", syscall.EACCES)), retryable(ReasonConnect)},
		{"no address to dial from", failed(opError("dial", syscall.EADDRNOTAVAIL)), retryable(ReasonConnect)},
		{"bad address", failed(&net.OpError{Op: "dial", Net: "tcp", Err: &net.AddrError{Err: "missing port in address"}}), retryable(ReasonConnect)},
		{"reset while reading", responded(opError("read", syscall.ECONNRESET)), retryable(ReasonReset)},
		{"reset while writing", failed(opError("write", syscall.ECONNRESET)), retryable(ReasonReset)},
		{"reset while dialing", failed(opError("dial", syscall.ECONNRESET)), retryable(ReasonReset)},
		{"broken pipe", failed(opError("write", syscall.EPIPE)), retryable(ReasonReset)},
		{"aborted", failed(opError("read", syscall.ECONNABORTED)), retryable(ReasonReset)},
		{"EOF before the response", failed(io.EOF), retryable(ReasonEOF)},
		{"EOF in the headers or the body", responded(io.ErrUnexpectedEOF), retryable(ReasonEOF)},
		{"EOF, wrapped", failed(fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", io.EOF)), retryable(ReasonEOF)},

		{"malformed response", failed(fmt.Errorf(`malformed HTTP response "SSH-2.0-OpenSSH_9.9"`)), retryable(ReasonProtocol)},
		{"bad chunk", responded(errors.New("invalid byte in chunk length")), retryable(ReasonProtocol)},
		{"headers too large", failed(errors.New("net/http: server response headers exceeded 65536 bytes; aborted")), retryable(ReasonProtocol)},

		{"no such host", failed(dnsError(net.DNSError{Err: "no such host", IsNotFound: true})), retryable(ReasonDNS)},
		{"no response from the name server", failed(dnsError(net.DNSError{Err: "i/o timeout", IsTimeout: true})), retryable(ReasonDNS)},
		{"failure of the name server", failed(dnsError(net.DNSError{Err: "server misbehaving", IsTemporary: true})), retryable(ReasonDNS)},

		{"attempt timeout, dial", observation{ctx: context.DeadlineExceeded, err: &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}}, retryable(ReasonTimeout)},
		{"attempt timeout, TLS", observation{ctx: context.DeadlineExceeded, err: errors.New("tls: use of closed connection")}, retryable(ReasonTimeout)},
		{"attempt timeout, DNS", observation{ctx: context.DeadlineExceeded, err: dnsError(net.DNSError{IsTimeout: true})}, retryable(ReasonTimeout)},
		{"attempt timeout, headers", observation{ctx: context.DeadlineExceeded, err: context.DeadlineExceeded}, retryable(ReasonTimeout)},
		{"attempt timeout, body", observation{ctx: context.DeadlineExceeded, err: io.ErrUnexpectedEOF, status: 200}, retryable(ReasonTimeout)},
		{"attempt timeout, parse", observation{ctx: context.DeadlineExceeded, err: refusal{ReasonSchema, ""}, status: 200}, retryable(ReasonTimeout)},
		{"attempt timeout, complete response", observation{ctx: context.DeadlineExceeded, status: 200}, retryable(ReasonTimeout)},
		{"attempt timeout, other status", observation{ctx: context.DeadlineExceeded, status: 404}, retryable(ReasonTimeout)},
		{"the kernel's timeout", failed(opError("dial", syscall.ETIMEDOUT)), retryable(ReasonTimeout)},
		{"the dialer's timeout", failed(&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}), retryable(ReasonTimeout)},

		{"alert", failed(&net.OpError{Op: "remote error", Err: tls.AlertError(40)}), permanent(ReasonTLS)},
		{"https to an HTTP server", failed(http.ErrSchemeMismatch), permanent(ReasonTLS)},
		{"no TLS record", failed(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), permanent(ReasonTLS)},
		{"unknown authority", failed(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), permanent(ReasonTLS)},
		{"wrong host name", failed(&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: new(x509.Certificate)}}), permanent(ReasonTLS)},
		{"expired", failed(&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}), permanent(ReasonTLS)},
		{"unknown authority without a handshake", failed(x509.UnknownAuthorityError{}), permanent(ReasonTLS)},
		{"no common version", failed(errors.New("tls: server selected unsupported protocol version 300")), permanent(ReasonTLS)},
		{"http to a TLS port", failed(fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", fmt.Errorf("malformed HTTP response %q", "\x15\x03\x01\x00\x02\x02\x46"))), permanent(ReasonTLS)},

		{"proxy rejects CONNECT", failed(&proxy.Error{Status: 403}), permanent(ReasonProxy)},
		{"proxy finds no server", failed(&proxy.Error{Status: 502}), retryable(ReasonProxy)},
		{"proxy refuses the connection", failed(&proxy.Error{Err: opError("dial", syscall.ECONNREFUSED).(*net.OpError).Err}), retryable(ReasonProxy)},
		{"proxy with an unknown name", failed(&proxy.Error{Err: &net.DNSError{Err: "no such host", IsNotFound: true}}), retryable(ReasonProxy)},
		{"no response from the name server for a proxy", failed(&proxy.Error{Err: &net.DNSError{Err: "i/o timeout", IsTimeout: true}}), retryable(ReasonProxy)},
		{"proxy that resets", failed(&proxy.Error{Err: os.NewSyscallError("read", syscall.ECONNRESET)}), retryable(ReasonProxy)},
		{"proxy with an untrusted certificate", failed(&proxy.Error{Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}), retryable(ReasonProxy)},
		{"proxy that disconnects", failed(&proxy.Error{Err: io.ErrUnexpectedEOF}), retryable(ReasonProxy)},
		{"the kernel's timeout at a proxy", failed(&proxy.Error{Err: os.NewSyscallError("connect", syscall.ETIMEDOUT)}), retryable(ReasonTimeout)},
		{"timeout of CONNECT", failed(&proxy.Error{Err: context.DeadlineExceeded}), retryable(ReasonTimeout)},
		{"no file descriptor for a proxy", failed(&proxy.Error{Err: os.NewSyscallError("socket", syscall.EMFILE)}), ignored(ReasonLocal)},
		{"attempt timeout at a proxy", observation{ctx: context.DeadlineExceeded, err: &proxy.Error{Status: 403}}, retryable(ReasonTimeout)},

		{"body over the limit", responded(refusal{ReasonTooLarge, ""}), permanent(ReasonTooLarge)},
		{"content encoding", responded(refusal{ReasonEncoding, ""}), permanent(ReasonEncoding)},
		{"content type", responded(refusal{ReasonContentType, ""}), permanent(ReasonContentType)},
		{"syntax", responded(refusal{ReasonSyntax, ""}), retryable(ReasonSyntax)},
		{"schema", responded(refusal{ReasonSchema, ""}), permanent(ReasonSchema)},
		{"value", responded(refusal{ReasonValue, ""}), permanent(ReasonValue)},

		{"canceled", observation{ctx: context.Canceled, err: context.Canceled}, ignored(ReasonCanceled)},
		{"canceled, with another error", observation{ctx: context.Canceled, err: opError("read", syscall.ECONNRESET)}, ignored(ReasonCanceled)},
		{"canceled after the status", observation{ctx: context.Canceled, status: 500}, ignored(ReasonCanceled)},
		{"canceled after the document", observation{ctx: context.Canceled, status: 200}, ignored(ReasonCanceled)},
		{"no file descriptor in the process", failed(socketError(syscall.EMFILE)), ignored(ReasonLocal)},
		{"no file descriptor in the system", failed(socketError(syscall.ENFILE)), ignored(ReasonLocal)},
		{"no buffer", failed(opError("write", syscall.ENOBUFS)), ignored(ReasonLocal)},
		{"no memory", failed(socketError(syscall.ENOMEM)), ignored(ReasonLocal)},
		{"canceled without file descriptors", observation{ctx: context.Canceled, err: socketError(syscall.EMFILE)}, ignored(ReasonCanceled)},
	} {
		t.Run(c.name, func(t *testing.T) {
			// http.Client wraps the errors of the transport.
			wrapped := c.o
			if wrapped.err != nil {
				wrapped.err = &url.Error{Op: "Get", URL: "http://localhost:9000", Err: c.o.err}
			}
			for _, o := range []observation{c.o, wrapped} {
				if got := classify(o); got != c.want {
					t.Errorf("classify(%+v): got %+v, want %+v", o, got, c.want)
				}
			}
		})
	}
}

// dnsError returns the error of a dial whose lookup failed.
func dnsError(e net.DNSError) error { return &net.OpError{Op: "dial", Net: "tcp", Err: &e} }

// byStatus returns the verdict for a status, independently of the code.
func byStatus(status int) verdict {
	switch {
	case slices.Contains([]int{500, 502, 503, 504}, status):
		return retryable(ReasonHTTP5xx)
	case status == 408 || status == 425:
		return retryable(ReasonHTTP4xx)
	case status == 429:
		return retryable(ReasonHTTP429)
	case status == 401 || status == 403:
		return permanent(ReasonAuth)
	case status >= 300 && status <= 599:
		return permanent([]Reason{ReasonRedirect, ReasonHTTP4xx, ReasonHTTP5xx}[status/100-3])
	}
	return permanent(ReasonHTTPStatus)
}

func TestEveryStatusHasAReason(t *testing.T) {
	for status := range 1000 {
		if status == http.StatusOK {
			continue // without an error, a 200 is not a failure
		}
		if got := classify(observation{status: status}); got != byStatus(status) {
			t.Errorf("status %d: got %+v, want %+v", status, got, byStatus(status))
		}
	}
}

func TestTheReasonsAreAClosedSet(t *testing.T) {
	var got []string
	for _, r := range Reasons() {
		got = append(got, string(r))
	}
	slices.Sort(got)
	if !slices.Equal(got, reasons) {
		t.Errorf("Reasons(): got %v, want %v", got, reasons)
	}
	for _, r := range classification {
		wantConsistent(t, r.then)
	}
}
