package poll

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
	"github.com/betanet/betanet_exporter/internal/simulation"
)

// coreWorld is the simulated environment of a few cores: upstreams with faults, a process
// that lacks connections or is suspended, and operators who replace upstreams. It uses no
// clock, goroutines or network.
type coreWorld struct {
	start, now, end time.Time
	episodes        []simulation.Episode
	begun           int // number of episodes that have begun
	active          []*simulation.Episode
	shared          shared
	budget          time.Duration // of retries, according to the oracle
	refilled        time.Time
	upstreams       []*coreUpstream
	random          *rand.Rand
	digest          uint64
	suspendedUntil  time.Time
	faultyUntil     time.Time // end of the last fault of the process itself

	simulatedTime         time.Duration // sum over upstreams
	collections, requests int
	visited               map[string]int
}

// coreUpstream is an upstream with its services and its core.
type coreUpstream struct {
	w        *coreWorld
	number   int // index in upstreams
	u        *fleet.Upstream
	core     *core
	at       time.Time // when the core is due
	added    time.Time
	schedule time.Time      // a tick, zero without a schedule
	services []*coreService // by index of the replica
	inFlight []*coreRequest
	oracle   oracleState
}

// coreService is a simulated service at one URL of an upstream.
type coreService struct {
	api         betanet.API
	count       uint64    // value of all counters
	faultyUntil time.Time // end of its last fault
	disturbed   time.Time // start of its last fault, or its end if some requests succeed
	endpoints   [betanet.NumEndpoints]coreEndpoint
}

// coreRequest is a request in flight.
type coreRequest struct {
	*fetch
	service    *coreService
	started    time.Time
	ends       time.Time
	result     result
	generation int
}

func newCoreWorld(seed uint64, length time.Duration, episodes []simulation.Episode) *coreWorld {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &coreWorld{
		start: start, now: start, end: start.Add(length), episodes: episodes,
		random: newRand(seed, 2), visited: make(map[string]int), budget: 15 * time.Second, refilled: start,
	}
	jitter := newRand(seed, 3)
	w.shared = shared{
		budget: retry.NewBudget(start), began: start, parallelAfter: parallelAfter,
		random: func(n time.Duration) time.Duration { return time.Duration(jitter.Int64N(int64(n))) },
	}
	settings := newRand(seed, 4)
	for i := range 1 + settings.IntN(4) {
		w.upstreams = append(w.upstreams, w.newUpstream(i, time.Hour, settings))
	}
	if settings.IntN(24) == 0 { // enough upstreams to empty the shared budget
		for range 12 {
			w.upstreams = append(w.upstreams, w.newUpstream(len(w.upstreams), 15*time.Second, settings))
		}
	}
	return w
}

// newUpstream returns an upstream with random settings and starts polling it.
func (w *coreWorld) newUpstream(number int, maxInterval time.Duration, r *rand.Rand) *coreUpstream {
	settings := defaults
	pick := func(all ...time.Duration) time.Duration { return all[r.IntN(len(all))] }
	settings.Interval = min(maxInterval, pick(15*time.Second, time.Minute, 5*time.Minute, 5*time.Minute))
	settings.Timeout = settings.Interval - time.Second
	settings.RequestTimeout = pick(5*time.Second, 5*time.Second, 2500*time.Millisecond)
	settings.Attempts = []int{3, 3, 1, 5}[r.IntN(4)]
	settings.Jitter = retry.Jitter(r.IntN(3))
	settings.BreakerFailures = []uint32{5, 5, 1, 8}[r.IntN(4)]
	settings.BreakerOpen = pick(30*time.Second, 30*time.Second, 4*time.Second, 2*time.Minute)
	settings.MaxStale = pick(5*time.Minute, 0, 20*time.Second)
	u := &fleet.Upstream{Name: fmt.Sprint("u", number), API: []betanet.API{betanet.Auto, betanet.Auto, betanet.V1, betanet.MixnodesAPI}[r.IntN(4)], Settings: settings}
	for i := range []int{1, 1, 2, 3}[r.IntN(4)] {
		u.URLs = append(u.URLs, &url.URL{Scheme: "http", Host: fmt.Sprintf("h%d:9000", i)})
	}
	s := &coreUpstream{w: w, number: number, u: u}
	api := u.API
	if api == betanet.Auto {
		api = betanet.API(1 + r.IntN(2))
	}
	for range u.URLs {
		s.services = append(s.services, &coreService{api: api, count: uint64(r.IntN(1000))})
	}
	s.startPolling(r.IntN(6) > 0)
	return s
}

