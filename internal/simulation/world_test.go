package simulation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/betanet/betanet_exporter/internal/app"
	"github.com/betanet/betanet_exporter/internal/simulation"
)

// Settings of the exporter. settle is the time that the oracle allows for processing.
const (
	maxStale     = 12 * time.Minute
	pause        = 30 * time.Second // of the circuit breakers
	failures     = 5                // number of failures that open a circuit breaker
	pushInterval = 5 * time.Minute  // between pushes
	settle       = 300 * time.Millisecond
)

// world is the simulated environment of an exporter, including the oracle.
type world struct {
	mu       sync.Mutex
	start    time.Time
	length   time.Duration
	interval time.Duration // of collections
	timeout  time.Duration // of a collection
	refresh  time.Duration // refresh interval of the discovery sources
	episodes []simulation.Episode
	active   []*simulation.Episode
	random   *rand.Rand
	dir      string
	inbound  *pipes
	running  sync.WaitGroup // for the goroutines that serve connections

	upstreams           []*upstream
	began               time.Time        // when the exporter was started
	stopping            bool             // the exporter is stopping
	networkFaultyUntil  time.Time        // end of the last network fault and its effects
	unsettledUntil      time.Time        // end of the last fault of the whole world or a source, and its effects
	inflight            int              // number of responses in flight
	writing             int              // number of responses that the exporter may have received, but the oracle has not recorded
	conns               int              // number of open connections
	growth              []sample         // values that the fleet's message counter has certainly reached
	extra               uint64           // how much more it may show
	fleet               tally            // increase of that counter between two scrapes
	changes             int              // number of failures and recoveries of endpoints
	points              map[string]point // last point pushed for each series; nil if pushes are not checked
	lastPush            time.Time
	receiverFaultyUntil time.Time // end of its last fault

	failure                   string // the first broken rule, "" if none is broken
	requests, scrapes, pushes int
	visited                   map[string]int
	client                    *http.Client
}

// sample is a value and when it arrived.
type sample struct {
	at        time.Time
	value     uint64
	restarted uint64 // the value if the exporter started the sum from scratch
}

// matches reports whether the value shown for a path may be from the sample.
func (s sample) matches(value float64, path int) bool {
	return value == float64(s.value) || path == mixnodes && value == float64(s.restarted)
}

// upstream is an upstream of the exporter, with one or two services.
type upstream struct {
	w          *world
	name       string
	replica    bool      // it has two URLs
	source     string    // config, file, list or names
	wanted     bool      // it should be listed
	changedAt  time.Time // when it was last added, removed or moved
	lastListed time.Time // when a check last found it listed
	outage     outage    // last outage

	urls   []*service
	known  map[string]*lastValue // by name, because an upstream may be renamed
	resets tally                 // number of documents that show a restart
}

// interval returns the collection interval for a seed.
func interval(seed uint64) time.Duration {
	r := rand.New(rand.NewPCG(seed, 7))
	return []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, time.Minute, 5 * time.Minute, 5 * time.Minute, 5 * time.Minute, 5 * time.Minute}[r.IntN(8)]
}

func newWorld(seed uint64, length time.Duration, episodes []simulation.Episode, dir string) *world {
	r := rand.New(rand.NewPCG(seed, 5))
	w := &world{
		start: time.Now(), length: length, episodes: episodes, random: rand.New(rand.NewPCG(seed, 6)), dir: dir,
		inbound: newPipes(), points: make(map[string]point), visited: make(map[string]int),
		interval: interval(seed),
		refresh:  []time.Duration{10 * time.Second, 30 * time.Second, 2 * time.Minute, 5 * time.Minute}[r.IntN(4)],
	}
	w.timeout = min(9*time.Second, w.interval-time.Second)
	sources := []string{"config", "config", "file", "list", "names"}
	for i := range 5 + r.IntN(16) {
		source := sources[i%len(sources)]
		u := &upstream{w: w, name: fmt.Sprintf("up-%02d", i), source: source, wanted: true, changedAt: w.start, replica: i == 1, known: make(map[string]*lastValue)}
		for n := range map[bool]int{false: 1, true: 2}[i == 1] {
			u.urls = append(u.urls, newService(w, u, fmt.Sprintf("10.0.%d.%d:9000", n, i+1), r))
		}
		if source == "names" {
			u.name = u.urls[0].host
		}
		w.upstreams = append(w.upstreams, u)
	}
	w.client = &http.Client{Transport: &http.Transport{
		DisableCompression: true,
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return w.inbound.dial(ctx) },
	}}
	return w
}

// fail records a broken rule. The caller holds the mutex.
func (w *world) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf("%v: ", time.Since(w.start)) + fmt.Sprintf(format, args...)
	}
}

// firstFailure returns the first broken rule, or "" if none is broken.
func (w *world) firstFailure() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}

