package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/fake"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// part is a simulated service and the name of the upstream that it is.
type part struct {
	name string
	fake.Options
}

// api returns the API with which the exporter asks the part.
func (p *part) api(wanted betanet.API) betanet.API {
	if p.API == fake.MixnodesAPI {
		return betanet.MixnodesAPI
	}
	return wanted
}

// usual are the parts of a demo without a drill. Within two minutes the status page
// has an incident that is open and one that has ended, lost packets and stopped
// mixnodes.
var usual = []part{
	{"steady", fake.Options{Seed: 1, API: fake.MixnodesAPI, Conditions: fake.Conditions{Active: 3}}},
	{"flaky", fake.Options{Seed: 2, Every: 70 * time.Second, For: 35 * time.Second, Faults: []fake.Fault{{Kind: "http500"}, {Kind: "refuse"}, {Kind: "hang"}}}},
	{"slow", fake.Options{Seed: 3, Latency: 800 * time.Millisecond, Conditions: fake.Conditions{Loss: 0.06}}},
}

// demo serves three simulated services and an exporter for them. In a drill the
// services fail as its script says, and otherwise work.
func demo(ctx context.Context, c *config.Config, signals *signals, log *slog.Logger, stdout io.Writer) error {
	parts := usual
	if c.Drill.On {
		parts = nil
		for i, name := range fake.DrillServices {
			parts = append(parts, part{name, fake.Options{Seed: uint64(i) + 1}})
		}
	}
	var playing sync.WaitGroup
	defer playing.Wait() // after the services are closed, which ends every wait for them
	services := make(map[string]*fake.Service)
	var upstreams []*fleet.Upstream
	for _, p := range parts {
		p.Addr = "127.0.0.1:0"
		s, err := fake.Simulate(p.Options)
		if err != nil {
			return fmt.Errorf("start the demo: %w", err)
		}
		defer s.Close()
		u, err := url.Parse(s.URL())
		if err != nil {
			return fmt.Errorf("start the demo: %w", err)
		}
		services[p.name] = s
		upstreams = append(upstreams, &fleet.Upstream{Name: p.name, URLs: []*url.URL{u}, API: p.api(c.API), Settings: c.Settings})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening := func(url string) {
		announce(stdout, c, url)
		if c.Drill.On {
			playing.Go(func() { play(ctx, c.Drill, services, stdout) })
		}
	}
	all := settings{c, upstreams}
	return serve(ctx, Network{Listen: net.Listen}, all, func() (settings, error) { return all, nil }, signals, log, listening)
}

// announce prints what there is to see, and where.
func announce(w io.Writer, c *config.Config, url string) {
	fmt.Fprintf(w, "Three simulated Betanet services are being collected every %s:\n", c.Settings.Interval)
	if c.Drill.On {
		fmt.Fprintf(w, "  %s are up, except for what the drill does to them\n", strings.Join(fake.DrillServices, ", "))
	} else {
		fmt.Fprint(w, `  steady  is up, most of its mixnodes have stopped
  flaky   fails for 35s, then works for 35s
  slow    takes 0.8s for each answer, and loses packets
`)
	}
	if url != "" {
		fmt.Fprintf(w, "Open %[1]s/ in a browser, or run\n  curl -s %[1]s%[2]s | grep ^betanet_\n", url, c.Web.TelemetryPath)
	}
	fmt.Fprintln(w, "Press Ctrl-C to stop.")
}
