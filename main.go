// Command betanet_exporter serves the state of Betanet services to Prometheus.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/betanet/betanet_exporter/internal/app"
)

func main() {
	// Catch signals until the exit, so that a second one does not interrupt the
	// shutdown.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	os.Exit(app.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)) // 0 or 1
}
