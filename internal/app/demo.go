package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"time"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/simulator"
)

// demo serves three simulated services: one that is well, one that breaks down
// every minute and one that takes its time.
func demo(ctx context.Context, c *config.Config, log *slog.Logger, stdout io.Writer) error {
	services := []struct {
		name string
		o    simulator.Options
	}{
		{"steady", simulator.Options{Seed: 1}},
		{"flaky", simulator.Options{Seed: 2, Every: time.Minute, For: 25 * time.Second, Faults: []simulator.Fault{{Kind: "http500"}, {Kind: "refuse"}, {Kind: "hang"}}}},
		{"slow", simulator.Options{Seed: 3, Latency: 800 * time.Millisecond}},
	}
	var upstreams []*fleet.Upstream
	for _, d := range services {
		d.o.Addr = "127.0.0.1:0"
		s, err := simulator.Start(d.o)
		if err != nil {
			return fmt.Errorf("start the demo: %w", err)
		}
		defer s.Close()
		u, err := url.Parse(s.URL())
		if err != nil {
			return fmt.Errorf("start the demo: %w", err)
		}
		upstreams = append(upstreams, &fleet.Upstream{Name: d.name, URLs: []*url.URL{u}, API: c.API, Settings: c.Settings})
	}
	announce := func() {
		fmt.Fprintf(stdout, `Three simulated Betanet services are being collected every %s:
  steady  is well
  flaky   breaks down for 25s at the end of every minute
  slow    takes 0.8s for each answer
Open http://%[2]s/ in a browser, or run
  curl -s http://%[2]s%s | grep ^betanet_
Press Ctrl-C to stop.
`, c.Settings.Interval, c.Web.ListenAddresses[0], c.Web.TelemetryPath)
	}
	all := settings{c, upstreams}
	return serve(ctx, all, func() (settings, error) { return all, nil }, log, announce)
}
