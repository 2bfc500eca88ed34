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

// demoService is a simulated service and the name of its upstream.
type demoService struct {
	name string
	fake.Options
}

// demoServices are the services of a demo without a drill. Within two minutes the
// status page shows an open and an ended incident, lost packets and stopped mixnodes.
var demoServices = []demoService{
	{"steady", fake.Options{Seed: 1, API: fake.MixnodesAPI, Conditions: fake.Conditions{Active: 3}}},
	{"flaky", fake.Options{Seed: 2, Every: 70 * time.Second, For: 35 * time.Second, Faults: []fake.Fault{{Kind: "http500"}, {Kind: "refuse"}, {Kind: "hang"}}}},
	{"slow", fake.Options{Seed: 3, Latency: 800 * time.Millisecond, Conditions: fake.Conditions{Loss: 0.06}}},
}

// demo serves three simulated services and an exporter for them. In a drill the
// services fail only as its script requires.
func demo(ctx context.Context, c *config.Config, hangups hangups, log *slog.Logger, stdout io.Writer) error {
	services := demoServices
	if c.Drill.On {
		services = nil
		for i, name := range fake.DrillServices {
			services = append(services, demoService{name, fake.Options{Seed: uint64(i) + 1}})
		}
	}
	var drilling sync.WaitGroup
	defer drilling.Wait() // runs last, because closing the services unblocks the drill
	targets := make(map[string]fake.Target)
	s := settings{Config: c}
	for _, d := range services {
		d.Addr = "127.0.0.1:0"
		service, err := fake.Simulate(d.Options)
		if err != nil {
			return fmt.Errorf("start the demo: %w", err)
		}
		defer service.Close()
		u, err := url.Parse(service.URL())
		if err != nil {
			return fmt.Errorf("start the demo: %w", err)
		}
		api := c.API
		if d.API == fake.MixnodesAPI {
			api = betanet.MixnodesAPI
		}
		targets[d.name] = service
		s.upstreams = append(s.upstreams, &fleet.Upstream{Name: d.name, URLs: []*url.URL{u}, API: api, Settings: c.Settings})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listening := func(url string) {
		announceDemo(stdout, c, url)
		if c.Drill.On {
			drilling.Go(func() { runDrill(ctx, c.Drill, targets, stdout) })
		}
	}
	return serve(ctx, Network{Listen: net.Listen}, s, func() (settings, error) { return s, nil }, hangups, log, listening)
}

// announceDemo describes the demo and prints its URL.
func announceDemo(w io.Writer, c *config.Config, url string) {
	fmt.Fprintf(w, "Three simulated Betanet services, collected every %s:\n", c.Settings.Interval)
	if c.Drill.On {
		fmt.Fprintf(w, "  %s are up until the drill makes them fail\n", strings.Join(fake.DrillServices, ", "))
	} else {
		fmt.Fprint(w, `  steady  is up, but most of its mixnodes have stopped
  flaky   works for 35s, then fails for 35s
  slow    takes 0.8s for each response and loses packets
`)
	}
	if url != "" {
		fmt.Fprintf(w, "Open %[1]s/ in a browser, or run\n  curl -s %[1]s%[2]s | grep ^betanet_\n", url, c.Web.TelemetryPath)
	}
	fmt.Fprintln(w, "Press Ctrl-C to stop.")
}

// runDrill runs the drill on services and prints its progress, until the drill is
// over or ctx ends.
func runDrill(ctx context.Context, c config.Drill, services map[string]fake.Target, stdout io.Writer) {
	now := time.Now()
	length := fake.Length(fake.Script, c.Speed)
	fmt.Fprintf(stdout, "\nThe drill has %d phases, takes %s and ends at %s. What to expect in each phase:\n",
		len(fake.Script), fake.FormatDuration(length), now.Add(length).Format(time.TimeOnly))
	if c.Speed > 1 {
		fmt.Fprintln(stdout, "Alerts are not accelerated: an alert that waits longer than a phase does not fire.")
	}
	fake.WriteSchedule(stdout, fake.Script, c.Speed, now)
	fmt.Fprintln(stdout)
	announce := func(what string) { fmt.Fprintf(stdout, "%s  %s\n", time.Now().Format(time.TimeOnly), what) }
	begin := func(i int) {
		announce(fmt.Sprintf("Phase %d of %d: %s.", i+1, len(fake.Script), fake.Script[i].Name))
	}
	if fake.Play(ctx, fake.Script, services, c.Speed, begin) == nil {
		announce("The drill is over, and the services work normally. Press Ctrl-C to stop.")
	}
}
