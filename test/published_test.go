package test

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// publishedServer is a fake of the Betanet server published with the fog-compute project. It
// counts and responds like that server's source code, and shares no code with the simulator, so
// that a mistake in either of them is noticed. Uptime increases only when a test calls
// advanceUptime.
type publishedServer struct {
	name, url string
	lacks     []string // fields of a node that this version of the server does not have

	mu        sync.Mutex
	nodes     []*publishedNode
	past      tally             // of the nodes that restarts removed
	means     []float64         // mean latency of each call of process, in seconds
	resets    int               // restarts while the server had nodes
	broken    string            // response to GET /mixnodes, unless empty
	locked    bool              // GET /mixnodes never responds
	requested map[string]int    // requests by method and path
	open      map[net.Conn]bool // connections
	listener  net.Listener
	serving   sync.WaitGroup
}

// publishedNode is a node of the server.
type publishedNode struct {
	id, status string
	tally
	uptime uint64
}

// tally has the counters of one or more nodes.
type tally struct {
	processed, forwarded, dropped uint64
	latencySum, latencyCount      uint64 // microseconds, packets
}

func (a *tally) add(more tally) {
	a.processed += more.processed
	a.forwarded += more.forwarded
	a.dropped += more.dropped
	a.latencySum += more.latencySum
	a.latencyCount += more.latencyCount
}

// averageMS returns the mean latency as the server computes it: 0 before the first packet.
func (a *tally) averageMS() float64 {
	if a.latencyCount == 0 {
		return 0
	}
	return float64(a.latencySum) / float64(a.latencyCount) / 1000
}

// newPublished starts a server that has no nodes yet.
func newPublished(t *testing.T, name string, lacks ...string) *publishedServer {
	t.Helper()
	s := &publishedServer{name: name, lacks: lacks, requested: make(map[string]int), open: make(map[net.Conn]bool)}
	s.listen(t, "127.0.0.1:0")
	s.url = "http://" + s.listener.Addr().String()
	t.Cleanup(s.stop)
	return s
}

func (s *publishedServer) listen(t *testing.T, address string) {
	t.Helper()
	wait(t, "listening on "+address, func() (err error) {
		s.listener, err = net.Listen("tcp", address)
		return err
	})
	s.serving.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open[conn] = true
			s.mu.Unlock()
			s.serving.Go(func() { s.serve(conn) })
		}
	})
}

// stop stops the server abruptly, as SIGKILL would.
func (s *publishedServer) stop() {
	s.listener.Close()
	s.mu.Lock()
	for conn := range s.open {
		conn.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// start starts the server again after stop. It then has no nodes.
func (s *publishedServer) start(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	for _, n := range s.nodes {
		s.past.add(n.tally)
	}
	if len(s.nodes) > 0 {
		s.resets++
	}
	s.nodes, s.locked, s.broken = nil, false, ""
	s.mu.Unlock()
	s.listen(t, host(s.url))
}

// serve reads one request with a single read, and closes the connection after the response,
// without having sent "Connection: close".
func (s *publishedServer) serve(conn net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.open, conn)
		s.mu.Unlock()
		conn.Close()
	}()
	buffer := make([]byte, 4096)
	n, err := conn.Read(buffer)
	if err != nil {
		return
	}
	request := strings.Fields(string(buffer[:n]))
	if len(request) < 2 {
		return
	}
	status, body, responds := s.respond(request[0] + " " + request[1])
	if !responds {
		io.Copy(io.Discard, conn) // until the client gives up
		return
	}
	fmt.Fprintf(conn, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nAccess-Control-Allow-Origin: *\r\n\r\n%s", status, len(body), body)
}

// respond returns the response to a request. responds is false if a lock prevents a response.
func (s *publishedServer) respond(request string) (status, body string, responds bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requested[request]++
	switch request {
	case "GET /status", "GET /metrics": // the server deadlocks: it takes its lock twice
		s.locked = true
		return "", "", false
	case "GET /mixnodes":
		if s.broken != "" {
			return "200 OK", s.broken, true
		}
		return "200 OK", s.document(), !s.locked
	case "POST /deploy":
		if s.locked {
			return "", "", false
		}
		n := &publishedNode{id: fmt.Sprintf("mixnode-%x", time.Now().UnixNano()), status: "active"}
		s.nodes = append(s.nodes, n)
		return "200 OK", fmt.Sprintf(`{"success":true,"node_id":%q,"status":"deployed"}`, n.id), true
	default:
		return "404 Not Found", `{"error":"Not Found"}`, true
	}
}

// document returns the response to GET /mixnodes.
func (s *publishedServer) document() string {
	var nodes []string
	for _, n := range s.nodes {
		average := strconv.FormatFloat(n.averageMS(), 'f', -1, 64)
		if !strings.Contains(average, ".") {
			average += ".0"
		}
		fields := []string{fmt.Sprintf(`"id":%q`, n.id), fmt.Sprintf(`"status":%q`, n.status)}
		for _, f := range []struct{ name, value string }{
			{"packets_processed", fmt.Sprint(n.processed)},
			{"packets_forwarded", fmt.Sprint(n.forwarded)},
			{"packets_dropped", fmt.Sprint(n.dropped)},
			{"uptime_seconds", fmt.Sprint(n.uptime)},
			{"avg_latency_ms", average},
		} {
			if s.has(f.name) {
				fields = append(fields, fmt.Sprintf("%q:%s", f.name, f.value))
			}
		}
		nodes = append(nodes, "{"+strings.Join(fields, ",")+"}")
	}
	return "[" + strings.Join(nodes, ",") + "]"
}

func (s *publishedServer) has(field string) bool { return !slices.Contains(s.lacks, field) }

// deploy deploys nodes with requests, as users would.
func (s *publishedServer) deploy(t *testing.T, n int) {
	t.Helper()
	for range n {
		response, err := client.Post(s.url+"/deploy", "application/json", strings.NewReader(`{"node_type":"mixnode"}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("POST /deploy: status %s", response.Status)
		}
	}
}

// packets describes the packets that a node processes between two documents. Each of them has
// the same latency.
type packets struct{ forwarded, dropped, microseconds uint64 }

// process makes nodes process packets, all between the same two documents.
func (s *publishedServer) process(each ...packets) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all tally
	for i, p := range each {
		n := p.forwarded + p.dropped
		more := tally{processed: n, forwarded: p.forwarded, dropped: p.dropped, latencySum: n * p.microseconds, latencyCount: n}
		s.nodes[i].add(more)
		all.add(more)
	}
	s.means = append(s.means, all.averageMS()/1000)
}

// advanceUptime increases the uptime of all nodes.
func (s *publishedServer) advanceUptime(seconds uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		n.uptime += seconds
	}
}

func (s *publishedServer) stopNode(node int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes[node].status = "stopped"
}

// breakDocument makes GET /mixnodes return body, or the real document again if body is "".
func (s *publishedServer) breakDocument(body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = body
}

// lock sends a request that locks the server until its next start.
func (s *publishedServer) lock(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", host(s.url))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, "GET /status HTTP/1.1\r\nHost: betanet\r\n\r\n")
	wait(t, s.name+" is locked", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.locked {
			return fmt.Errorf("not yet")
		}
		return nil
	})
}

// requests returns the number of requests by method and path.
func (s *publishedServer) requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requested)
}
