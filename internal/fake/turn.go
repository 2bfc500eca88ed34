package fake

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// SetFaults replaces faults and schedule: all faults act together from now on,
// which means the first of them, later by the delay of a slow one. Without a
// fault the service is healthy. When SetFaults returns, the port is closed or
// open as the faults want. It panics on a fault that does not exist, because
// only a mistake in the calling code can name one.
func (s *Service) SetFaults(f ...Fault) {
	for _, one := range f {
		if err := one.check(); err != nil {
			panic(err)
		}
	}
	s.setting.Lock()
	defer s.setting.Unlock()
	s.stopSchedule()
	s.stopSchedule = func() {}
	s.begin(plan{faults: f})
}

// begin turns to the first mode of a plan and, if others follow, leaves a
// goroutine that turns to them until stopSchedule waited for its end.
func (s *Service) begin(p plan) {
	started := s.now()
	m, lasts := p.at(0)
	s.setMode(s.closing, m)
	if !p.changes() {
		return
	}
	ctx, cancel := context.WithCancel(s.closing)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(ctx, lasts) {
			m, lasts = p.at(s.now().Sub(started))
			s.setMode(ctx, m)
		}
	}()
	s.stopSchedule = func() {
		cancel()
		<-done
	}
}

// turn makes the service behave as m says, from the connections that exist
// down to the port. Only one goroutine at a time may turn: the caller of
// SetFaults or the schedule.
func (s *Service) setMode(ctx context.Context, m mode) {
	s.mu.Lock()
	if s.closing.Err() != nil {
		s.mu.Unlock()
		return
	}
	s.acting = m
	close(s.ended)
	s.ended = make(chan struct{})
	if m.kind == refuse || m.kind == reset {
		for c := range s.conns {
			abort(c)
		}
	}
	if m.kind == refuse && s.listener != nil {
		s.listener.Close()
		s.listener = nil
	}
	closed := s.listener == nil
	s.mu.Unlock()
	if closed && m.kind != refuse {
		s.reopen(ctx)
	}
}

// injectFault lets a request suffer what acts before the answer: it hangs, and it
// waits. It returns what is to go wrong with the answer, and false when nobody
// waits for that any more.
func (s *Service) injectFault(c *net.TCPConn, r *bufio.Reader) (kind string, ok bool) {
	s.mu.Lock()
	m, ended := s.acting, s.ended
	s.mu.Unlock()
	for m.kind == hang {
		if !holdConn(c, r, ended) {
			return "", false
		}
		s.mu.Lock()
		m, ended = s.acting, s.ended
		s.mu.Unlock()
	}
	delay := m.delay
	if m.kind == "" {
		delay += s.options.Latency
	}
	if delay > 0 && !pause(s.closing, delay) {
		return "", false
	}
	return m.kind, true
}

// holdConn waits until something ended, or returns false as soon as the client
// went away: a client with a timeout would otherwise leave a goroutine and a
// descriptor behind for each of its attempts.
func holdConn(c *net.TCPConn, r *bufio.Reader, ended <-chan struct{}) bool {
	gone := make(chan struct{})
	woken := make(chan struct{})
	go func() {
		defer close(woken)
		select {
		case <-ended:
			c.SetReadDeadline(time.Unix(1, 0))
		case <-gone:
		}
	}()
	_, err := r.Peek(1)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		close(gone)
		<-woken
		return false
	}
	<-woken // with err nil the client already sent more, and its leaving cannot be seen
	return c.SetReadDeadline(time.Time{}) == nil
}
