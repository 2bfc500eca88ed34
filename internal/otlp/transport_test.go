package otlp

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFailuresWithTheSameReasonHaveTheSameText(t *testing.T) {
	port := 0
	from := func() net.Addr { port++; return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port} }
	to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4318}
	for want, newError := range map[string]func() error{
		"read: connection reset by peer": func() error {
			return &net.OpError{Op: "read", Net: "tcp", Source: from(), Addr: to, Err: os.NewSyscallError("read", syscall.ECONNRESET)}
		},
		"dial tcp 127.0.0.1:4318: connect: connection refused": func() error {
			return &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		},
		"lookup receiver: no answer in time": func() error {
			return &net.OpError{Op: "dial", Err: &net.DNSError{Name: "receiver", Err: fmt.Sprint("read udp ", from(), ": i/o timeout"), IsTimeout: true}}
		},
		"dial: lookup receiver: no such host": func() error {
			return &net.OpError{Op: "dial", Err: &net.DNSError{Name: "receiver", Err: "no such host", IsNotFound: true}}
		},
		"x509: certificate has expired or is not yet valid": func() error {
			return x509.CertificateInvalidError{Reason: x509.Expired, Detail: time.Now().String()}
		},
		"x509: certificate specifies an incompatible key usage": func() error {
			return x509.CertificateInvalidError{Reason: x509.IncompatibleUsage}
		},
	} {
		for range 2 {
			if got := stableError(newError()).Error(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
}

// TestMain sets HTTPS_PROXY, because net/http reads the environment only once.
func TestErrorsNameTheProxyOfTheEnvironment(t *testing.T) {
	rt, err := newTransport(TLS{})
	if err != nil {
		t.Fatal(err)
	}
	defer (&http.Client{Transport: rt}).CloseIdleConnections()
	o := options(new(recorder))
	o.Endpoint = &url.URL{Scheme: "https", Host: "receiver.invalid", Path: "/v1/metrics"}
	got := push(t, o, rt)
	if want := "proxy 127.0.0.1:1: connect: connection refused"; got.Result != Failure || got.Err.Error() != want || strings.Contains(got.Err.Error(), proxyPassword) {
		t.Errorf("got %+v, want a failure with %s", got, want)
	}
}
