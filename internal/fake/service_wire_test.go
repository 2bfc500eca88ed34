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

// apis runs a test against both APIs, with the path of a document in each.
func apis(t *testing.T, test func(t *testing.T, o Options, path string)) {
	t.Run("v1", func(t *testing.T) { test(t, Options{API: V1}, Metrics) })
	t.Run("mixnodes", func(t *testing.T) { test(t, Options{API: MixnodesAPI}, Mixnodes) })
}

func TestRefuseClosesThePortUntilTheFaultEnds(t *testing.T) {
	apis(t, func(t *testing.T, o Options, path string) {
		s := simulate(t, o, time.Now)
		for range 3 {
			s.SetFaults(Fault{Kind: refuse})
			if got := fetch(client(t), http.MethodGet, s.URL()+path); !errors.Is(got.err, syscall.ECONNREFUSED) {
				t.Fatalf("GET = %+v, want connection refused", got)
			}
			s.SetFaults()
			if got := get(t, s, path); got.status != http.StatusOK {
				t.Fatalf("status afterwards = %v, want 200", got.status)
			}
		}
		if got := s.Requests()[path]; got != 3 {
			t.Errorf("requests seen = %v, want the 3 healthy ones", got)
		}
	})
}

func TestRefuseFromTheStartKeepsThePort(t *testing.T) {
	s := simulate(t, Options{Faults: []Fault{{Kind: refuse}}}, time.Now)
	if got := fetch(client(t), http.MethodGet, s.URL()+Metrics); !errors.Is(got.err, syscall.ECONNREFUSED) {
		t.Fatalf("GET = %+v, want connection refused", got)
	}
	s.SetFaults()
	get(t, s, Metrics)
}

func TestRefuseAndResetResetTheOpenConnections(t *testing.T) {
	for _, kind := range []string{refuse, reset} {
		s := simulate(t, Options{}, time.Now)
		c, r := dial(t, s)
		send(t, c, "GET "+Metrics+" HTTP/1.1\r\nHost: x\r\n\r\n")
		receive(t, r)
		s.SetFaults(Fault{Kind: kind})
		if _, err := r.ReadByte(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: read of the open connection = %v, want a reset", kind, err)
		}
	}
}

