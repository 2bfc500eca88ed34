package blackbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/app"
)

// goroutineLabel labels the goroutines of an exporter in the process of the test with its address in memory.
const goroutineLabel = "exporter"

func (p *program) label() string { return fmt.Sprintf("%p", p) }

// inProcess starts the exporter in the process of the test. It collects each upstream at startup and then only once
// before each scrape.
//
// A test that calls it must not be parallel itself, though its subtests may be. It then ends before the parallel tests
// start exporters as processes, where timing matters.
func inProcess(t *testing.T, upstreams []string, args ...string) *program {
	t.Helper()
	slotsInProcess <- struct{}{}
	p := &program{done: make(chan struct{}), onDemand: upstreams}
	args = append([]string{
		"--web.listen-address=127.0.0.1:0", "--log.level=debug", "--metrics.latency-histogram", "--collect.interval=1h", "--cache.ttl=0",
		"--web.enable-pprof", // without it each exporter would change the memory profile of the test
	}, args...)
	ctx, end := context.WithCancel(context.Background())
	go func() {
		defer close(p.done)
		pprof.Do(ctx, pprof.Labels(goroutineLabel, p.label()), func(ctx context.Context) {
			if code := app.Run(ctx, args, io.Discard, &p.log); code != 0 {
				p.err = fmt.Errorf("exit code %d", code)
			}
		})
	}()
	t.Cleanup(func() {
		end()
		<-p.done
		<-slotsInProcess
		p.checkEnd(t)
	})
	p.url = "http://" + p.address(t)
	return p
}

// collect collects every upstream once.
func (p *program) collect() error {
	p.rounds++
	for _, name := range p.onDemand {
		if status, _, err := p.requestBy(&patientClient, "GET", "/probe?target="+name); err != nil || status != http.StatusOK {
			return fmt.Errorf("collect %s: got status %d and error %v, want 200", name, status, err)
		}
	}
	return nil
}

// goroutines counts the goroutines of an exporter in the process of the test.
func (p *program) goroutines() (n int) {
	var profile bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&profile, 1)
	_, stacks, _ := strings.Cut(profile.String(), "\n")
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		var same int
		if _, err := fmt.Sscanf(stack, "%d @", &same); err == nil && strings.Contains(stack, `"`+p.label()+`"`) {
			n += same
		}
	}
	return n
}

// checkGoroutines returns an error if an exporter in the process of the test has more goroutines than before a fault. The
// scrapers of the test may have opened another connection or two.
func (p *program) checkGoroutines(before int) error {
	if n := p.goroutines(); n > before+2 {
		return fmt.Errorf("got %d goroutines of the exporter, want the %d before the fault", n, before)
	}
	return nil
}

// descriptors returns the number of open descriptors of the test process, or 0 if the system does not report it.
func descriptors() int {
	files, _ := os.ReadDir("/proc/self/fd")
	return len(files)
}
