package fake

import (
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestV1ServesTheThreeDocuments(t *testing.T) {
	s, c := simulateWithClock(t, Options{Nodes: 3})
	c.advance(time.Minute)
	for path, want := range map[string]string{
		Metrics: `^\{"packets_processed":\d+,"packets_dropped":\d+\}$`,
		Nodes:   `^\{"active_nodes":\d,"inactive_nodes":\d,"total_nodes":3\}$`,
		Network: `^\{"bytes_transmitted":\d+,"bytes_received":\d+,"avg_latency_ms":\d+\.\d,"peak_throughput":\d+\}$`,
	} {
		response, err := client(t).Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !regexp.MustCompile(want).Match(body) {
			t.Errorf("GET %s = %s, %v, want %s", path, body, err, want)
		}
		if got := response.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("content type of %s = %v, want application/json", path, got)
		}
	}
}

func TestAnyOtherRequestIsNotFound(t *testing.T) {
	for api, requests := range map[API][]string{
		V1:          {"GET /", "GET " + Mixnodes, "GET /status", "POST " + Metrics, "POST " + deployPath},
		MixnodesAPI: {"GET /", "GET " + Metrics, "GET " + Nodes, "GET " + Network, "GET " + deployPath, "POST " + Mixnodes},
	} {
		s := simulate(t, Options{API: api})
		for _, request := range requests {
			method, path, _ := strings.Cut(request, " ")
			// Use a new connection, because mixnodes closes each one unannounced, and net/http does not retry a POST.
			got := fetch(client(t), method, s.URL()+path)
			if got.err != nil || got.status != http.StatusNotFound || got.body != `{"error":"Not Found"}` {
				t.Errorf("%s: %s = %+v, want 404", api, request, got)
			}
		}
	}
}

func TestV1KeepsTheConnectionUntilTheClientEndsIt(t *testing.T) {
	s := simulate(t, Options{})
	c, r := dial(t, s)
	for _, last := range []string{"", "", "Connection: close\r\n"} {
		send(t, c, "GET "+Metrics+" HTTP/1.1\r\nHost: x\r\n"+last+"\r\n")
		if got, want := receive(t, r).Close, last != ""; got != want {
			t.Errorf("Connection: close announced = %v, want %v", got, want)
		}
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("read after the last response = %v, want EOF", err)
	}
}

func TestV1ClosesTheConnectionOnAnEndlessRequest(t *testing.T) {
	s := simulate(t, Options{})
	c, r := dial(t, s)
	io.WriteString(c, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 2*maxRequestSize)) // fails if the server closes the connection first
	if got, err := r.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %q, %v, want the end of the connection", got, err)
	}
}

// Each connection ends after its only response.
func TestARawRequestGetsTheResponseOfTheRealServer(t *testing.T) {
	for name, c := range map[string]struct {
		api                API
		request, head, end string
	}{
		"HEAD has no body in v1":                 {V1, "HEAD " + Metrics + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n"},
		"mixnodes does not support HEAD":         {MixnodesAPI, "HEAD /mixnodes HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ", `{"error":"Not Found"}`},
		"mixnodes reads a request of one packet": {MixnodesAPI, "GET /mix", "HTTP/1.1 404 Not Found\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			conn, r := dial(t, simulate(t, Options{API: c.api}))
			send(t, conn, c.request)
			got, err := io.ReadAll(r)
			if err != nil || !strings.HasPrefix(string(got), c.head) || !strings.HasSuffix(string(got), c.end) {
				t.Errorf("got the response %q, %v, want %q at its start and %q at its end", got, err, c.head, c.end)
			}
		})
	}
}

func TestMixnodesServesAnArrayOfNodes(t *testing.T) {
	s, c := simulateWithClock(t, Options{API: MixnodesAPI, Nodes: 2})
	node := `\{"id":"mixnode-[0-9a-f]{16}","status":"active","packets_processed":0,"packets_forwarded":0,"packets_dropped":0,"uptime_seconds":0,"avg_latency_ms":\d+\.\d\}`
	if got, want := get(t, s, Mixnodes).body, `^\[`+node+`,`+node+`\]$`; !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("body = %s, want %s", got, want)
	}
	c.advance(10 * time.Second)
	if got := get(t, s, Mixnodes).body; !strings.Contains(got, `"uptime_seconds":10,`) {
		t.Errorf("body after 10 s = %s, want an uptime of 10 s", got)
	}
}

