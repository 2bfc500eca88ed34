package poll

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// behaviour is how an endpoint behaves from a time on.
type behaviour struct {
	At       time.Duration
	Endpoint betanet.Endpoint
	Kind     string
}

// script is a random sequence of behaviours of an upstream.
type script struct {
	Jitter     retry.Jitter
	MaxStale   time.Duration
	Behaviours []behaviour
	Length     time.Duration
}

func drawScript(t *rapid.T) script {
	s := script{
		Jitter:   rapid.SampledFrom([]retry.Jitter{retry.Equal, retry.None, retry.Full}).Draw(t, "jitter"),
		MaxStale: rapid.SampledFrom([]time.Duration{0, 20 * time.Second, 5 * time.Minute}).Draw(t, "max-stale"),
		Length:   10 * time.Minute,
	}
	kinds := rapid.SampledFrom([]string{"good", "good", "500", "403", "hang", "slow", "later", "much later", "broken", "cut"})
	var at time.Duration
	for range rapid.IntRange(0, 25).Draw(t, "behaviours") {
		at += time.Duration(rapid.IntRange(1, 60_000).Draw(t, "pause")) * time.Millisecond
		s.Behaviours = append(s.Behaviours, behaviour{at, betanet.Endpoint(rapid.IntRange(0, 2).Draw(t, "endpoint")), kinds.Draw(t, "kind")})
	}
	return s
}

// Whatever the upstream does, retries, waits, breakers and shown values follow their rules.
func TestInvariantsHoldForRandomUpstreams(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScript(rt)
		settings := defaults
		settings.Jitter, settings.MaxStale = s.Jitter, s.MaxStale
		inBubble(t, settings, betanet.V1, func(_ *testing.T, f *fixture) {
			upstream := &scriptedUpstream{served: make(map[uint64]bool)}
			f.behave(upstream.serve)
			for _, b := range s.Behaviours {
				f.until(b.At)
				upstream.apply(f, b)
			}
			f.until(max(s.Length, s.last()+time.Minute))
			if err := check(f, upstream, settings); err != nil {
				rt.Errorf("%+v: %v", s, err)
			}
		})
	})
}

// last returns when the last behaviour begins.
func (s script) last() time.Duration {
	if len(s.Behaviours) == 0 {
		return 0
	}
	return s.Behaviours[len(s.Behaviours)-1].At
}

// scriptedUpstream is an upstream that follows a script. Its counters grow by one with each
// request, so that a value identifies its document.
type scriptedUpstream struct {
	kinds  [betanet.NumEndpoints]string
	served map[uint64]bool
	last   uint64
}

func (u *scriptedUpstream) apply(f *fixture, b behaviour) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u.kinds[b.Endpoint] = b.Kind
}

func (u *scriptedUpstream) serve(w http.ResponseWriter, r *http.Request) {
	fixture := r.Context().Value(fixtureKey{}).(*fixture)
	fixture.mu.Lock()
	u.last++
	n := u.last
	kind := ""
	for e := range betanet.NumEndpoints {
		if e.Path() == r.URL.Path {
			kind = u.kinds[e]
		}
	}
	fixture.mu.Unlock()
	switch kind {
	case "500":
		w.WriteHeader(500)
	case "403":
		w.WriteHeader(403)
	case "hang":
		<-r.Context().Done()
	case "later":
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(503)
	case "much later":
		w.Header().Set("Retry-After", "200")
		w.WriteHeader(429)
	case "broken":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"packets_processed":`)
	case "cut":
		panic(http.ErrAbortHandler)
	default:
		if kind == "slow" {
			time.Sleep(2 * time.Second)
		}
		fixture.mu.Lock()
		u.served[n] = true
		fixture.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"packets_processed":%[1]d,"packets_dropped":%[1]d,"active_nodes":%[1]d,"inactive_nodes":%[1]d,"total_nodes":%[1]d,`+
			`"bytes_transmitted":%[1]d,"bytes_received":%[1]d,"avg_latency_ms":%[1]d,"peak_throughput":%[1]d}`, n)
	}
}

// check checks the invariants of all events and views.
func check(f *fixture, u *scriptedUpstream, settings fleet.Settings) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var seen [betanet.NumEndpoints]endpointChecker
	for i := range f.events {
		e := f.events[i]
		var err error
		switch x := e.event.(type) {
		case Attempt:
			err = seen[x.Endpoint].attempt(e.at, x, settings)
		case Transition:
			err = seen[x.Endpoint].transition(e.at, x, settings)
		case Ended:
			if x.Duration > settings.Timeout {
				err = fmt.Errorf("collection took %v, limit is %v", x.Duration, settings.Timeout)
			}
		}
		if err != nil {
			return fmt.Errorf("event %d at %v (%+v): %w", i, e.at, e.event, err)
		}
	}
	for i, v := range f.views {
		if err := checkView(v, f.viewed[i], u); err != nil {
			return fmt.Errorf("view %d at %v: %w", i, f.viewed[i].Sub(f.start), err)
		}
	}
	return nil
}

