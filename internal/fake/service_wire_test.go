package fake

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// forEachAPI runs a test with each API and the path of a document in it.
func forEachAPI(t *testing.T, test func(t *testing.T, o Options, path string)) {
	t.Run("v1", func(t *testing.T) { test(t, Options{API: V1}, Metrics) })
	t.Run("mixnodes", func(t *testing.T) { test(t, Options{API: MixnodesAPI}, Mixnodes) })
}

const metricsRequest = "GET " + Metrics + " HTTP/1.1\r\nHost: x\r\n\r\n"

func TestRefuseClosesThePortUntilTheFaultEnds(t *testing.T) {
	forEachAPI(t, func(t *testing.T, o Options, path string) {
		o.Faults = []Fault{{Kind: refuse}}
		s := simulate(t, o)
		for i := range 3 {
			if i > 0 {
				s.SetFaults(Fault{Kind: refuse})
			}
			if got := fetch(client(t), http.MethodGet, s.URL()+path); !errors.Is(got.err, syscall.ECONNREFUSED) {
				t.Fatalf("GET = %+v, want connection refused", got)
			}
			s.SetFaults()
			if got := get(t, s, path); got.status != http.StatusOK {
				t.Fatalf("status afterwards = %v, want 200", got.status)
			}
		}
		if got := s.Requests()[path]; got != 3 {
			t.Errorf("requests received = %v, want the 3 healthy ones", got)
		}
	})
}

func TestRefuseAndResetResetTheOpenConnections(t *testing.T) {
	for _, kind := range []string{refuse, reset} {
		s := simulate(t, Options{})
		c, r := dial(t, s)
		send(t, c, metricsRequest)
		receive(t, r)
		s.SetFaults(Fault{Kind: kind})
		if _, err := r.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: read of the open connection = %v, want a reset", kind, err)
		}
	}
}

func TestResetPrecedesTheResponse(t *testing.T) {
	forEachAPI(t, func(t *testing.T, o Options, path string) {
		o.Faults = []Fault{{Kind: reset}}
		s := simulate(t, o)
		if got := fetch(client(t), http.MethodGet, s.URL()+path); !errors.Is(got.err, syscall.ECONNRESET) {
			t.Errorf("GET = %+v, want a reset", got)
		}
		c, r := dial(t, s)
		send(t, c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if got, err := r.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("raw read = %q, %v, want a reset", got, err)
		}
	})
}

func TestHangEndsWithTheFault(t *testing.T) {
	forEachAPI(t, func(t *testing.T, o Options, path string) {
		for name, next := range map[string]struct {
			faults []Fault
			status int
		}{
			"healthy":       {nil, http.StatusOK},
			"another fault": {[]Fault{{Kind: http500}}, http.StatusInternalServerError},
		} {
			t.Run(name, func(t *testing.T) {
				s := simulate(t, o)
				s.SetFaults(Fault{Kind: hang})
				responses := begin(t, s, http.MethodGet, path)
				staysSilent(t, path, responses)
				s.SetFaults(Fault{Kind: hang})
				staysSilent(t, path, responses)
				s.SetFaults(next.faults...)
				if got := await(t, path, responses); got.status != next.status {
					t.Errorf("response after the fault = %+v, want %d", got, next.status)
				}
			})
		}
	})
}

func TestHangEndsWhenTheClientDisconnects(t *testing.T) {
	forEachAPI(t, func(t *testing.T, o Options, path string) {
		o.Faults = []Fault{{Kind: hang}}
		s := simulate(t, o)
		c, _ := dial(t, s)
		send(t, c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		eventually(t, "the service sees the request", func() bool { return s.Requests()[path] == 1 })
		c.Close()
		eventually(t, "the connection ends", func() bool { return s.server.OpenConnections() == 0 })
	})
}

func TestAConnectionSurvivesAHang(t *testing.T) {
	for name, during := range map[string]bool{"the next request is sent during the hang": true, "the next request is sent afterwards": false} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, Options{Faults: []Fault{{Kind: hang}}})
			c, r := dial(t, s)
			send(t, c, metricsRequest)
			if during {
				send(t, c, metricsRequest)
			}
			eventually(t, "the service sees the request", func() bool { return s.Requests()[Metrics] == 1 })
			time.Sleep(silence) // the request is probably waiting by now; if not, the test only checks less
			s.SetFaults()
			receive(t, r)
			if !during {
				send(t, c, metricsRequest)
			}
			receive(t, r)
		})
	}
}

