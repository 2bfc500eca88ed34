package blackbox

import (
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// start starts an upstream and closes it at the end of the test. The test fails if the exporter has sent anything that a
// real upstream could not handle. Every upstream of this package is started here.
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

// startMany starts n upstreams and also returns their URLs.
func startMany(t *testing.T, n int) (servers []*fake.Server, urls []string) {
	t.Helper()
	for range n {
		server := start(t)
		servers, urls = append(servers, server), append(urls, server.URL())
	}
	return servers, urls
}

// setAll sets the behaviour of every v1 path.
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

// watch starts an exporter for upstreams. To a single upstream it adds a second, healthy one, because otherwise the
// series would have no label.
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

// patientFlags is for faults that take effect at once. An attempt may take nearly a whole cycle, so that it rarely
// times out on a busy machine.
var patientFlags = append([]string{"--collect.interval=3s", "--collect.timeout=2900ms", "--request.timeout=2900ms"}, commonFlags...)

// quickFlags is for faults that never end: three attempts fit into a cycle even if each times out.
var quickFlags = append([]string{"--collect.interval=2s", "--collect.timeout=1900ms", "--request.timeout=600ms"}, commonFlags...)

// commonFlags keeps breakers closed and stale values exposed for the whole test.
var commonFlags = []string{
	"--retry.attempts=3", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
	"--breaker.failures=1000", "--cache.max-stale=0",
}

// unhurriedFlags is for tests in which no attempt may time out.
var unhurriedFlags = []string{
	"--collect.interval=5s", "--collect.timeout=4900ms", "--request.timeout=4900ms", "--retry.backoff=1ms", "--retry.max-backoff=2ms",
}

// collector starts an exporter for one upstream in the process of the test, with generous limits for attempts. Upstreams
// that flags adds are collected only at startup.
func collector(t *testing.T, server *fake.Server, flags ...string) *program {
	t.Helper()
	flags = append(flags, "--betanet.url="+server.URL(), "--collect.timeout=50s", "--request.timeout=40s")
	return inProcess(t, []string{server.Addr()}, append(flags, commonFlags...)...)
}

// withoutTimeouts repeats a measurement until no attempt has timed out during it, and checks only that one. A busy
// machine causes such timeouts, and their retries are not the fault of the exporter.
func withoutTimeouts(t *testing.T, p *program, measure func() (check func())) {
	t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		before := p.timeouts(t, time.Time{})
		check := measure()
		if p.timeouts(t, time.Now()) == before {
			check()
			return
		}
	}
	t.Fatalf("for %v, attempts timed out in every measurement\n%s", deadline, p.log.Tail("timeout"))
}

// timeouts returns the number of attempts that have timed out, from a scrape after since.
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
