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

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/status"

	"github.com/prometheus/common/version"
)

// collect makes one collection and prints what it gave. The error names every
// endpoint that failed, and why.
func collect(ctx context.Context, c *config.Config, log *slog.Logger, stdout io.Writer) error {
	if c.Log.Level == "error" {
		log = slog.New(slog.DiscardHandler) // the only errors are those that are reported below
	}
	registry := exposition.NewRegistry()
	upstreams := c.Upstreams()
	past := new(recorder)
	poller := newPoller(registry, past, log, divideOpenFiles(openFilesLimit()).upstreams, nil)
	defer past.warnings.flush()
	if err := usable(upstreams); err != nil {
		return err
	}
	for _, u := range upstreams {
		if err := poller.Add(ctx, u, false); err != nil {
			return err
		}
	}
	views := make([]*fleet.View, len(upstreams))
	var wg sync.WaitGroup
	for i, u := range upstreams {
		wg.Go(func() {
			views[i], _ = poller.CollectNow(ctx, u, u.Settings.Timeout)
			registry.Publish(views[i])
		})
	}
	wg.Wait()
	for _, u := range upstreams {
		poller.Remove(u)
	}
	var err error
	now := time.Now()
	switch c.Collect.Output {
	case "json":
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(status.NewStatus(fleet.HealthOf(views, now), views, version.Version, now))
	case "table":
		err = writeTable(stdout, views, now)
	default:
		err = registry.WriteUpstreams(stdout, exposition.Text)
	}
	return errors.Join(err, failures(views))
}

// failures returns an error with a line for each upstream and reason.
func failures(views []*fleet.View) error {
	var all []error
	for _, v := range views {
		for _, f := range failuresOf(v) {
			text := fmt.Sprintf("%s (%s)", f.text, f.reason)
			if f.text == "" {
				text = f.reason
			}
			all = append(all, fmt.Errorf("%s: fetch %s: %s", v.URL, strings.Join(f.endpoints, ", "), text))
		}
	}
	return errors.Join(all...)
}
