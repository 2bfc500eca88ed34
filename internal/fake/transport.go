package fake

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
)

// A Transport decides what becomes of an accepted connection. It returns the connection on which requests are read, or
// nil if there are to be none; the server then closes the TCP connection.
type Transport func(tcp *net.TCPConn) net.Conn

// Plain reads requests from the TCP connection itself.
func Plain(tcp *net.TCPConn) net.Conn { return tcp }

// TLS reads requests from within a TLS session. Versions, certificates and client authentication are config's.
func TLS(config *tls.Config) Transport {
	return func(tcp *net.TCPConn) net.Conn {
		session := tls.Server(tcp, config)
		if err := session.Handshake(); err == nil {
			return session
		}
		// A client of TLS 1.3 may have sent its request already. Unread it would turn the FIN into a RST, and the client
		// would not always see the alert that tells why.
		tcp.CloseWrite()
		io.Copy(io.Discard, tcp)
		return nil
	}
}

// ResetOnAccept closes every connection with a RST before it reads anything.
func ResetOnAccept(tcp *net.TCPConn) net.Conn {
	tcp.SetLinger(0)
	return nil
}

// ResetOnFirstBytes closes every connection with a RST once the client has begun to speak.
func ResetOnFirstBytes(tcp *net.TCPConn) net.Conn {
	tcp.Read(make([]byte, 1))
	tcp.SetLinger(0)
	return nil
}

// CutOnFirstBytes closes every connection with a FIN once the client has spoken.
func CutOnFirstBytes(tcp *net.TCPConn) net.Conn {
	tcp.Read(make([]byte, 1<<16))
	return nil
}

// HangOnAccept takes every connection and never says a word.
func HangOnAccept(tcp *net.TCPConn) net.Conn {
	io.Copy(io.Discard, tcp)
	return nil
}

// Say answers whatever the client says first with these bytes and closes the connection with a FIN.
func Say(b []byte) Transport {
	return func(tcp *net.TCPConn) net.Conn {
		tcp.Read(make([]byte, 1<<16))
		tcp.Write(b)
		return nil
	}
}

// HTTPToTLS answers a TLS client in plain HTTP, as most servers do when they are spoken to in TLS on a plain port.
var HTTPToTLS = Say([]byte("HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nclient sent an HTTPS request to an HTTP server\n"))

// TLSAlert answers any client with the fatal TLS alert "unexpected message", as TLS servers do to plain HTTP.
var TLSAlert = Say([]byte("\x15\x03\x01\x00\x02\x02\x0a"))

// TLSGarbage answers any client with a TLS record whose content is not a handshake message.
var TLSGarbage = Say([]byte("\x16\x03\x03\x00\x20" + strings.Repeat("\xff", 0x20)))
