package fake

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

func TestSimulateRejectsInvalidOptions(t *testing.T) {
	const local = "127.0.0.1:0"
	type rejection struct {
		options Options
		want    string
	}
	all := []rejection{
		{Options{}, `listen address "": want host:port`},
		{Options{Addr: local, API: "v2"}, `API "v2": want v1 or mixnodes`},
		{Options{Addr: local, Nodes: -1}, `-1 nodes: want 1 to 10000`},
		{Options{Addr: local, Latency: -time.Second}, `latency -1s: want 0 or more`},
		{Options{Addr: local, Every: time.Second}, `faults for 0s in every 1s: want 0 < for <= every, or both 0 for always`},
		{Options{Addr: local, Every: time.Second, For: time.Minute}, `faults for 1m0s in every 1s: want 0 < for <= every, or both 0 for always`},
		{Options{Addr: local, Faults: []Fault{{Kind: "slow"}}}, `fault "slow" with a delay of 0s: ` + faultUsage},
	}
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "localhost.example:0"} {
		all = append(all, rejection{Options{Addr: addr}, fmt.Sprintf("listen address %q is not loopback: want 127.0.0.0/8, [::1] or localhost", addr)})
	}
	taken := simulate(t, Options{}).server.addr
	all = append(all, rejection{Options{Addr: taken}, "listen tcp " + taken + ": bind: address already in use"})
	for _, test := range all {
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

func TestLocalhostIsLoopbackWithoutALookup(t *testing.T) {
	s := simulate(t, Options{Addr: "localhost:0"})
	if host, _, _ := net.SplitHostPort(s.server.addr); host != "127.0.0.1" {
		t.Errorf("host = %v, want 127.0.0.1", host)
	}
}

func TestRequestsAreCountedPerPath(t *testing.T) {
	s := simulate(t, Options{})
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
	for i := range maxPaths + 10 {
		s.server.count(fmt.Sprint("/", i), false)
	}
	got = s.Requests()
	if len(got) != maxPaths+1 || got[otherPaths] != 12 {
		t.Errorf("got %d paths and %d other requests, want %d and 12", len(got), got[otherPaths], maxPaths+1)
	}
}

func TestRestartResetsTheCounters(t *testing.T) {
	s, c := simulateWithClock(t, Options{})
	c.advance(time.Hour)
	const zeros = `{"packets_processed":0,"packets_dropped":0}`
	if got := get(t, s, Metrics).body; got == zeros {
		t.Fatalf("after an hour = %v, want counters above 0", got)
	}
	s.Restart()
	if got := get(t, s, Metrics).body; got != zeros {
		t.Errorf("after the restart = %v, want %v", got, zeros)
	}
}

func TestRestartEndsTheConnections(t *testing.T) {
	s := simulate(t, Options{})
	c, r := dial(t, s)
	send(t, c, "GET "+Metrics+" HTTP/1.1\r\nHost: x\r\n\r\n")
	receive(t, r)
	s.Restart()
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Errorf("read until the end of the connection = %v, want no error", err)
	}
}
