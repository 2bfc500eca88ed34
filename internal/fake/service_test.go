package fake

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

func TestStartRefusesWhatCannotBeSimulated(t *testing.T) {
	const local = "127.0.0.1:0"
	for _, test := range []struct {
		options Options
		want    string
	}{
		{Options{Addr: "0.0.0.0:0"}, `listen address "0.0.0.0:0" is not loopback: want 127.0.0.0/8, [::1] or localhost`},
		{Options{Addr: ":0"}, `listen address ":0" is not loopback: want 127.0.0.0/8, [::1] or localhost`},
		{Options{Addr: "[::]:0"}, `listen address "[::]:0" is not loopback: want 127.0.0.0/8, [::1] or localhost`},
		{Options{Addr: "192.0.2.1:0"}, `listen address "192.0.2.1:0" is not loopback: want 127.0.0.0/8, [::1] or localhost`},
		{Options{Addr: "localhost.example:0"}, `listen address "localhost.example:0" is not loopback: want 127.0.0.0/8, [::1] or localhost`},
		{Options{}, `listen address "": want host:port`},
		{Options{Addr: local, API: "v2"}, `API "v2": want v1 or mixnodes`},
		{Options{Addr: local, Nodes: -1}, `-1 nodes: want 1 to 10000`},
		{Options{Addr: local, Latency: -time.Second}, `latency -1s: want 0 or more`},
		{Options{Addr: local, Every: time.Second}, `faults for 0s in every 1s: want 0 < for <= every, or both 0 for always`},
		{Options{Addr: local, Every: time.Second, For: time.Minute}, `faults for 1m0s in every 1s: want 0 < for <= every, or both 0 for always`},
		{Options{Addr: local, Faults: []Fault{{Kind: "slow"}}}, `fault "slow" with a delay of 0s: ` + accepted},
	} {
		s, err := Simulate(test.options)
		if err == nil {
			s.Close()
			t.Errorf("Simulate(%+v) succeeded, want %q", test.options, test.want)
			continue
		}
		if got, want := err.Error(), "start the simulator: "+test.want; got != want {
			t.Errorf("Simulate(%+v) = %q, want %q", test.options, got, want)
		}
	}
}

func TestLocalhostIsTakenAsLoopbackWithoutALookup(t *testing.T) {
	s := simulate(t, Options{Addr: "localhost:0"}, time.Now)
	host, _, _ := net.SplitHostPort(s.server.addr)
	if host != "127.0.0.1" {
		t.Errorf("host = %v, want 127.0.0.1", host)
	}
}

func TestStartTellsThatThePortIsTaken(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	other, err := Simulate(Options{Addr: s.server.addr})
	if err == nil {
		other.Close()
		t.Fatal("Simulate on a taken port succeeded, want an error")
	}
	if got, want := err.Error(), "start the simulator: listen tcp "+s.server.addr+": bind: address already in use"; got != want {
		t.Errorf("Simulate() = %q, want %q", got, want)
	}
}

func TestRequestsAreCountedPerPath(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	get(t, s, Metrics)
	get(t, s, Metrics)
	get(t, s, "/nowhere")
	got := s.Requests()
	if got[Metrics] != 2 || got["/nowhere"] != 1 || len(got) != 2 {
		t.Errorf("Requests() = %v, want 2 of %s and 1 of /nowhere", got, Metrics)
	}
	got[Metrics] = 99
	if got := s.Requests()[Metrics]; got != 2 {
		t.Errorf("Requests() after a change of the copy = %v, want 2", got)
	}
}

func TestRequestsDoNotGrowWithoutBound(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	for i := range maxPaths + 10 {
		s.server.count(fmt.Sprint("/", i), false)
	}
	if got := len(s.Requests()); got != maxPaths+1 {
		t.Errorf("paths = %v, want %v", got, maxPaths+1)
	}
	if got := s.Requests()[otherPaths]; got != 10 {
		t.Errorf("other requests = %v, want 10", got)
	}
}

func TestRestartBeginsTheCountersAtZero(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{}, c.now)
	c.advance(time.Hour)
	if got := get(t, s, Metrics).body; got == `{"packets_processed":0,"packets_dropped":0}` {
		t.Fatalf("after an hour = %v, want counters above 0", got)
	}
	s.Restart()
	if got, want := get(t, s, Metrics).body, `{"packets_processed":0,"packets_dropped":0}`; got != want {
		t.Errorf("after the restart = %v, want %v", got, want)
	}
}

func TestRestartEndsTheConnections(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	c, r := dial(t, s)
	send(t, c, "GET "+Metrics+" HTTP/1.1\r\nHost: x\r\n\r\n")
	receive(t, r)
	s.Restart()
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Errorf("end of the connection = %v, want an orderly one", err)
	}
}