// writeConfig writes the configuration and the target file. The caller holds the mutex.
func (w *world) writeConfig() {
	var b strings.Builder
	b.WriteString("upstreams:\n")
	var targets []map[string]any
	for _, u := range w.upstreams {
		switch {
		case !u.wanted:
		case u.source == "config" && u.replica:
			fmt.Fprintf(&b, "  - name: %s\n    replicas: [\"http://%s\", \"http://%s\"]\n", u.name, u.urls[0].host, u.urls[1].host)
		case u.source == "config":
			fmt.Fprintf(&b, "  - name: %s\n    url: http://%s\n", u.name, u.urls[0].host)
		case u.source == "file":
			targets = append(targets, u.target())
		}
	}
	fmt.Fprintf(&b, "  - name: always\n    url: http://always:9000\ndiscovery:\n  files: [{paths: [%s]}]\n  http: [{url: \"http://list/\", refresh: %[2]v}]\n  dns: [{name: names.sim, type: A, port: 9000, refresh: %[2]v}]\nprobe:\n  allow: [\"10.9.0.0/16\"]\n", filepath.Join(w.dir, "targets.json"), w.refresh)
	list, _ := json.Marshal(targets)
	if targets == nil {
		list = []byte("[]")
	}
	for name, text := range map[string]string{"config.yml": b.String(), "targets.json": string(list)} {
		replaceFile(filepath.Join(w.dir, name), text)
	}
}

// replaceFile replaces a file atomically.
func replaceFile(path, text string) {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		panic(err)
	}
}

// target returns the upstream in the format of a target list.
func (u *upstream) target() map[string]any {
	return map[string]any{"targets": []string{u.urls[0].host}, "labels": map[string]string{"upstream": u.name}}
}

// runExporter runs the exporter until ctx ends.
func (w *world) runExporter(ctx context.Context) {
	w.mu.Lock()
	w.began, w.growth, w.extra, w.fleet, w.points = time.Now(), nil, 0, tally{}, make(map[string]point)
	for _, u := range w.upstreams {
		clear(u.known)
		u.changedAt, u.resets = w.began, tally{}
		for _, s := range u.urls {
			s.forget()
			// The check of the last push before the restart may have set them at this very time.
			s.delivered, s.knownUp, s.knownDown = [4]bool{}, time.Time{}, time.Time{}
		}
	}
	w.mu.Unlock()
	n := app.Network{Listen: func(string, string) (net.Listener, error) { return w.inbound.listen(), nil }, Dial: w.dial}
	var log strings.Builder
	if code := app.RunOn(ctx, n, []string{
		"--config.file=" + filepath.Join(w.dir, "config.yml"), "--web.listen-address=127.0.0.1:9200", "--web.enable-lifecycle",
		"--collect.interval=" + w.interval.String(), "--collect.timeout=" + w.timeout.String(), "--cache.max-stale=" + maxStale.String(),
		"--otlp.endpoint=http://receiver", "--otlp.interval=" + pushInterval.String(), "--log.level=error",
	}, &log, &log); code != 0 {
		w.mu.Lock()
		w.fail("the exporter exited with %d: %s", code, log.String())
		w.mu.Unlock()
	}
}

// dial makes connections for the exporter.
func (w *world) dial(ctx context.Context, _, address string) (net.Conn, error) {
	w.mu.Lock()
	fault := w.faultOf(address)
	lost := w.activeEpisode("loses packets") != nil && w.random.IntN(4) == 0
	partition := w.activeEpisode("partition") != nil
	if s := w.serviceAt(address); s != nil {
		s.dialed(partition || lost || fault == "refused")
	}
	w.mu.Unlock()
	switch {
	case partition || lost:
		select { // net/http does not cancel dials that it no longer needs
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Second):
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
		}
	case fault == "refused":
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	w.mu.Lock()
	w.conns++
	w.mu.Unlock()
	w.running.Go(func() {
		defer func() { w.mu.Lock(); w.conns--; w.mu.Unlock() }()
		defer theirs.Close()
		switch host, _, _ := net.SplitHostPort(address); {
		case fault == "half-open":
			w.sink(theirs)
		case host == "list":
			w.serveList(theirs)
		case host == "receiver":
			w.serveReceiver(theirs)
		default:
			w.serveService(address, theirs)
		}
	})
	return ours, nil
}

// sink reads without responding until the peer closes the connection.
func (w *world) sink(c net.Conn) {
	buffer := make([]byte, 1<<10)
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
	}
}

// activeEpisode returns an active episode of the given kind, or nil if there is none. The
// caller holds the mutex.
func (w *world) activeEpisode(kind string) *simulation.Episode {
	for _, e := range w.active {
		if e.Kind == kind {
			return e
		}
	}
	return nil
}

// faultOf returns the kind of fault that a service has, or "" if it has none. The caller holds
// the mutex.
func (w *world) faultOf(host string) (kind string) {
	for _, e := range w.active {
		if s := w.affected(e); s.host == host {
			switch e.Kind {
			case "refused", "hangs", "half-open", "slow", "500", "404", "429", "broken", "cut", "schema", "deadlocked":
				kind = e.Kind
			}
		}
	}
	return kind
}

// affected returns the service that an episode affects.
func (w *world) affected(e *simulation.Episode) *service {
	u := w.upstreams[e.Target%len(w.upstreams)]
	return u.urls[e.Variant%uint64(len(u.urls))]
}
