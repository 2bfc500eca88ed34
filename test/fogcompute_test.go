package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// lockableServer is a fake of the Betanet server published with fog-compute: it closes each
// connection after one response, without announcing it, and records requests that would
// lock the published server.
type lockableServer struct {
	mu      sync.Mutex
	locking []string // requests
}

func (l *lockableServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, body := "200 OK", "[]"
	switch r.Method + " " + r.RequestURI {
	case "GET /status", "GET /metrics":
		l.mu.Lock()
		l.locking = append(l.locking, r.RequestURI)
		l.mu.Unlock()
		status = "503 Locked"
	case "GET /mixnodes":
	case "POST /deploy":
		body = `{"success":true,"node_id":"mixnode-1","status":"deployed"}`
	default:
		status, body = "404 Not Found", `{"error":"Not Found"}`
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// startFogComputeProxy starts HAProxy with the configuration of the example in front of a server.
func startFogComputeProxy(t *testing.T, server string) string {
	t.Helper()
	return startHAProxy(t, "/mixnodes", func(port string) string {
		return exampleWith(t, "haproxy/fog-compute.cfg", "bind :9010", "bind 127.0.0.1:"+port, "192.0.2.10:9000", host(server))
	})
}

func TestFogComputeProxyBlocksRequestsThatLockTheServer(t *testing.T) {
	l := &lockableServer{}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	proxy := startFogComputeProxy(t, server.URL)

	for request, want := range map[string]int{
		"GET /status": 404, "GET /metrics": 404, "GET /metrics?x=1": 404, "HEAD /status": 404, "GET //metrics": 404,
		"GET /%6detrics": 404, "GET /mixnodes/../metrics": 404, "GET /api/v1/metrics": 404, "GET /mixnodes": 200, "POST /deploy": 200,
	} {
		method, path, _ := strings.Cut(request, " ")
		for range 3 { // because the server closes the connection after each response
			if got := requestStatus(t, method, proxy+path); got != want {
				t.Errorf("%s through the proxy = %d, want %d", request, got, want)
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.locking) > 0 {
		t.Errorf("the server got the requests %q, which lock it", slices.Compact(l.locking))
	}
}

func TestExporterCollectsThroughFogComputeProxy(t *testing.T) {
	server := httptest.NewServer(&lockableServer{})
	t.Cleanup(server.Close)
	startExporterFor(t, 1, []string{startFogComputeProxy(t, server.URL)})
}

// requestStatus makes a request and returns the status of the response.
func requestStatus(t *testing.T, method, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
