package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/fake"
)

// simulate serves simulated Betanet services until ctx ends.
func simulate(ctx context.Context, c config.Simulate, log *slog.Logger) error {
	faults, err := fake.ParseFaults(c.Faults)
	if err != nil {
		return fmt.Errorf("--fault: %w", err)
	}
	host, port, err := net.SplitHostPort(c.ListenAddress)
	if err != nil {
		return fmt.Errorf("--listen-address: %q is not a valid address, use host:port", c.ListenAddress)
	}
	if host == "localhost" || host == "" {
		host = "127.0.0.1"
	}
	for i := range c.Count {
		s, err := fake.Simulate(fake.Options{
			Addr: net.JoinHostPort(host, port), API: fake.API(c.API), Seed: uint64(i),
			Faults: faults, Every: c.Every, For: c.For,
		})
		if err != nil {
			return fmt.Errorf("--listen-address: %w%s", err, listenHint(err))
		}
		defer s.Close()
		log.Info("Simulating a Betanet service", "url", s.URL(), "api", c.API, "faults", c.Faults)
		if a, err := netip.ParseAddr(host); err == nil {
			host = a.Next().String()
		}
	}
	<-ctx.Done()
	return nil
}
