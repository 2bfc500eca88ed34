package blackbox

import (
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// start starts an upstream and closes it at the end of the test, which fails if the exporter has sent anything that a
// real upstream could not take. Every upstream of this package comes from here.
func start(t *testing.T) *fake.Server {
	t.Helper()
	return startOn(t, "127.0.0.1:0")
}

func startOn(t *testing.T, address string) *fake.Server {
	t.Helper()
	server, err := fake.Start(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Close()
		if got := server.Unexpected(); len(got) > 0 {
			t.Errorf("upstream %s got %q, want requests for the documented paths only", server.Addr(), got)
		}
	})
	return server
}

// publish makes document id the answer of every v1 path.
func publish(server *fake.Server, id int) {
	for _, path := range v1Paths {
		server.Set(path, fake.JSON(fake.Document(path, id)))
	}
}

// watch starts an exporter on upstreams. Two upstreams are the least, because the series of only one have no label; the
// list is filled up with a healthy one.
func watch(t *testing.T, flags []string, urls ...string) *program {
	t.Helper()
	return watchEnv(t, nil, flags, urls...)
}

func watchEnv(t *testing.T, env, flags []string, urls ...string) *program {
	t.Helper()
	if len(urls) == 1 {
		urls = append(urls, start(t).URL())
	}
	args := append([]string(nil), flags...)
	for _, url := range urls {
		args = append(args, "--betanet.url="+url)
	}
	return serve(t, env, args...)
}

// patient is how the exporter is set up for faults that show at once. An attempt has nearly the whole cycle, so that a
// busy machine seldom makes one run into its limit.
var patient = append([]string{"--collect.interval=3s", "--collect.timeout=2900ms", "--request.timeout=2900ms"}, common...)

// quick is for faults that do not end: three attempts fit into a cycle even if each runs into its limit.
var quick = append([]string{"--collect.interval=2s", "--collect.timeout=1900ms", "--request.timeout=600ms"}, common...)

// common keeps breakers closed and stale values exposed, so that a row may take its time.
var common = []string{
	"--retry.attempts=3", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
	"--breaker.failures=1000", "--cache.max-stale=0",
}

// unhurried is for tests that an attempt which runs into its limit would break.
var unhurried = []string{
	"--collect.interval=5s", "--collect.timeout=4900ms", "--request.timeout=4900ms", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
}

// alone starts an exporter of one upstream in the process of the test, whose attempts may take as long as a busy machine
// wants. Others that flags add are not collected again.
func alone(t *testing.T, server *fake.Server, flags ...string) *program {
	t.Helper()
	flags = append(flags, "--betanet.url="+server.URL(), "--collect.timeout=50s", "--request.timeout=40s")
	return inProcess(t, []string{server.Addr()}, append(flags, common...)...)
}

// undisturbed lets watch begin and end a period of watching until there is one in which no attempt of the process ran
// into its limit. Such an attempt is the machine's doing, and is repeated, which would be taken for the exporter's.
func undisturbed(t *testing.T, p *program, watch func() (judge func())) {
	t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		before := p.timeouts(t, time.Time{})
		judge := watch()
		if p.timeouts(t, time.Now()) == before {
			judge()
			return
		}
	}
	t.Fatalf("attempts time out all the time, for %v\n%s", deadline, p.log.lines("timeout"))
}

// timeouts is the number of attempts that had run into their limit at some moment from since on.
func (p *program) timeouts(t *testing.T, since time.Time) float64 {
	t.Helper()
	e, err := p.scrapeSince(since)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, endpoint := range endpoints {
		sum += e.values[series("betanet_exporter_attempts_total", "endpoint", endpoint, "result", "timeout")]
	}
	return sum
}
