package betanet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"github.com/betanet/betanet_exporter/internal/proxy"
)

// Reason classifies why an attempt returned no document. Reasons are label values, so
// they are a closed set and never contain text from an upstream.
type Reason string

// The reasons. docs/troubleshooting.md explains them.
const (
	ReasonConnect     Reason = "connect"
	ReasonReset       Reason = "reset"
	ReasonEOF         Reason = "eof"
	ReasonProtocol    Reason = "protocol"
	ReasonDNS         Reason = "dns"
	ReasonProxy       Reason = "proxy"
	ReasonTimeout     Reason = "timeout"
	ReasonTLS         Reason = "tls"
	ReasonHTTP5xx     Reason = "http_5xx"
	ReasonHTTP4xx     Reason = "http_4xx"
	ReasonHTTP429     Reason = "http_429"
	ReasonAuth        Reason = "auth"
	ReasonHTTPStatus  Reason = "http_status"
	ReasonRedirect    Reason = "redirect"
	ReasonTooLarge    Reason = "too_large"
	ReasonEncoding    Reason = "encoding"
	ReasonContentType Reason = "content_type"
	ReasonSyntax      Reason = "json_syntax"
	ReasonSchema      Reason = "schema"
	ReasonValue       Reason = "value"
	ReasonCanceled    Reason = "canceled"
	ReasonLocal       Reason = "local"
)

// verdict is the classification of a failed attempt. Its fields are as in Failure.
type verdict struct {
	reason  Reason
	retry   bool
	ignored bool
}

// observation describes an attempt that returned no document.
type observation struct {
	ctx    error // error of the attempt's context, if it ended
	err    error // nil if only the status was wrong
	status int   // 0 if there is none
}

// classification maps attempts to verdicts; the first matching row applies. The rows for a
// context that has ended come early, because its end causes all kinds of errors.
var classification = []struct {
	when func(observation) bool
	then verdict
}{
	{contextEnded(context.Canceled), verdict{ReasonCanceled, false, true}},
	{errno(syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM), verdict{ReasonLocal, false, true}},
	{resolverExhausted, verdict{ReasonLocal, false, true}},
	{contextEnded(context.DeadlineExceeded), verdict{ReasonTimeout, true, false}},

	{refused(ReasonTooLarge), verdict{ReasonTooLarge, false, false}},
	{refused(ReasonEncoding), verdict{ReasonEncoding, false, false}},
	{refused(ReasonContentType), verdict{ReasonContentType, false, false}},
	{refused(ReasonSyntax), verdict{ReasonSyntax, true, false}},
	{refused(ReasonSchema), verdict{ReasonSchema, false, false}},
	{refused(ReasonValue), verdict{ReasonValue, false, false}},

	{credentialsFailed, verdict{ReasonAuth, false, false}},
	{proxyRefused, verdict{ReasonProxy, false, false}},
	{proxyFailed, verdict{ReasonProxy, true, false}},
	{errAs[*net.DNSError], verdict{ReasonDNS, true, false}},
	{tlsFailed, verdict{ReasonTLS, false, false}},
	{errno(syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED), verdict{ReasonReset, true, false}},
	{timedOut, verdict{ReasonTimeout, true, false}},
	{errno(syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EPERM, syscall.EACCES), verdict{ReasonConnect, true, false}},
	{dialFailed, verdict{ReasonConnect, true, false}},
	{errIs(io.EOF, io.ErrUnexpectedEOF), verdict{ReasonEOF, true, false}},
	{hasError, verdict{ReasonProtocol, true, false}},

	{status(500, 502, 503, 504), verdict{ReasonHTTP5xx, true, false}},
	{status(408, 425), verdict{ReasonHTTP4xx, true, false}},
	{status(429), verdict{ReasonHTTP429, true, false}},
	{status(401, 403), verdict{ReasonAuth, false, false}},
	{statusClass(5), verdict{ReasonHTTP5xx, false, false}},
	{statusClass(4), verdict{ReasonHTTP4xx, false, false}},
	{statusClass(3), verdict{ReasonRedirect, false, false}},
	{always, verdict{ReasonHTTPStatus, false, false}}, // 101, other 1xx and 2xx, 6xx and up
}

