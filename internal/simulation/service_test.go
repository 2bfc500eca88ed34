package simulation_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"time"
)

// paths are the only paths that may be requested. Others deadlock a real server.
var paths = []string{"/api/v1/metrics", "/api/v1/nodes/status", "/api/v1/network/stats", "/mixnodes"}

// Indexes in paths.
const (
	metrics = iota
	nodes
	network
	mixnodes
)

// service is a simulated Betanet service and what the oracle knows about it.
type service struct {
	w           *world
	u           *upstream
	host        string
	mixnodes    bool      // it has the API with /mixnodes
	count       uint64    // number of messages
	node        int       // number in the ID of its mixnode
	total       uint64    // expected sum over mixnodes
	restarted   uint64    // expected sum if the exporter started it from scratch
	lastCount   uint64    // last count that was added to the sum
	lastNode    int       // node of lastCount
	faultyUntil time.Time // end of its last fault
	switchedAt  time.Time // when it last switched to the other API
	idleUntil   time.Time // end of the period without new messages
	lastFall    time.Time // when a document last had lower counters
	lastRequest time.Time // when it last received a request or connection
	delivered   [4]bool   // whether a document of each path has arrived since the exporter was started
	knownUp     time.Time // when it was last certain to be up
	knownDown   time.Time // when it was last certain to be down
	endpoints   [4]endpoint
}

// endpoint is one path of a service.
type endpoint struct {
	busyUntil   time.Time // when the response in flight ends
	streak      int       // number of consecutive failures
	openUntil   time.Time // end of the breaker's pause
	notBefore   time.Time // end of the Retry-After
	sent        []sample  // last four documents that arrived
	lastFailure time.Time
	failing     bool   // the last request failed
	counted     bool   // the exporter remembers a document
	count       uint64 // number of messages in that document
	node        int    // number of the mixnode in that document
}

func newService(w *world, u *upstream, host string, r *rand.Rand) *service {
	return &service{w: w, u: u, host: host, mixnodes: r.IntN(2) == 0, count: uint64(r.IntN(1000))}
}

// forget resets the state that the exporter keeps of the service.
func (s *service) forget() {
	s.endpoints = [4]endpoint{}
	s.total, s.restarted, s.lastCount, s.lastNode = 0, 0, 0, -1
}

// serviceAt returns the service at an address, or nil if there is none.
func (w *world) serviceAt(host string) *service {
	for _, u := range w.upstreams {
		for _, s := range u.urls {
			if s.host == host {
				return s
			}
		}
	}
	return nil
}

// serveService serves the requests of one connection.
func (w *world) serveService(host string, c net.Conn) {
	r := bufio.NewReaderSize(c, 512)
	for {
		q, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		path := slices.Index(paths, q.URL.Path)
		requestedAt := time.Now()
		w.mu.Lock()
		s := w.serviceAt(host)
		if path < 0 {
			w.fail("%s received a request for %s", host, q.URL.Path)
			path = 0
		}
		if s == nil { // the upstream called always
			w.mu.Unlock()
			time.Sleep(time.Millisecond)
			io.WriteString(c, response("200 OK", "", documents[path](0, 0)))
			continue
		}
		kind, takes, text, value := s.handle(path)
		w.mu.Unlock()
		if takes < 0 {
			w.sink(c)
			w.mu.Lock()
			s.failed(path, requestedAt, true)
			w.mu.Unlock()
			return
		}
		time.Sleep(takes)
		w.mu.Lock()
		w.writing++
		w.mu.Unlock()
		_, err = io.WriteString(c, text)
		w.mu.Lock()
		w.inflight--
		w.writing--
		if kind == "good" && err == nil {
			s.arrived(path, value)
		} else if kind != "404" {
			s.failed(path, requestedAt, err == nil)
		}
		w.mu.Unlock()
		if err != nil || kind != "good" {
			return
		}
	}
}