// run processes events in the order of their times until the end.
func (w *coreWorld) run() {
	for {
		at, s, q := w.next()
		if at.After(w.end) {
			for _, s := range w.upstreams {
				w.now = w.end
				w.checkFresh(s, s.core.view())
				w.simulatedTime += w.end.Sub(s.added)
			}
			return
		}
		if at.Before(w.suspendedUntil) {
			at = w.suspendedUntil // timers and responses are delayed to the end of the suspension
		}
		if at.After(w.now) {
			w.now = at
		}
		switch {
		case q != nil:
			s.deliver(q)
		case s != nil:
			if w.apply(s, nil, s.core.step(w.moment(), nil)); !s.at.IsZero() && !s.at.After(w.now) {
				w.fail("%s: the core was called at %v, but is still due at %v", s.u.Name, w.now.Sub(w.start), s.at.Sub(w.start))
			}
		default:
			w.updateEpisodes()
		}
	}
}

// next returns the time of the next event. The event is a response if request is set, a core
// that is due if only upstream is set, and otherwise the start or end of an episode.
func (w *coreWorld) next() (at time.Time, upstream *coreUpstream, request *coreRequest) {
	at = w.end.Add(1)
	if w.begun < len(w.episodes) {
		if t := w.start.Add(w.episodes[w.begun].Start); t.Before(at) {
			at = t
		}
	}
	for _, e := range w.active {
		if t := w.start.Add(e.Start + e.Length); t.Before(at) {
			at = t
		}
	}
	for _, s := range w.upstreams {
		if !s.at.IsZero() && s.at.Before(at) {
			at, upstream, request = s.at, s, nil
		}
		for _, q := range s.inFlight {
			if q.ends.Before(at) {
				at, upstream, request = q.ends, s, q
			}
		}
	}
	return at, upstream, request
}

// activeEpisode returns an active episode of the given kind, or nil if there is none.
func (w *coreWorld) activeEpisode(kind string) *simulation.Episode {
	for _, e := range w.active {
		if e.Kind == kind {
			return e
		}
	}
	return nil
}

func (w *coreWorld) moment() moment {
	m := moment{now: w.now, coalesce: w.activeEpisode("many upstreams") != nil}
	switch {
	case w.activeEpisode("fewer connections") != nil:
		m.connections = OneUnkept
	case w.activeEpisode("few connections") != nil:
		m.connections = OneKept
	}
	return m
}

// send starts the requests of a core.
func (s *coreUpstream) send(all []*fetch) {
	for _, f := range all {
		q := &coreRequest{fetch: f, service: s.services[f.collection.index], started: s.w.now}
		s.w.checkRequest(s, q)
		took, kind := s.w.responseOf(s, q)
		q.ends = q.started.Add(min(took, f.limit))
		if took > f.limit {
			kind = "timeout"
		}
		q.result = s.w.resultOf(q, kind)
		s.inFlight = append(s.inFlight, q)
		s.w.requests++
	}
}

// deliver passes the response to a request to the core.
func (s *coreUpstream) deliver(q *coreRequest) {
	s.inFlight = slices.DeleteFunc(s.inFlight, func(other *coreRequest) bool { return other == q })
	took := s.w.now.Sub(q.started)
	q.result.at = s.w.now
	s.w.visit("late response", took > q.limit && q.result.doc != nil)
	s.w.recordResponse(s, q, took)
	s.w.apply(s, q, s.core.step(s.w.moment(), completed{q.fetch, q.result, took}))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
