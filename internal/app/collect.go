package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/version"

	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status"
)

// collect collects every upstream once and prints the result. If endpoints fail, it
// returns an error that names each of them and the reason.
func collect(ctx context.Context, s settings, log *slog.Logger, stdout io.Writer) error {
	if s.Log.Level == "error" {
		log = slog.New(slog.DiscardHandler) // the returned error reports the same failures
	}
	registry := exposition.NewRegistry()
	observer := newObserver(registry.Exporter, log)
	defer observer.limiter.flush()
	connections, _ := divideOpenFiles(openFilesLimit())
	poller := newPoller(registry, observer, connections, nil)
	if err := checkClients(s.upstreams); err != nil {
		return err
	}
	// Run makes the retries. It must outlive ctx, because CollectNow returns a view only
	// while Run is running.
	pollCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var polling sync.WaitGroup
	defer polling.Wait()
	defer stop()
	polling.Go(func() { poller.Run(pollCtx) })
	for _, u := range s.upstreams {
		if err := poller.Add(ctx, u, false); err != nil {
			return err
		}
	}
	views := make([]*fleet.View, len(s.upstreams))
	var wg sync.WaitGroup
	for i, u := range s.upstreams {
		wg.Go(func() {
			views[i], _ = poller.CollectNow(ctx, u, u.Settings.Timeout)
			registry.Publish(views[i])
		})
	}
	wg.Wait()
	var err error
	now := time.Now()
	switch s.Collect.Output {
	case "json":
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(status.NewStatus(fleet.HealthOf(views, now), views, version.Version, now))
	case "table":
		err = writeTable(stdout, views, now)
	default:
		err = registry.WriteUpstreams(stdout, exposition.Text)
	}
	return errors.Join(err, joinFailures(views))
}

// joinFailures returns an error with one line for each upstream and reason.
func joinFailures(views []*fleet.View) error {
	var all []error
	for _, v := range views {
		for _, f := range groupFailures(v) {
			text := fmt.Sprintf("%s (%s)", f.text, f.reason)
			if f.text == "" {
				text = f.reason
			}
			all = append(all, fmt.Errorf("%s: fetch %s: %s", v.URL, strings.Join(f.endpoints, ", "), text))
		}
	}
	return errors.Join(all...)
}