func TestAResponseMatchesItsFault(t *testing.T) {
	failing := func(f fetched) bool {
		return f.err == nil && f.status == http.StatusInternalServerError && f.body == `{"error":"Internal Server Error"}`
	}
	healthy := func(f fetched) bool { return f.err == nil && f.status == http.StatusOK && json.Valid([]byte(f.body)) }
	for name, test := range map[string]struct {
		options Options
		paths   []string // in addition to the path of a document
		delayed bool
		want    func(fetched) bool
	}{
		"no fault": {want: healthy},
		"http500":  {options: Options{Faults: []Fault{{Kind: http500}}}, paths: []string{"/status", "/nowhere"}, want: failing},
		"badjson": {options: Options{Faults: []Fault{{Kind: badjson}}}, want: func(f fetched) bool {
			return f.err == nil && f.status == http.StatusOK && !json.Valid([]byte(f.body)) && f.body != ""
		}},
		"truncate": {options: Options{Faults: []Fault{{Kind: truncate}}}, want: func(f fetched) bool {
			return errors.Is(f.err, io.ErrUnexpectedEOF) && f.status == http.StatusOK && f.body != ""
		}},
		"slow":                    {options: Options{Faults: []Fault{{Kind: slow, Delay: silence}}}, delayed: true, want: healthy},
		"slow with another fault": {options: Options{Faults: []Fault{{Kind: http500}, {Kind: slow, Delay: silence}}}, delayed: true, want: failing},
		"latency":                 {options: Options{Latency: silence}, delayed: true, want: healthy},
		"latency with a fault":    {options: Options{Latency: time.Hour, Faults: []Fault{{Kind: http500}}}, want: failing},
	} {
		t.Run(name, func(t *testing.T) {
			forEachAPI(t, func(t *testing.T, o Options, path string) {
				test.options.API = o.API
				s := simulate(t, test.options)
				for _, path := range append([]string{path}, test.paths...) {
					sent := time.Now()
					if got := fetch(client(t), http.MethodGet, s.URL()+path); !test.want(got) {
						t.Errorf("GET %s = %+v", path, got)
					}
					if took := time.Since(sent); test.delayed && took < silence {
						t.Errorf("response after %v, want at least %v", took, silence)
					}
				}
			})
		})
	}
}

func TestAScheduleClosesAndOpensThePort(t *testing.T) {
	s := simulate(t, Options{Faults: []Fault{{Kind: refuse}, {Kind: http500}}, Every: 200 * time.Millisecond, For: 100 * time.Millisecond})
	c := client(t)
	look := func() fetched { return fetch(c, http.MethodGet, s.URL()+Metrics) }
	for range 2 {
		eventually(t, "healthy", func() bool { return look().status == http.StatusOK })
		eventually(t, "refused", func() bool { return errors.Is(look().err, syscall.ECONNREFUSED) })
		eventually(t, "healthy again", func() bool { return look().status == http.StatusOK })
		eventually(t, "the next fault", func() bool { return look().status == http.StatusInternalServerError })
	}
}

func TestSetFaultsEndsTheSchedule(t *testing.T) {
	s := simulate(t, Options{Faults: []Fault{{Kind: refuse}}, Every: 2 * time.Millisecond, For: time.Millisecond})
	c := client(t)
	eventually(t, "refused", func() bool { return fetch(c, http.MethodGet, s.URL()+Metrics).err != nil })
	s.SetFaults()
	for range 50 {
		get(t, s, Metrics)
	}
}

// healWithPortTaken listens on the port of a service that refuses connections, and ends the fault. It closes healed when
// SetFaults returns.
func healWithPortTaken(t *testing.T, s *Service) (other net.Listener, healed <-chan struct{}) {
	t.Helper()
	s.SetFaults(Fault{Kind: refuse})
	l, err := net.Listen("tcp", s.server.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.SetFaults()
	}()
	return l, done
}

func TestThePortIsUsedAgainOnceItIsFree(t *testing.T) {
	s := simulate(t, Options{})
	other, healed := healWithPortTaken(t, s)
	staysSilent(t, "SetFaults with a port that is taken", healed)
	other.Close()
	<-healed
	get(t, s, Metrics)
}

func TestCloseDoesNotWaitForThePort(t *testing.T) {
	s := simulate(t, Options{})
	_, healed := healWithPortTaken(t, s)
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	<-healed
}

func TestCloseReportsALostPort(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for all attempts to listen")
	}
	t.Parallel()
	s, err := Simulate(Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	_, healed := healWithPortTaken(t, s)
	<-healed
	err = s.Close()
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("Close() = %v, want address already in use", err)
	}
	if got, want := err.Error(), "listen again after the fault refuse: listen tcp "+s.server.addr+": bind: address already in use"; got != want {
		t.Errorf("Close() = %q, want %q", got, want)
	}
}
