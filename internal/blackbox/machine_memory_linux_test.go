package blackbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// memoryLimit is the limit for a process with 50 upstreams, whatever they send. It allows for three bodies of a
// megabyte for each upstream at the same time, in addition to the memory without them.
const memoryLimit = 200 << 20

// huge returns responses that are as large as possible, or endless.
func huge() []func(document string) fake.Behaviour {
	spaces := strings.Repeat(" ", 32<<10)
	return []func(string) fake.Behaviour{
		func(d string) fake.Behaviour { return fake.JSON(padded(d, mebibyte)) },
		func(d string) fake.Behaviour { return fake.JSON(padded(d, mebibyte+1)) },
		func(d string) fake.Behaviour { return fake.JSON(withManyFields(d)) },
		func(d string) fake.Behaviour {
			return fake.JSON(`{"x":"` + strings.Repeat(`\u00e9`, mebibyte/6-100) + `",` + d[1:])
		},
		func(d string) fake.Behaviour { return fake.Chunked(padded(d, mebibyte), 1000) },
		func(d string) fake.Behaviour { return fake.JSON(strings.Repeat("[", mebibyte-1)) },
		always(fake.Endless(fake.Response{Header: []string{fake.JSONType}, NoLength: true}.Bytes(), []byte(spaces))),
		always(fake.Endless(fake.Response{Header: []string{fake.JSONType, "Transfer-Encoding: chunked"}}.Bytes(), []byte(fake.Chunks(spaces, len(spaces))))),
		func(string) fake.Behaviour { return fake.Typed(bomb(), fake.JSONType, "Content-Encoding: gzip") },
		always(fake.Endless([]byte("HTTP/1.1 200 OK\r\n"), []byte(strings.Repeat("A: b\r\n", 100)))),
	}
}

// TestHugeDocumentsAndManyScrapersDoNotExhaustMemory has 50 upstreams that send as much as they can, and 60 scrapers that
// never pause.
func TestHugeDocumentsAndManyScrapersDoNotExhaustMemory(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	exe, err := releaseBinary()
	if err != nil {
		t.Fatal(err)
	}
	for name, limited := range map[string]func(*testing.T) launch{
		"without a limit":       func(*testing.T) launch { return launch{} },
		"limited by Go":         func(*testing.T) launch { return launch{env: []string{"GOMEMLIMIT=30MiB"}} },
		"limited by the kernel": func(t *testing.T) launch { return limitedByKernel(t, memoryLimit) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := limited(t)
			l.exe = exe
			flood(t, l)
		})
	}
}

func flood(t *testing.T, l launch) {
	kinds := huge()
	args := []string{
		"--collect.interval=2s", "--collect.timeout=1900ms", "--request.timeout=1900ms", "--retry.attempts=1", "--breaker.failures=1000000",
		"--betanet.api=v1",
	}
	servers, urls := startMany(t, 50)
	for i, server := range servers {
		for _, path := range v1Paths {
			server.Set(path, kinds[i%len(kinds)](fake.Document(path, documentBefore)))
		}
	}
	p := l.start(t, append(args, flagsFor(urls...)...)...)
	stop := scrapeAll(t, p, 60)
	defer stop()
	const cycles = 4
	e := p.await(t, "", func(e exposition) error {
		all := []error{allGood(e, servers[0].Addr(), documentBefore)}
		for _, server := range servers {
			all = append(all, counted("cycles of "+server.Addr(), server.Requests(fake.Metrics), cycles))
		}
		return errors.Join(all...)
	})
	stop()
	got := p.procStatus(t, "VmHWM") << 10
	t.Logf("at most %d MiB", got>>20)
	if got > memoryLimit {
		t.Errorf("the process used %d MiB, want at most %d", got>>20, memoryLimit>>20)
	}
	for i, server := range servers {
		st := endpoint{server.Addr(), fake.Metrics}
		if kind := i % len(kinds); kind == 1 || kind > 4 {
			if err := st.noValues(e); err != nil {
				t.Errorf("upstream of kind %d: %v", kind, err)
			}
		}
	}
}

// scrapeAll runs scrapers that never pause until stop is called, which waits for them. They have a long timeout: with 30
// MiB the program spends its time collecting garbage, but must survive.
func scrapeAll(t *testing.T, p *program, scrapers int) (stop func()) {
	t.Helper()
	ended := make(chan struct{})
	var all sync.WaitGroup
	for i := range scrapers {
		all.Go(func() {
			for {
				select {
				case <-ended:
					return
				case <-p.done:
					return
				case <-time.After(5 * time.Millisecond):
				}
				status, _, err := p.requestBy(&patientClient, "GET", "/metrics", "Accept-Encoding", []string{"gzip", "identity"}[i%2])
				if err != nil && status == 0 {
					t.Errorf("a scrape: %v", err)
					return
				}
			}
		})
	}
	return sync.OnceFunc(func() {
		close(ended)
		all.Wait()
	})
}

// limitedByKernel creates a control group with a limit for the memory of its processes. It skips the test if that is not
// permitted.
func limitedByKernel(t *testing.T, bytes int) launch {
	t.Helper()
	const v1, v2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
	root, file := v2, "memory.max"
	if _, err := os.Stat(filepath.Join(v1, "memory.limit_in_bytes")); err == nil {
		root, file = v1, "memory.limit_in_bytes"
	}
	group, err := os.MkdirTemp(root, "betanet")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	})
	// Without O_CREATE: a new file would not be a limit.
	limit, err := os.OpenFile(filepath.Join(group, file), os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	_, err = fmt.Fprint(limit, bytes)
	if closeErr := limit.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		t.Skip(err)
	}
	return launch{wrapper: []string{"sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, group}}
}
