package fake

import (
	"context"
	"fmt"
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

// begin sets the first mode of a plan and, if others follow, leaves a goroutine
// that sets them until stopSchedule waited for its end.
func (s *Service) begin(p plan) {
	started := s.now()
	m, lasts := p.at(0)
	s.setMode(s.server.closing, m)
	if !p.changes() {
		return
	}
	ctx, cancel := context.WithCancel(s.server.closing)
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

// setMode makes the service behave as in m, from the connections that exist
// down to the port. Only one goroutine at a time may call it: the caller of
// SetFaults or the schedule.
func (s *Service) setMode(ctx context.Context, m mode) {
	if s.server.closing.Err() != nil {
		return
	}
	s.mu.Lock()
	s.acting = m
	close(s.ended)
	s.ended = make(chan struct{})
	s.mu.Unlock()
	switch m.kind {
	case refuse:
		s.server.Refuse()
	case reset:
		s.server.drop()
		s.listenAgain(ctx)
	default:
		s.listenAgain(ctx)
	}
}

// A port that was given up for a while may have been taken by somebody else;
// these attempts, 5 s in all, outlast an accidental use of it.
const (
	relistenAttempts = 50
	relistenPause    = 100 * time.Millisecond
)

// listenAgain takes the port again after a refusal, unless ctx ends first.
func (s *Service) listenAgain(ctx context.Context) {
	var err error
	for range relistenAttempts {
		if err = s.server.Listen(); err == nil {
			break
		}
		if !pause(ctx, relistenPause) {
			return
		}
	}
	if err != nil {
		err = fmt.Errorf("listen again after the fault %s: %w", refuse, err)
	}
	s.mu.Lock()
	s.broken = err
	s.mu.Unlock()
}

// injectFault makes a request suffer what acts before the answer: it hangs, and
// it waits. It returns what is to go wrong with the answer, and false when nobody
// waits for that any more.
func (s *Service) injectFault(x *Exchange) (kind string, ok bool) {
	m, ended := s.mode()
	for m.kind == hang {
		if !x.Wait(ended) {
			return "", false
		}
		m, ended = s.mode()
	}
	delay := m.delay
	if m.kind == "" {
		delay += s.options.Latency
	}
	return m.kind, delay <= 0 || x.Pause(delay)
}

func (s *Service) mode() (mode, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acting, s.ended
}
