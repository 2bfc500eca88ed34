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
	c := newClock()
	s := simulate(t, Options{Nodes: 3}, c.now)
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

func TestAnythingElseIsNotFound(t *testing.T) {
	for _, test := range []struct {
		api    API
		method string
		path   string
	}{
		{V1, http.MethodGet, "/"},
		{V1, http.MethodGet, Mixnodes},
		{V1, http.MethodGet, "/status"},
		{V1, http.MethodPost, Metrics},
		{V1, http.MethodPost, deployPath},
		{MixnodesAPI, http.MethodGet, "/"},
		{MixnodesAPI, http.MethodGet, Metrics},
		{MixnodesAPI, http.MethodGet, Nodes},
		{MixnodesAPI, http.MethodGet, Network},
		{MixnodesAPI, http.MethodGet, deployPath},
		{MixnodesAPI, http.MethodPost, Mixnodes},
	} {
		s := simulate(t, Options{API: test.api}, time.Now)
		got := fetch(client(t), test.method, s.URL()+test.path)
		if got.err != nil || got.status != http.StatusNotFound || got.body != `{"error":"Not Found"}` {
			t.Errorf("%s: %s %s = %+v, want 404", test.api, test.method, test.path, got)
		}
	}
}

func TestV1KeepsTheConnectionUntilTheClientEndsIt(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	c, r := dial(t, s)
	for _, last := range []string{"", "", "Connection: close\r\n"} {
		send(t, c, "GET "+Metrics+" HTTP/1.1\r\nHost: x\r\n"+last+"\r\n")
		if got, want := receive(t, r).Close, last != ""; got != want {
			t.Errorf("end announced = %v, want %v", got, want)
		}
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("read after the last answer = %v, want EOF", err)
	}
}

func TestV1AnswersHeadWithoutABody(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	c, r := dial(t, s)
	send(t, c, "HEAD "+Metrics+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(r)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") || !strings.HasSuffix(string(answer), "\r\n\r\n") {
		t.Errorf("answer = %q, %v, want 200 without a body", answer, err)
	}
}

func TestV1EndsTheConnectionOnARequestWithoutEnd(t *testing.T) {
	s := simulate(t, Options{}, time.Now)
	c, r := dial(t, s)
	io.WriteString(c, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 2*maxRequestSize)) // fails when the end comes first
	if got, err := r.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %q, %v, want the end of the connection", got, err)
	}
}

func TestMixnodesServesAnArrayOfNodes(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{API: MixnodesAPI, Nodes: 2}, c.now)
	node := `\{"id":"mixnode-[0-9a-f]{16}","status":"active","packets_processed":0,"packets_forwarded":0,"packets_dropped":0,"uptime_seconds":0,"avg_latency_ms":\d+\.\d\}`
	if got, want := get(t, s, Mixnodes).body, `^\[`+node+`,`+node+`\]$`; !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("body = %s, want %s", got, want)
	}
	c.advance(10 * time.Second)
	if got := get(t, s, Mixnodes).body; !strings.Contains(got, `"uptime_seconds":10,`) {
		t.Errorf("body after 10 s = %s, want that uptime of a node", got)
	}
}

func TestMixnodesEndsTheConnectionWithoutSayingSo(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI}, time.Now)
	for _, path := range []string{Mixnodes, Metrics} {
		c, r := dial(t, s)
		send(t, c, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n")
		answer, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("GET %s: %v, want an orderly end", path, err)
		}
		head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
		if !strings.Contains(head, "\r\nContent-Length: "+strconv.Itoa(len(body))) {
			t.Errorf("head = %q with a body of %d bytes, want that length", head, len(body))
		}
		if strings.Contains(strings.ToLower(head), "connection") {
			t.Errorf("head = %q, want no word about the connection", head)
		}
	}
}

func TestMixnodesTakesTheFirstPacketForTheRequest(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI}, time.Now)
	c, r := dial(t, s)
	send(t, c, "GET /mix")
	if answer, err := io.ReadAll(r); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 404 Not Found\r\n") {
		t.Errorf("answer = %q, %v, want 404", answer, err)
	}
}

func TestMixnodesResetsAClientThatSendsMoreThanOnePacket(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI}, time.Now)
	c, r := dial(t, s)
	send(t, c, "GET /mixnodes HTTP/1.1\r\nX: "+strings.Repeat("x", 3*packetSize))
	if _, err := io.ReadAll(r); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read = %v, want a reset at most", err)
	}
	if got := s.Requests()[Mixnodes]; got != 1 {
		t.Errorf("requests = %v, want 1", got)
	}
}

func TestMixnodesKnowsNoHead(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI}, time.Now)
	c, r := dial(t, s)
	send(t, c, "HEAD /mixnodes HTTP/1.1\r\n\r\n")
	answer, err := io.ReadAll(r)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 404 ") || !strings.HasSuffix(string(answer), `{"error":"Not Found"}`) {
		t.Errorf("answer = %q, %v, want 404 with its body", answer, err)
	}
}

func TestDeployCreatesANode(t *testing.T) {
	c := newClock()
	s := simulate(t, Options{API: MixnodesAPI, Nodes: 1}, c.now)
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
	s := simulate(t, Options{API: MixnodesAPI, Nodes: maxNodes}, time.Now)
	if got := fetch(client(t), http.MethodPost, s.URL()+deployPath); got.status != http.StatusServiceUnavailable {
		t.Errorf("POST /deploy = %+v, want 503", got)
	}
}

func TestStatusAndMetricsDeadlockMixnodesUntilItsRestart(t *testing.T) {
	for _, path := range []string{"/status", "/metrics"} {
		t.Run(path, func(t *testing.T) {
			s := simulate(t, Options{API: MixnodesAPI}, time.Now)
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
			s.Restart()
			for _, w := range waiting {
				if got := comes(t, "the end of the process", w); got.err == nil {
					t.Errorf("answer = %+v, want none", got)
				}
			}
			if got := get(t, s, Mixnodes).status; got != http.StatusOK {
				t.Errorf("status after the restart = %v, want 200", got)
			}
			eventually(t, "no connection is left", func() bool { return s.server.Open() == 0 })
		})
	}
}

func TestSetFaultsDoesNotHealADeadlock(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI}, time.Now)
	begin(t, s, http.MethodGet, "/status")
	s.SetFaults(Fault{Kind: hang})
	s.SetFaults()
	staysSilent(t, Mixnodes, begin(t, s, http.MethodGet, Mixnodes))
}

func TestAFaultInFrontOfTheServiceKeepsItFromTheDeadlock(t *testing.T) {
	s := simulate(t, Options{API: MixnodesAPI, Faults: []Fault{{Kind: http500}}}, time.Now)
	get(t, s, "/status")
	s.SetFaults()
	if got := get(t, s, Mixnodes).status; got != http.StatusOK {
		t.Errorf("status = %v, want 200", got)
	}
}
