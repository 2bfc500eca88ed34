//go:build unix

package fake

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Blackhole is an address that never responds to a SYN.
type Blackhole struct {
	fd     int
	queued []net.Conn // the connections that fill the queue
}

// ListenBlackhole listens with the smallest accept queue, which has room for one connection, and fills it.
func ListenBlackhole(address netip.AddrPort) (*Blackhole, error) {
	b, err := bind(address)
	if err != nil {
		return nil, err
	}
	if err := syscall.Listen(b.fd, 0); err != nil {
		b.Close()
		return nil, err
	}
	for range 16 {
		conn, err := net.DialTimeout("tcp", address.String(), 300*time.Millisecond)
		if err != nil {
			return b, nil // the queue is full
		}
		b.queued = append(b.queued, conn)
	}
	b.Close()
	return nil, errors.New("16 connections did not fill the accept queue")
}

// reservePort binds an address without listening: connections are refused, and the kernel does not assign the port to
// another socket. A process that asks for this port with SO_REUSEADDR can still take it. reservePort returns nil on
// failure.
func reservePort(addr string) *Blackhole {
	address, err := netip.ParseAddrPort(addr)
	if err != nil || !address.Addr().Is4() {
		return nil
	}
	b, _ := bind(address)
	return b
}

func bind(address netip.AddrPort) (*Blackhole, error) {
	port := int(address.Port())
	family, sockaddr := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: port, Addr: address.Addr().As16()})
	if address.Addr().Is4() {
		family, sockaddr = syscall.AF_INET, &syscall.SockaddrInet4{Port: port, Addr: address.Addr().As4()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	if err := errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1), syscall.Bind(fd, sockaddr)); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return &Blackhole{fd: fd}, nil
}

// Close releases the address.
func (b *Blackhole) Close() {
	for _, conn := range b.queued {
		conn.Close()
	}
	syscall.Close(b.fd)
}
