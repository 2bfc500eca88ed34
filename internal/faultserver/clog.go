package faultserver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Clog listens with a queue that is full, so that a SYN gets no answer of any kind. Listen ends it.
func (s *Server) Clog() error {
	s.Refuse()
	s.mu.Lock()
	defer s.mu.Unlock()
	address, err := netip.ParseAddrPort(s.addr)
	if err != nil {
		return fmt.Errorf("clog: %w", err)
	}
	c, err := clog(address)
	if err != nil {
		return fmt.Errorf("clog %s: %w", address, err)
	}
	s.clogged = c
	return nil
}

// Deaf is an address at which a SYN gets no answer.
type Deaf struct {
	fd     int
	queued []net.Conn // what fills the queue
}

// ListenDeaf takes an address and answers nobody who connects to it.
func ListenDeaf(address netip.AddrPort) (*Deaf, error) { return clog(address) }

// Close gives the address free.
func (d *Deaf) Close() {
	for _, conn := range d.queued {
		conn.Close()
	}
	syscall.Close(d.fd)
}

// hold takes an address and does not listen at it: who connects is refused, and nobody else gets the port meanwhile. It
// is nil if that cannot be.
func hold(addr string) *Deaf {
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
	return &Deaf{fd: fd}
}

// clog listens with the least queue that there is, which holds one connection, and connects until nobody answers.
func clog(address netip.AddrPort) (*Deaf, error) {
	family, to := syscall.AF_INET, syscall.Sockaddr(&syscall.SockaddrInet4{Port: int(address.Port()), Addr: ip4(address)})
	if address.Addr().Is6() {
		family, to = syscall.AF_INET6, &syscall.SockaddrInet6{Port: int(address.Port()), Addr: address.Addr().As16()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	d := &Deaf{fd: fd}
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
