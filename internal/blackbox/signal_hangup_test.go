package blackbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// reloadScenario is an exporter with a configuration file. One of its upstreams is healthy, one has breakers that stay
// open for an hour, and one is only in some versions of the file.
type reloadScenario struct {
	p                      *program
	file                   string
	healthy, broken, other *fake.Server
	requests               map[string]int // to the broken upstream, by path
	before                 exposition
}

func startReloadScenario(t *testing.T) *reloadScenario {
	t.Helper()
	o := &reloadScenario{file: filepath.Join(t.TempDir(), "betanet.yml"), healthy: start(t), broken: start(t), other: start(t), requests: map[string]int{}}
	write(t, o.file, o.good(false))
	o.p = launch{}.start(t, "--config.file="+o.file, "--collect.interval=1s", "--collect.timeout=900ms",
		"--breaker.open=1h", "--cache.max-stale=0", "--retry.backoff=1ms", "--retry.max-backoff=1ms")
	o.p.awaitGood(t, "healthy", documentBefore)
	o.p.awaitGood(t, "broken", documentBefore)
	setAll(o.broken, fake.Status(500, "{}"))
	o.p.await(t, "", func(e exposition) error {
		var all []error
		for _, path := range v1Paths {
			all = append(all, o.isOpen(e, path))
		}
		return errors.Join(all...)
	})
	for _, path := range v1Paths {
		o.requests[path] = o.broken.Requests(path)
	}
	return o
}

// good returns a valid file, with or without the third upstream. The broken upstream has a long timeout, because a
// breaker that opened on a timeout of a busy machine would keep that reason for an hour.
func (o *reloadScenario) good(withOther bool) string {
	text := fmt.Sprintf("upstreams:\n- {name: healthy, url: '%s', breaker: {failures: 1000000}}\n- {name: broken, url: '%s', breaker: {failures: 3}, collect: {interval: 5s, timeout: 4s}}\n", o.healthy.URL(), o.broken.URL())
	if withOther {
		text += fmt.Sprintf("- {name: other, url: '%s', breaker: {failures: 1000000}}\n", o.other.URL())
	}
	return text
}

// bad returns files that must not be applied, not even in part.
func (o *reloadScenario) bad() []string {
	return []string{
		"", "\x00\xff", "upstreams: [", "upstreams:\n- {name: healthy, url: 'http://127.0.0.1:1'}\n- {nmae: broken}\n",
		o.good(true) + "  breaker: {failures: 0}\n", strings.Replace(o.good(true), "name: other", "name: healthy", 1),
	}
}

func (o *reloadScenario) isOpen(e exposition, path string) error {
	st := endpoint{"broken", path}
	switch current, err := st.breaker(e); {
	case err != nil:
		return err
	case current != "open":
		return fmt.Errorf("the breaker of %s is %s, want open", path, current)
	}
	return st.bad(e, documentBefore, "http_5xx")
}

// check scrapes and checks what must be true however often the file is reloaded.
func (o *reloadScenario) check() error {
	e, err := o.p.fetch()
	if err != nil {
		return err
	}
	all := []error{noneFell(o.before.without("other"), e)}
	o.before = e
	for _, path := range v1Paths {
		all = append(all, o.isOpen(e, path), (endpoint{"healthy", path}).values(e, documentBefore))
		if got := o.broken.Requests(path); got != o.requests[path] {
			all = append(all, fmt.Errorf("the broken upstream got %[2]d requests for %[1]s while its breaker was open", path, got-o.requests[path]))
		}
	}
	return errors.Join(all...)
}

// without returns an exposition without the series of an upstream.
func (e exposition) without(upstream string) exposition {
	kept := exposition{map[string]float64{}, e.failing}
	for key, value := range e.values {
		if !strings.Contains(key, `upstream="`+upstream+`"`) {
			kept.values[key] = value
		}
	}
	return kept
}

// reload writes a file and sends the signal.
func (o *reloadScenario) reload(t *testing.T, text string) {
	t.Helper()
	write(t, o.file, text)
	signal(t, o.p, syscall.SIGHUP)
}

// TestAHundredHangupsInASecondLoseNothing changes the file before each signal, alternating between valid and invalid
// files.
func TestAHundredHangupsInASecondLoseNothing(t *testing.T) {
	t.Parallel()
	o := startReloadScenario(t)
	stop := make(chan struct{})
	checked := make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			if err := o.check(); err != nil {
				t.Error(err)
			}
			select {
			case <-stop:
				checked <- n + 1
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	bad := o.bad()
	const hangups = 100
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range hangups {
		text := o.good(i%4 == 0)
		if i%2 == 1 {
			text = bad[i/2%len(bad)]
		}
		o.reload(t, text)
		<-tick.C
	}
	// The last file is applied, no matter what the previous ones were.
	o.reload(t, bad[1])
	o.p.await(t, "", func(e exposition) error { return e.is("betanet_exporter_config_last_reload_successful", 0) })
	o.reload(t, o.good(true))
	o.p.await(t, "other", func(e exposition) error {
		return errors.Join(e.is("betanet_exporter_config_last_reload_successful", 1), allGood(e, "other", documentBefore))
	})
	close(stop)
	t.Logf("%d scrapes", <-checked)

	reloads := 0
	for _, line := range o.p.log.Lines() {
		if strings.Contains(line, "Reloaded the configuration") || strings.Contains(line, "Reload failed") {
			reloads++
		}
	}
	if reloads < 3 || reloads > hangups+2 {
		t.Errorf("got %d reloads for %d signals, want at least 3 and at most one per signal", reloads, hangups+2)
	}
	t.Logf("%d reloads", reloads)

	// The breaker can still close, because an upstream with other settings is a new one.
	publish(o.broken, documentAfter)
	o.reload(t, strings.Replace(o.good(true), "failures: 3}", "failures: 4}", 1))
	o.p.awaitGood(t, "broken", documentAfter)
	checkLeaks(t, o.p, o.healthy, o.broken, o.other)
}

// TestHarmlessSignalsChangeNothing sends signals that any process may receive to an exporter with open breakers.
func TestHarmlessSignalsChangeNothing(t *testing.T) {
	t.Parallel()
	o := startReloadScenario(t)
	harmless := []syscall.Signal{
		syscall.SIGCHLD, syscall.SIGWINCH, syscall.SIGURG, syscall.SIGCONT, syscall.SIGPIPE, syscall.SIGHUP,
	}
	rounds := 200
	if wholeSuite() {
		rounds = 2000
	}
	for i := range rounds {
		signal(t, o.p, harmless[rand.IntN(len(harmless))])
		if i%20 == 0 {
			if err := o.check(); err != nil {
				t.Fatalf("after signal %d: %v", i, err)
			}
		}
	}
	if err := o.check(); err != nil {
		t.Error(err)
	}
	o.p.checkEndsOn(t, syscall.SIGTERM)
}