func TestResetComesInsteadOfTheAnswer(t *testing.T) {
	apis(t, func(t *testing.T, o Options, path string) {
		o.Faults = []Fault{{Kind: reset}}
		s := simulate(t, o, time.Now)
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

func TestHangAnswersOnlyWhenTheFaultEnds(t *testing.T) {
	apis(t, func(t *testing.T, o Options, path string) {
		s := simulate(t, o, time.Now)
		s.SetFaults(Fault{Kind: hang})
		answered := begin(t, s, http.MethodGet, path)
		staysSilent(t, path, answered)
		s.SetFaults()
		if got := comes(t, path, answered); got.status != http.StatusOK {
			t.Errorf("answer after the fault = %+v, want 200", got)
		}
	})
}

func TestHangTurnsIntoTheNextFault(t *testing.T) {
	s := simulate(t, Options{Faults: []Fault{{Kind: hang}}}, time.Now)
	answered := begin(t, s, http.MethodGet, Metrics)
	s.SetFaults(Fault{Kind: hang})
	staysSilent(t, Metrics, answered)
	s.SetFaults(Fault{Kind: http500})
	if got := comes(t, Metrics, answered); got.status != http.StatusInternalServerError {
		t.Errorf("answer = %+v, want 500", got)
	}
}

func TestHangLetsGoOfAClientThatLeaves(t *testing.T) {
	apis(t, func(t *testing.T, o Options, path string) {
		o.Faults = []Fault{{Kind: hang}}
		s := simulate(t, o, time.Now)
		c, _ := dial(t, s)
		send(t, c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		eventually(t, "the service sees the request", func() bool { return s.Requests()[path] == 1 })
		c.Close()
		eventually(t, "the connection ends", func() bool { return s.server.Open() == 0 })
	})
}

func TestHangKeepsWhatAClientSentMeanwhile(t *testing.T) {
	s := simulate(t, Options{Faults: []Fault{{Kind: hang}}}, time.Now)
	c, r := dial(t, s)
	one := "GET " + Metrics + " HTTP/1.1\r\nHost: x\r\n\r\n"
	send(t, c, one+one)
	eventually(t, "the service sees the request", func() bool { return s.Requests()[Metrics] == 1 })
	s.SetFaults()
	for range 2 {
		receive(t, r)
	}
}

func TestAConnectionOutlivesAHang(t *testing.T) {
	s := simulate(t, Options{Faults: []Fault{{Kind: hang}}}, time.Now)
	c, r := dial(t, s)
	send(t, c, "GET "+Metrics+" HTTP/1.1\r\nHost: x\r\n\r\n")
	eventually(t, "the service sees the request", func() bool { return s.Requests()[Metrics] == 1 })
	time.Sleep(silence) // it most likely waits by now; if not, the test is only weaker
	s.SetFaults()
	receive(t, r)
	send(t, c, "GET "+Metrics+" HTTP/1.1\r\nHost: x\r\n\r\n")
	receive(t, r)
}

func TestHTTP500AnswersEveryPath(t *testing.T) {
	apis(t, func(t *testing.T, o Options, path string) {
		o.Faults = []Fault{{Kind: http500}}
		s := simulate(t, o, time.Now)
		for _, p := range []string{path, "/status", "/nowhere"} {
			got := get(t, s, p)
			if got.status != http.StatusInternalServerError || got.body != `{"error":"Internal Server Error"}` {
				t.Errorf("GET %s = %+v, want 500", p, got)
			}
		}
	})
}

func TestBadJSONIsAWholeAnswerWithHalfADocument(t *testing.T) {
	apis(t, func(t *testing.T, o Options, path string) {
		s := simulate(t, o, time.Now)
		if got := get(t, s, path); !json.Valid([]byte(got.body)) {
			t.Fatalf("healthy body = %s, want JSON", got.body)
		}
		s.SetFaults(Fault{Kind: badjson})
		got := get(t, s, path)
		if got.status != http.StatusOK || json.Valid([]byte(got.body)) || got.body == "" {
			t.Errorf("GET = %+v, want 200 with broken JSON", got)
		}
	})
}

func TestTruncateEndsInTheMiddleOfTheAnnouncedBody(t *testing.T) {
	apis(t, func(t *testing.T, o Options, path string) {
		o.Faults = []Fault{{Kind: truncate}}
		s := simulate(t, o, time.Now)
		got := fetch(client(t), http.MethodGet, s.URL()+path)
		if !errors.Is(got.err, io.ErrUnexpectedEOF) || got.status != http.StatusOK || got.body == "" {
			t.Errorf("GET = %+v, want 200 with an unexpected EOF after some bytes", got)
		}
	})
}

func TestSlowAnswersRightAfterItsDelay(t *testing.T) {
	apis(t, func(t *testing.T, o Options, path string) {
		o.Faults = []Fault{{Kind: slow, Delay: silence}}
		s := simulate(t, o, time.Now)
		sent := time.Now()
		if got := get(t, s, path); got.status != http.StatusOK || !json.Valid([]byte(got.body)) {
			t.Errorf("GET = %+v, want 200 with a document", got)
		}
		if got := time.Since(sent); got < silence {
			t.Errorf("answer after %v, want at least %v", got, silence)
		}
	})
}

func TestSlowDelaysAnotherFault(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	s.SetFaults(Fault{Kind: http500}, Fault{Kind: slow, Delay: silence})
	sent := time.Now()
	if got := get(t, s, Metrics).status; got != http.StatusInternalServerError {
		t.Errorf("status = %v, want 500", got)
	}
	if got := time.Since(sent); got < silence {
		t.Errorf("answer after %v, want at least %v", got, silence)
	}
}

func TestLatencyDelaysAHealthyAnswer(t *testing.T) {
	s := simulate(t, Options{Latency: silence}, time.Now)
	sent := time.Now()
	get(t, s, Metrics)
	if got := time.Since(sent); got < silence {
		t.Errorf("answer after %v, want at least %v", got, silence)
	}
}

func TestLatencyDoesNotDelayAFault(t *testing.T) {
	s := simulate(t, Options{Latency: time.Hour, Faults: []Fault{{Kind: http500}}}, time.Now)
	if got := get(t, s, Metrics).status; got != http.StatusInternalServerError {
		t.Errorf("status = %v, want 500", got)
	}
}

func TestAScheduleClosesAndOpensThePort(t *testing.T) {
	s := simulate(t, Options{Faults: []Fault{{Kind: refuse}, {Kind: http500}}, Every: 200 * time.Millisecond, For: 100 * time.Millisecond}, time.Now)
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
	s := simulate(t, Options{Faults: []Fault{{Kind: refuse}}, Every: 2 * time.Millisecond, For: time.Millisecond}, time.Now)
	c := client(t)
	eventually(t, "refused", func() bool { return fetch(c, http.MethodGet, s.URL()+Metrics).err != nil })
	s.SetFaults()
	for range 50 {
		get(t, s, Metrics)
	}
}

// squat takes the port of a service that refuses.
func squat(t *testing.T, s *Service) net.Listener {
	t.Helper()
	s.SetFaults(Fault{Kind: refuse})
	l, err := net.Listen("tcp", s.server.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestThePortIsTakenAgainWhenSomebodyUsedItMeanwhile(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	other := squat(t, s)
	healthy := make(chan struct{})
	go func() {
		defer close(healthy)
		s.SetFaults()
	}()
	select {
	case <-healthy:
		t.Error("SetFaults() returned while the port was taken, want it to wait")
	case <-time.After(silence):
	}
	other.Close()
	<-healthy
	get(t, s, Metrics)
}

func TestCloseDoesNotWaitForThePort(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	squat(t, s)
	healthy := make(chan struct{})
	go func() {
		defer close(healthy)
		s.SetFaults()
	}()
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	<-healthy
}

func TestCloseTellsThatThePortWasLost(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for all attempts to listen")
	}
	t.Parallel()
	s, err := Simulate(Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	squat(t, s)
	s.SetFaults()
	err = s.Close()
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("Close() = %v, want that the address is in use", err)
	}
	if got, want := err.Error(), "listen again after the fault refuse: listen tcp "+s.server.addr+": bind: address already in use"; got != want {
		t.Errorf("Close() = %q, want %q", got, want)
	}
}