func TestMixnodesEndsTheConnectionWithoutAnnouncingIt(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI})
	for _, path := range []string{Mixnodes, Metrics} {
		c, r := dial(t, s)
		send(t, c, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n")
		response, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("GET %s: %v, want the connection to close cleanly", path, err)
		}
		head, body, _ := strings.Cut(string(response), "\r\n\r\n")
		if !strings.Contains(head, "\r\nContent-Length: "+strconv.Itoa(len(body))) {
			t.Errorf("head = %q with a body of %d bytes, want that length", head, len(body))
		}
		if strings.Contains(strings.ToLower(head), "connection") {
			t.Errorf("head = %q, want no Connection header", head)
		}
	}
}

func TestMixnodesResetsAClientThatSendsMoreThanOnePacket(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI})
	c, r := dial(t, s)
	send(t, c, "GET /mixnodes HTTP/1.1\r\nX: "+strings.Repeat("x", 3*packetSize))
	if _, err := io.ReadAll(r); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read = %v, want EOF or a reset", err)
	}
	if got := s.Requests()[Mixnodes]; got != 1 {
		t.Errorf("requests = %v, want 1", got)
	}
}

func TestDeployCreatesANode(t *testing.T) {
	s, c := simulateWithClock(t, Options{API: MixnodesAPI, Nodes: 1})
	c.advance(time.Hour)
	got := fetch(client(t), http.MethodPost, s.URL()+deployPath)
	if got.err != nil || got.status != http.StatusCreated {
		t.Fatalf("POST /deploy = %+v, want 201", got)
	}
	if !strings.Contains(got.body, `"packets_processed":0,`) {
		t.Errorf("new node = %s, want no packets yet", got.body)
	}
	if list := get(t, s, Mixnodes).body; !strings.Contains(list, got.body) || strings.Count(list, `"id":`) != 2 {
		t.Errorf("nodes = %s, want 2 with %s", list, got.body)
	}
}

func TestDeployHasALimit(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI, Nodes: maxNodes})
	if got := fetch(client(t), http.MethodPost, s.URL()+deployPath); got.status != http.StatusServiceUnavailable {
		t.Errorf("POST /deploy = %+v, want 503", got)
	}
}

func TestStatusAndMetricsDeadlockMixnodesUntilItsRestart(t *testing.T) {
	for _, path := range []string{"/status", "/metrics"} {
		t.Run(path, func(t *testing.T) {
			s := simulate(t, Options{API: MixnodesAPI})
			get(t, s, Mixnodes)
			waiting := []<-chan fetched{
				begin(t, s, http.MethodGet, path),
				begin(t, s, http.MethodGet, Mixnodes),
				begin(t, s, http.MethodPost, deployPath),
			}
			for _, w := range waiting {
				staysSilent(t, "a request for the lock", w)
			}
			if got := get(t, s, Metrics).status; got != http.StatusNotFound {
				t.Errorf("status of a path without the lock = %v, want 404", got)
			}
			s.SetFaults(Fault{Kind: hang})
			s.SetFaults() // does not end the deadlock
			staysSilent(t, Mixnodes, waiting[1])
			staysSilent(t, Mixnodes, begin(t, s, http.MethodGet, Mixnodes))
			s.Restart()
			for _, w := range waiting {
				if got := await(t, "the end of the process", w); got.err == nil {
					t.Errorf("got the response %+v, want none", got)
				}
			}
			if got := get(t, s, Mixnodes).status; got != http.StatusOK {
				t.Errorf("status after the restart = %v, want 200", got)
			}
			eventually(t, "no connection is left", func() bool { return s.server.OpenConnections() == 0 })
		})
	}
}

func TestAFaultInFrontOfTheServicePreventsTheDeadlock(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI, Faults: []Fault{{Kind: http500}}})
	get(t, s, "/status")
	s.SetFaults()
	if got := get(t, s, Mixnodes).status; got != http.StatusOK {
		t.Errorf("status = %v, want 200", got)
	}
}
