package app

import (
	"bytes"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/poll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logBuffer collects the lines of a log at level info, without their times.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// take returns the lines since the last call.
func (b *logBuffer) take() (lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.text.String()) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	b.text.Reset()
	return lines
}

// want reports an error unless the lines since the last call are the wanted ones.
func (b *logBuffer) want(t *testing.T, want ...string) {
	t.Helper()
	if got := b.take(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// observerFixture is an observer with its log.
type observerFixture struct {
	*observer
	logBuffer
}

func newObserverFixture(upstreams int) *observerFixture {
	f := new(observerFixture)
	f.observer = newObserver(exposition.NewRegistry().Exporter, f.logger())
	f.metrics.Upstreams(upstreams)
	return f
}

var (
	edge      = &fleet.Upstream{Name: "edge", URLs: []*url.URL{{Scheme: "http", Host: "h:1"}}, Settings: fleet.Settings{Interval: 15 * time.Second}}
	edgeNodes = poll.Origin{Upstream: edge, Endpoint: betanet.Nodes}
	edgeEnded = poll.Ended{View: &fleet.View{Upstream: edge, Endpoints: []fleet.EndpointView{{}}}}
)

func failure(r betanet.Reason, text string) *betanet.Failure {
	return &betanet.Failure{Reason: r, Err: errors.New(text)}
}
