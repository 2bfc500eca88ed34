package blackbox

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// mostMemory is what a process may need for 50 upstreams, whatever they send: three bodies of a megabyte each at a time,
// and what it needs without them.
const mostMemory = 200 << 20

// huge are answers of which each is as large as it may be, or has no end.
func huge() []func(document string) fake.Behaviour {
	spaces := strings.Repeat(" ", 32<<10)
	return []func(string) fake.Behaviour{
		func(d string) fake.Behaviour { return fake.JSON(padded(d, mebibyte)) },
		func(d string) fake.Behaviour { return fake.JSON(padded(d, mebibyte+1)) },
		func(d string) fake.Behaviour { return fake.JSON(crowded(d)) },
		func(d string) fake.Behaviour {
			return fake.JSON(`{"x":"` + strings.Repeat(`\u00e9`, mebibyte/6-100) + `",` + d[1:])
		},
		func(d string) fake.Behaviour { return fake.Chunked(padded(d, mebibyte), 1000) },
		func(d string) fake.Behaviour { return fake.JSON(strings.Repeat("[", mebibyte-1)) },
		func(string) fake.Behaviour {
			return fake.Endless(fake.Answer{Header: []string{fake.JSONType}, NoLength: true}.Bytes(), []byte(spaces))
		},
		func(string) fake.Behaviour {
			return fake.Endless(fake.Answer{Header: []string{fake.JSONType, "Transfer-Encoding: chunked"}}.Bytes(), []byte(fake.Chunks(spaces, len(spaces))))
		},
		func(string) fake.Behaviour { return fake.Typed(bomb(), fake.JSONType, "Content-Encoding: gzip") },
		func(string) fake.Behaviour {
			return fake.Endless([]byte("HTTP/1.1 200 OK\r\n"), []byte(strings.Repeat("A: b\r\n", 100)))
		},
	}
}

// TestHugeDocumentsAndManyScrapersDoNotFillTheMemory has 50 upstreams that send as much as they can, and 60 scrapers
// that ask without a pause.
func TestHugeDocumentsAndManyScrapersDoNotFillTheMemory(t *testing.T) {
	t.Parallel()
	inTheWholeSuiteOnly(t)
	exe, err := plain()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]func(*testing.T) surroundings{
		"as it is":              func(*testing.T) surroundings { return surroundings{} },
		"limited by Go":         func(*testing.T) surroundings { return surroundings{env: []string{"GOMEMLIMIT=30MiB"}} },
		"limited by the kernel": func(t *testing.T) surroundings { return limitedByKernel(t, mostMemory) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s(t)
			s.exe = exe
			flood(t, s)
		})
	}
}

func flood(t *testing.T, s surroundings) {
	kinds := huge()
	args := []string{
		"--collect.interval=2s", "--collect.timeout=1900ms", "--request.timeout=1900ms", "--retry.attempts=1", "--breaker.failures=1000000",
		"--betanet.api=v1",
	}
	var servers []*fake.Server
	for i := range 50 {
		server := start(t)
		for _, path := range v1Paths {
			server.Set(path, kinds[i%len(kinds)](fake.Document(path, documentBefore)))
		}
		servers = append(servers, server)
		args = append(args, "--betanet.url="+server.URL())
	}
	p := s.start(t, args...)
	stop := scrapeAll(t, p, 60)
	defer stop()
	const cycles = 4
	e := p.await(t, "", func(e exposition) error {
		for i, server := range servers {
			if n := server.Requests(fake.Metrics); n < cycles {
				return fmt.Errorf("upstream %d: got %d cycles, want %d", i, n, cycles)
			}
		}
		return allGood(e, servers[0].Addr(), documentBefore)
	})
	stop()
	got := p.procStatus(t, "VmHWM") << 10
	t.Logf("at most %d MiB", got>>20)
	if got > mostMemory {
		t.Errorf("the process needed %d MiB, want %d at most", got>>20, mostMemory>>20)
	}
	for i, server := range servers {
		st := state{server.Addr(), fake.Metrics}
		if kind := i % len(kinds); kind == 1 || kind > 4 {
			if err := st.noValues(e); err != nil {
				t.Errorf("upstream of kind %d: %v", kind, err)
			}
		}
	}
}

var patientClient = http.Client{Timeout: deadline, Transport: client.Transport}

// scrapeAll has a number of scrapers ask without a pause until stop is called, which waits for them. They are patient: with
// 30 MiB the program spends its time collecting garbage, and is to live on.
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
				request, err := http.NewRequest("GET", p.url+"/metrics", http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				if i%2 == 0 {
					request.Header.Set("Accept-Encoding", "gzip")
				}
				response, err := patientClient.Do(request)
				if err != nil {
					t.Errorf("a scrape: %v", err)
					return
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
		})
	}
	return sync.OnceFunc(func() {
		close(ended)
		all.Wait()
	})
}
