package blackbox

import (
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// start starts an upstream and closes it at the end of the test, which fails if the exporter has sent anything that a real
// upstream could not handle. Every upstream of this package comes from here.
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

// startMany starts n upstreams and returns their URLs too.
func startMany(t *testing.T, n int) (servers []*fake.Server, urls []string) {
	t.Helper()
	for range n {
		server := start(t)
		servers, urls = append(servers, server), append(urls, server.URL())
	}
	return servers, urls
}

// setAll makes b answer every v1 path.
func setAll(server *fake.Server, b fake.Behaviour) {
	for _, path := range v1Paths {
		server.Set(path, b)
	}
}

// publish makes every v1 path respond with document id.
func publish(server *fake.Server, id int) {
	for _, path := range v1Paths {
		server.Set(path, fake.JSON(fake.Document(path, id)))
	}
}

// watch starts an exporter on upstreams. There are at least two, because the series of only one have no label: a healthy one
// is added if necessary.
func watch(t *testing.T, flags []string, urls ...string) *program {
	t.Helper()
	return watchEnv(t, nil, flags, urls...)
}

func watchEnv(t *testing.T, env, flags []string, urls ...string) *program {
	t.Helper()
	if len(urls) == 1 {
		urls = append(urls, start(t).URL())
	}
	return serve(t, env, append(flagsFor(urls...), flags...)...)
}

// flagsFor returns the flags for upstreams.
func flagsFor(urls ...string) (flags []string) {
	for _, url := range urls {
		flags = append(flags, "--betanet.url="+url)
	}
	return flags
}

// patient is for faults that show at once. An attempt has nearly the whole cycle, so that it seldom times out on a busy
// machine.
var patient = append([]string{"--collect.interval=3s", "--collect.timeout=2900ms", "--request.timeout=2900ms"}, common...)

// quick is for faults that do not end: three attempts fit into a cycle even if each times out.
var quick = append([]string{"--collect.interval=2s", "--collect.timeout=1900ms", "--request.timeout=600ms"}, common...)

// common keeps breakers closed and stale values exposed, so that a row has time.
var common = []string{
	"--retry.attempts=3", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
	"--breaker.failures=1000", "--cache.max-stale=0",
}

// unhurried is for tests in which no attempt may time out.
var unhurried = []string{
	"--collect.interval=5s", "--collect.timeout=4900ms", "--request.timeout=4900ms", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
}

// collector starts an exporter of one upstream in the process of the test, with generous limits for attempts. Upstreams in
// flags are collected only once.
func collector(t *testing.T, server *fake.Server, flags ...string) *program {
	t.Helper()
	flags = append(flags, "--betanet.url="+server.URL(), "--collect.timeout=50s", "--request.timeout=40s")
	return inProcess(t, []string{server.Addr()}, append(flags, common...)...)
}

// undisturbed repeats a measurement until no attempt of the process has timed out during it, and judges that one. The busy
// machine causes such timeouts; their retries must not be blamed on the exporter.
func undisturbed(t *testing.T, p *program, measure func() (judge func())) {
	t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		before := p.timeouts(t, time.Time{})
		judge := measure()
		if p.timeouts(t, time.Now()) == before {
			judge()
			return
		}
	}
	t.Fatalf("attempts time out all the time, for %v\n%s", deadline, p.log.Tail("timeout"))
}

// timeouts returns the number of attempts that have timed out, by a scrape after since.
func (p *program) timeouts(t *testing.T, since time.Time) (n float64) {
	t.Helper()
	e, err := p.scrapeSince(since)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range v1Paths {
		n += e.attempts(path, "timeout")
	}
	return n
}