func classify(o observation) verdict {
	for _, r := range classification {
		if r.when(o) {
			return r.then
		}
	}
	panic("betanet: no row of the classification matches")
}

// Reasons returns every reason once, in the order of the classification.
func Reasons() []Reason {
	var all []Reason
	for _, r := range classification {
		if !slices.Contains(all, r.then.reason) {
			all = append(all, r.then.reason)
		}
	}
	return all
}

// refusal is the error of a response that is not a valid document.
type refusal struct {
	reason Reason
	text   string
}

func (r refusal) Error() string { return r.text }

func refused(reason Reason) func(observation) bool {
	return func(o observation) bool {
		var r refusal
		return errors.As(o.err, &r) && r.reason == reason
	}
}

func contextEnded(by error) func(observation) bool {
	return func(o observation) bool { return errors.Is(o.ctx, by) }
}

func errno(list ...syscall.Errno) func(observation) bool {
	return func(o observation) bool {
		var e syscall.Errno
		return errors.As(o.err, &e) && slices.Contains(list, e)
	}
}

func errIs(list ...error) func(observation) bool {
	return func(o observation) bool {
		return slices.ContainsFunc(list, func(x error) bool { return errors.Is(o.err, x) })
	}
}

func errAs[T error](o observation) bool {
	var e T
	return errors.As(o.err, &e)
}

// resolverExhausted reports whether the resolver ran out of file descriptors, which only
// the text of its error shows.
func resolverExhausted(o observation) bool {
	return errAs[*net.DNSError](o) && strings.Contains(o.err.Error(), syscall.EMFILE.Error())
}

// credentialsFailed reports whether a secret could not be read or a token could not be
// obtained.
func credentialsFailed(o observation) bool {
	return errAs[*fs.PathError](o) || hasPrefix(o.err, "oauth2: ")
}

// proxyRefused reports whether a proxy rejected CONNECT with a status that makes
// retries useless.
func proxyRefused(o observation) bool {
	var e *proxy.Error
	return errors.As(o.err, &e) && e.Status/100 == 4
}

// proxyFailed reports whether a proxy could not be reached or did not connect. A timeout
// does not count, except for a DNS lookup that times out: without a proxy, its reason is
// dns, not timeout.
func proxyFailed(o observation) bool {
	var op *net.OpError // from the transport of a library
	failed := errAs[*proxy.Error](o) || errors.As(o.err, &op) && op.Op == "proxyconnect"
	return failed && (!timedOut(o) || errAs[*net.DNSError](o))
}

// hasPrefix reports whether the text of an error, or of one that it wraps, begins
// with a prefix. The rest of the text may come from an upstream.
func hasPrefix(err error, prefix string) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.HasPrefix(err.Error(), prefix) {
			return true
		}
	}
	return false
}

// timedOut reports whether a lower layer timed out, such as the kernel while dialing.
func timedOut(o observation) bool {
	var e net.Error
	return errors.As(o.err, &e) && e.Timeout()
}

func dialFailed(o observation) bool {
	var e *net.OpError
	return errors.As(o.err, &e) && e.Op == "dial"
}

// tlsFailed reports whether a handshake failed on either side, or only one side uses
// TLS.
func tlsFailed(o observation) bool {
	if o.err == nil {
		return false
	}
	if errors.Is(o.err, http.ErrSchemeMismatch) || errAs[tls.RecordHeaderError](o) || errAs[*tls.CertificateVerificationError](o) ||
		errAs[tls.AlertError](o) || errAs[x509.UnknownAuthorityError](o) || errAs[x509.HostnameError](o) || errAs[x509.CertificateInvalidError](o) {
		return true
	}
	var alert *net.OpError
	if errors.As(o.err, &alert) && (alert.Op == "remote error" || alert.Op == "local error") {
		return true
	}
	// Most errors of crypto/tls are only text. The second prefix is a TLS alert in
	// response to plain HTTP.
	return hasPrefix(o.err, "tls: ") || hasPrefix(o.err, `malformed HTTP response "\x15\x03`)
}

func hasError(o observation) bool { return o.err != nil }

func status(list ...int) func(observation) bool {
	return func(o observation) bool { return slices.Contains(list, o.status) }
}

func statusClass(c int) func(observation) bool {
	return func(o observation) bool { return o.status/100 == c }
}

func always(observation) bool { return true }
