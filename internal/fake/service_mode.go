package fake

import (
	"context"
	"fmt"
	"time"
)

// SetFaults replaces the faults and ends the schedule. From now on the first fault that is not slow is active, with the
// delay of the first slow one. Without faults the service is healthy. When SetFaults returns, the port is closed or open
// as the faults require, unless another process has taken it; see Close. SetFaults panics on an invalid fault.
func (s *Service) SetFaults(faults ...Fault) {
	for _, f := range faults {
		if err := f.check(); err != nil {
			panic(err)
		}
	}
	s.setting.Lock()
	defer s.setting.Unlock()
	s.stopSchedule()
	s.stopSchedule = func() {}
	s.startSchedule(schedule{faults: faults})
}

// startSchedule sets the first mode of a schedule and, if others follow, starts a goroutine that sets them until
// stopSchedule is called.
func (s *Service) startSchedule(faults schedule) {
	started := s.now()
	m, remaining := faults.at(0)
	s.setMode(s.server.closing, m)
	if !faults.changes() {
		return
	}
	ctx, cancel := context.WithCancel(s.server.closing)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(ctx, remaining) {
			m, remaining = faults.at(s.now().Sub(started))
			s.setMode(ctx, m)
		}
	}()
	s.stopSchedule = func() {
		cancel()
		<-done
	}
}

// setMode applies m to open connections and to the port. Only one goroutine may call it at a time: SetFaults or the
// schedule.
func (s *Service) setMode(ctx context.Context, m mode) {
	if s.server.closing.Err() != nil {
		return
	}
	s.mu.Lock()
	s.mode = m
	close(s.modeEnded)
	s.modeEnded = make(chan struct{})
	s.mu.Unlock()
	switch m.kind {
	case refuse:
		s.server.Refuse()
		return
	case reset:
		s.server.closeConns(abort)
	}
	s.listenAgain(ctx)
}

// While connections are refused, another process may take the port for a short time. The attempts to listen again last
// 5 s in total.
const (
	relistenAttempts = 50
	relistenPause    = 100 * time.Millisecond
)

// listenAgain listens on the port again after a refusal, unless ctx ends first.
func (s *Service) listenAgain(ctx context.Context) {
	var err error
	for range relistenAttempts {
		if err = s.server.Listen(); err == nil {
			break
		}
		if !sleep(ctx, relistenPause) {
			return
		}
	}
	if err != nil {
		err = fmt.Errorf("listen again after the fault %s: %w", refuse, err)
	}
	s.mu.Lock()
	s.listenErr = err
	s.mu.Unlock()
}

// injectFault delays a request as the mode requires. It returns the fault for its response, or false when the client no
// longer waits for one.
func (s *Service) injectFault(x *Exchange) (kind string, ok bool) {
	m, ended := s.currentMode()
	for m.kind == hang {
		if !x.Wait(ended) {
			return "", false
		}
		m, ended = s.currentMode()
	}
	delay := m.delay
	if m.kind == "" {
		delay += s.options.Latency
	}
	return m.kind, delay <= 0 || x.Pause(delay)
}

func (s *Service) currentMode() (mode, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode, s.modeEnded
}
