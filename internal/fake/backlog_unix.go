//go:build unix

package fake

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Blackhole is an address at which a SYN gets no answer.
type Blackhole struct {
	fd     int
	queued []net.Conn // what fills the queue
}

// ListenBlackhole takes an address and answers nobody who connects to it.
func ListenBlackhole(address netip.AddrPort) (*Blackhole, error) { return fillBacklog(address) }

// Close gives the address free.
func (d *Blackhole) Close() {
	for _, conn := range d.queued {
		conn.Close()
	}
	syscall.Close(d.fd)
}

// reservePort takes an address and does not listen at it: who connects is refused, and nobody else gets the port meanwhile. It
// is nil if that cannot be.
func reservePort(addr string) *Blackhole {
	address, err := netip.ParseAddrPort(addr)
	if err != nil || !address.Addr().Is4() {
		return nil
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil
	}
	syscall.CloseOnExec(fd)
	if errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.Bind(fd, &syscall.SockaddrInet4{Port: int(address.Port()), Addr: ip4(address)})) != nil {
		syscall.Close(fd)
		return nil
	}
	return &Blackhole{fd: fd}
}

// fillBacklog listens with the least queue that there is, which holds one connection, and connects until nobody answers.
func fillBacklog(address netip.AddrPort) (*Blackhole, error) {
	family, to := syscall.AF_INET, syscall.Sockaddr(&syscall.SockaddrInet4{Port: int(address.Port()), Addr: ip4(address)})
	if address.Addr().Is6() {
		family, to = syscall.AF_INET6, &syscall.SockaddrInet6{Port: int(address.Port()), Addr: address.Addr().As16()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	d := &Blackhole{fd: fd}
	if err := errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1), syscall.Bind(fd, to), syscall.Listen(fd, 0)); err != nil {
		d.Close()
		return nil, err
	}
	for range 16 {
		conn, err := net.DialTimeout("tcp", address.String(), 300*time.Millisecond)
		if err != nil {
			return d, nil // nobody answers any more
		}
		d.queued = append(d.queued, conn)
	}
	d.Close()
	return nil, errors.New("16 connections do not fill a queue of none")
}

func ip4(address netip.AddrPort) [4]byte {
	if address.Addr().Is4() {
		return address.Addr().As4()
	}
	return [4]byte{}
}
