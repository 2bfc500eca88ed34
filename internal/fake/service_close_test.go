package fake

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestCloseEndsAllWaitingClients(t *testing.T) {
	for _, test := range []struct {
		name   string
		api    API
		faults []Fault
		path   string
	}{
		{"hang", V1, []Fault{{Kind: hang}}, Metrics},
		{"slow", V1, []Fault{{Kind: slow, Delay: time.Hour}}, Metrics},
		{"deadlock", MixnodesAPI, nil, "/status"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := simulate(t, Options{API: test.api, Faults: test.faults})
			_, r := dial(t, s)
			var waiting []<-chan fetched
			for range 5 {
				waiting = append(waiting, begin(t, s, http.MethodGet, test.path))
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close() = %v, want nil", err)
			}
			if got := s.server.OpenConnections(); got != 0 {
				t.Errorf("connections after Close = %v, want 0", got)
			}
			for _, w := range waiting {
				if got := await(t, "the end of a request", w); got.err == nil {
					t.Errorf("response after Close = %+v, want an error", got)
				}
			}
			if n, err := r.Read(make([]byte, 1)); err == nil {
				t.Errorf("idle connection read %d bytes after Close, want its end", n)
			}
		})
	}
}

func TestCloseWaitsForTheSchedule(t *testing.T) {
	called, release, calls := make(chan struct{}), make(chan struct{}), 0
	now := func() time.Time { // the schedule makes the third call
		if calls++; calls == 3 {
			close(called)
			<-release
		}
		return time.Now()
	}
	s := startService(t, Options{Faults: []Fault{{Kind: http500}}, Every: 2, For: 1}, now)
	<-called
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	select {
	case <-closed:
		t.Error("Close returned before the schedule ended, want it to wait")
	case <-time.After(silence):
	}
	close(release)
	<-closed
}

func TestMethodsAreHarmlessAfterClose(t *testing.T) {
	s := simulate(t, Options{})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	}
	s.SetFaults(Fault{Kind: refuse})
	s.SetFaults()
	s.Restart()
	if c, err := net.Dial("tcp", s.server.addr); err == nil {
		c.Close()
		t.Error("the port is open after Close, want it closed")
	}
}

func TestMethodsMayBeCalledConcurrently(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI, Faults: []Fault{{Kind: refuse}, {Kind: hang}, {Kind: reset}}, Every: 2 * time.Millisecond, For: time.Millisecond})
	var all sync.WaitGroup
	for range 4 {
		c := client(t)
		all.Go(func() {
			for range 20 {
				fetch(c, http.MethodPost, s.URL()+deployPath) // any result is fine
				s.Restart()
				s.Requests()
			}
		})
	}
	time.Sleep(10 * time.Millisecond)
	for range 20 {
		s.SetFaults(Fault{Kind: refuse})
		s.SetFaults(Fault{Kind: reset})
	}
	s.SetFaults()
	all.Wait()
	if got := get(t, s, Mixnodes).status; got != http.StatusOK {
		t.Errorf("status = %v, want 200", got)
	}
}