// endpointChecker tracks the events of an endpoint and checks them.
type endpointChecker struct {
	state    breaker.State
	failures uint32        // number of consecutive failures
	opened   time.Duration // when the breaker last opened
	probes   int           // number since it last half-opened
	last     time.Duration // end of the last attempt
	wait     time.Duration // until its retry
	number   int           // of the last attempt within its collection
	retry    bool          // the last attempt is retried
}

func (c *endpointChecker) attempt(at time.Duration, a Attempt, settings fleet.Settings) error {
	start := at - a.Duration
	switch {
	case start < c.last:
		return fmt.Errorf("began at %v, the previous attempt ended at %v", start, c.last)
	case c.state == breaker.Open:
		return fmt.Errorf("attempt while the breaker has been open since %v", c.opened)
	case c.state == breaker.HalfOpen && c.probes > 0:
		return fmt.Errorf("second probe in the same half-open state")
	case a.Number > settings.Attempts || a.Number > 1 && a.Number != c.number+1:
		return fmt.Errorf("attempt %d after attempt %d, at most %d are allowed", a.Number, c.number, settings.Attempts)
	case a.Number > 1 && start != c.last+c.wait:
		return fmt.Errorf("retry at %v, want %v", start, c.last+c.wait)
	case a.Duration > settings.RequestTimeout:
		return fmt.Errorf("took %v, limit is %v", a.Duration, settings.RequestTimeout)
	case a.Retry && c.state == breaker.HalfOpen:
		return fmt.Errorf("retry after a probe")
	}
	if c.state == breaker.HalfOpen {
		c.probes++
	}
	if c.failures++; a.Failure == nil {
		c.failures = 0
	}
	c.last, c.wait, c.number, c.retry = at, a.Wait, a.Number, a.Retry
	if a.Retry {
		return checkWait(a, settings)
	}
	return nil
}

func checkWait(a Attempt, settings fleet.Settings) error {
	d := min(settings.MaxBackoff, settings.Backoff<<(a.Number-1))
	least := d
	switch settings.Jitter {
	case retry.Equal:
		least = d / 2
	case retry.Full:
		least = 0
	}
	if a.Failure.RetryAfter != "" { // 3 seconds in these scripts
		least, d = 3*time.Second, max(d, 3*time.Second)
	}
	if a.Wait < least || a.Wait > d {
		return fmt.Errorf("wait of %v, want %v to %v", a.Wait, least, d)
	}
	return nil
}

func (c *endpointChecker) transition(at time.Duration, tr Transition, settings fleet.Settings) error {
	from := c.state
	c.state = tr.To
	switch {
	case tr.To == breaker.Open && c.retry:
		return fmt.Errorf("breaker opened although a retry is due")
	case from == breaker.Closed && tr.To == breaker.Open && c.failures == settings.BreakerFailures,
		from == breaker.HalfOpen && tr.To == breaker.Open && c.failures > 0 && tr.Again:
		c.opened = at
		return nil
	case from == breaker.Open && tr.To == breaker.HalfOpen && at > c.opened+settings.BreakerOpen:
		c.probes = 0
		return nil
	case from == breaker.HalfOpen && tr.To == breaker.Closed && c.failures == 0:
		return nil
	}
	return fmt.Errorf("breaker went from %v to %v after %d failures, last opened at %v", from, tr.To, c.failures, c.opened)
}

// checkView checks that the values of a view are from documents that are not too old.
func checkView(v *fleet.View, at time.Time, u *scriptedUpstream) error {
	val := v.Values(at)
	for _, n := range []*uint64{val.Uint(betanet.PacketsProcessed), val.Uint(betanet.PacketsDropped), val.Uint(betanet.TotalNodes), val.Uint(betanet.ActiveNodes), val.Uint(betanet.InactiveNodes), val.Uint(betanet.BytesTransmitted), val.Uint(betanet.BytesReceived), val.Uint(betanet.PeakThroughput)} {
		if n != nil && !u.served[*n] {
			return fmt.Errorf("shows %d, which was not in any document", *n)
		}
	}
	maxStale := v.Upstream.Settings.MaxStale
	for _, e := range v.Endpoints {
		shown := map[betanet.Endpoint]bool{betanet.Metrics: val.Uint(betanet.PacketsProcessed) != nil, betanet.Nodes: val.Uint(betanet.TotalNodes) != nil, betanet.Network: val.Uint(betanet.BytesReceived) != nil}[e.Endpoint]
		if age := at.Sub(e.At); shown && maxStale > 0 && age > maxStale {
			return fmt.Errorf("shows values of %v that are %v old", e.Endpoint, age)
		}
	}
	return nil
}