// handle checks a request and draws the response; takes is negative if there is none. The
// caller holds the mutex.
func (s *service) handle(path int) (kind string, takes time.Duration, text string, value uint64) {
	w, now, e := s.w, time.Now(), &s.endpoints[path]
	w.requests++
	s.lastRequest = now
	replaced := now.Sub(s.u.changedAt) < w.grace(s.u)+time.Second || now.Before(w.unsettledUntil) // the previous request may be canceled
	switch {
	case now.Before(e.busyUntil) && !replaced:
		w.fail("%s%s: two requests at the same time", s.host, paths[path])
	case now.Before(e.notBefore):
		w.fail("%s%s: requested %v before the Retry-After", s.host, paths[path], e.notBefore.Sub(now))
	case now.Before(e.openUntil):
		w.fail("%s%s: requested %v before the end of the breaker's pause", s.host, paths[path], e.openUntil.Sub(now))
	case !s.u.wanted && now.Sub(s.u.changedAt) > w.grace(s.u) && !now.Before(w.unsettledUntil):
		w.fail("%s%s: requested %v after the upstream was removed", s.host, paths[path], now.Sub(s.u.changedAt))
	}
	takes = time.Millisecond + time.Duration(w.random.IntN(20))*time.Millisecond
	kind = w.faultOf(s.host)
	if kind == "slow" {
		// Not a whole number of milliseconds, because it is undefined whether a response
		// at the exact end of an attempt is in time.
		takes = time.Duration(w.random.IntN(7000))*time.Millisecond + 137_003*time.Nanosecond
		kind = ""
	}
	if kind == "" {
		kind = "good"
		if (path == mixnodes) != s.mixnodes {
			kind = "404"
		}
	}
	switch kind {
	case "hangs", "deadlocked":
		return kind, -1, "", 0
	case "good":
		if more := uint64(w.random.IntN(100)); !now.Before(s.idleUntil) {
			s.count += more
		}
		text = response("200 OK", "", documents[path](s.count, s.node))
	case "500":
		text = response("500 Broken", "", "")
	case "404":
		text = response("404 Not Found", "", "")
	case "429":
		after := w.random.IntN(400)
		e.notBefore = now.Add(takes + min(time.Duration(after)*time.Second, maxRetryAfter))
		text = response("429 Slow", fmt.Sprintf("Retry-After: %d\r\n", after), "")
	case "broken":
		text = response("200 OK", "", `{"packets_processed":`)
	case "schema":
		text = response("200 OK", "", `{}`)
	case "cut":
		text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
	}
	w.inflight++
	if takes < time.Second {
		e.busyUntil = now.Add(takes)
	}
	return kind, takes, text, s.count
}

func response(status, header, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, header, len(body), body)
}

// documents has a function for each path that returns its document after n messages.
var documents = [4]func(n uint64, node int) string{
	func(n uint64, _ int) string {
		return fmt.Sprintf(`{"packets_processed":%d,"packets_dropped":%d}`, n, n/10)
	},
	func(n uint64, _ int) string {
		return fmt.Sprintf(`{"active_nodes":%d,"inactive_nodes":0,"total_nodes":%d}`, n, n)
	},
	func(n uint64, _ int) string {
		return fmt.Sprintf(`{"bytes_transmitted":%d,"bytes_received":%d,"avg_latency_ms":3,"peak_throughput":1}`, n, n)
	},
	func(n uint64, node int) string {
		return fmt.Sprintf(`[{"id":"m%d","status":"active","packets_processed":%d,"packets_dropped":0}]`, node, n)
	},
}

// failed records a failed request. certain is false if the exporter may already have
// stopped waiting for the response. The caller holds the mutex.
func (s *service) failed(path int, requestedAt time.Time, certain bool) {
	e := &s.endpoints[path]
	e.lastFailure = later(e.lastFailure, requestedAt)
	e.changeTo(true, s.w)
	if !certain {
		return
	}
	if e.streak++; e.streak >= failures {
		e.openUntil = time.Now().Add(pause)
	}
}

// arrived records a document that the exporter has received. The caller holds the mutex.
func (s *service) arrived(path int, value uint64) {
	e, now := &s.endpoints[path], time.Now()
	s.delivered[path] = true
	s.recordReset(path, value)
	e.changeTo(false, s.w)
	if path == mixnodes {
		value = s.sum(value)
	} else { // the exporter uses v1 from now on
		s.total, s.lastCount, s.lastNode = 0, 0, -1
	}
	e.streak, e.openUntil = 0, time.Time{}
	e.sent = append(e.sent[max(0, len(e.sent)-3):], sample{now, value, s.restarted})
	s.addMessages(path, sample{now, value, s.restarted})
}

// sum returns the expected sum over all mixnodes after a document.
func (s *service) sum(value uint64) uint64 {
	increase := value
	if s.node == s.lastNode && value >= s.lastCount {
		increase = value - s.lastCount
	}
	s.restarted += increase
	if s.restarted == increase {
		s.restarted = value
	}
	s.total, s.lastCount, s.lastNode = s.total+increase, value, s.node
	return s.total
}

// changeTo records whether the last request failed. The exporter adds each change to its list
// of events.
func (e *endpoint) changeTo(failing bool, w *world) {
	if e.failing != failing {
		e.failing = failing
		w.changes++
	}
}

// dialed records that the exporter dials the service and whether that fails. The caller holds
// the mutex.
func (s *service) dialed(fails bool) {
	s.lastRequest = time.Now()
	for path := range s.endpoints {
		if fails {
			s.endpoints[path].changeTo(true, s.w)
		}
	}
}
