package fake

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
)

// A ConnHandler prepares an accepted connection. It returns the connection to read requests from, or nil if the server is
// to close the TCP connection.
type ConnHandler func(tcp *net.TCPConn) net.Conn

// Plain reads requests from the TCP connection itself.
func Plain(tcp *net.TCPConn) net.Conn { return tcp }

// TLS reads requests over TLS with the versions, certificates and client authentication of config.
func TLS(config *tls.Config) ConnHandler {
	return func(tcp *net.TCPConn) net.Conn {
		session := tls.Server(tcp, config)
		if err := session.Handshake(); err == nil {
			return session
		}
		// A TLS 1.3 client may have sent its request already. An unread request would turn the FIN into a RST, and the
		// client might miss the alert with the reason.
		tcp.CloseWrite()
		io.Copy(io.Discard, tcp)
		return nil
	}
}

// ResetOnAccept resets every connection before it reads anything.
func ResetOnAccept(tcp *net.TCPConn) net.Conn {
	tcp.SetLinger(0)
	return nil
}

// ResetOnFirstBytes resets every connection once the client has sent a byte.
func ResetOnFirstBytes(tcp *net.TCPConn) net.Conn {
	tcp.Read(make([]byte, 1))
	tcp.SetLinger(0)
	return nil
}

// CutOnFirstBytes closes every connection with a FIN once the client has sent anything.
func CutOnFirstBytes(tcp *net.TCPConn) net.Conn {
	tcp.Read(make([]byte, 1<<16))
	return nil
}

// HangOnAccept accepts every connection and never sends a byte.
func HangOnAccept(tcp *net.TCPConn) net.Conn {
	io.Copy(io.Discard, tcp)
	return nil
}

// SendAndClose sends b once the client has sent anything, and closes the connection with a FIN.
func SendAndClose(b []byte) ConnHandler {
	return func(tcp *net.TCPConn) net.Conn {
		tcp.Read(make([]byte, 1<<16))
		tcp.Write(b)
		return nil
	}
}

// HTTPToTLS responds to a TLS client in plain HTTP, as most servers do on a plain port.
var HTTPToTLS = SendAndClose([]byte("HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nclient sent an HTTPS request to an HTTP server\n"))

// TLSAlert responds with the fatal TLS alert "unexpected message", as TLS servers do to plain HTTP.
var TLSAlert = SendAndClose([]byte("\x15\x03\x01\x00\x02\x02\x0a"))

// TLSGarbage responds with a TLS record whose content is not a handshake message.
var TLSGarbage = SendAndClose([]byte("\x16\x03\x03\x00\x20" + strings.Repeat("\xff", 0x20)))
