package app

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/drill"
	"github.com/betanet/betanet_exporter/internal/simulator"
)

// play plays the drill on services and prints what it does, until the drill is
// over or ctx ends.
func play(ctx context.Context, c config.Drill, services map[string]*simulator.Server, stdout io.Writer) {
	now := time.Now()
	length := drill.Length(drill.Script, c.Speed)
	fmt.Fprintf(stdout, "\nThe drill: %d phases in %s, until %s, and what should be seen in each.\n",
		len(drill.Script), drill.Brief(length), now.Add(length).Format(time.TimeOnly))
	if c.Speed > 1 {
		fmt.Fprintln(stdout, "Alerts are no faster than usual: those that wait longer than a phase do not fire.")
	}
	drill.WriteSchedule(stdout, drill.Script, c.Speed, now)
	fmt.Fprintln(stdout)
	say := func(what string) { fmt.Fprintf(stdout, "%s  %s\n", time.Now().Format(time.TimeOnly), what) }

	all := make(map[string]drill.Service, len(services))
	for name, s := range services {
		all[name] = s
	}
	begin := func(i int) {
		say(fmt.Sprintf("Phase %d of %d: %s.", i+1, len(drill.Script), drill.Script[i].Name))
	}
	if drill.Play(ctx, drill.Script, all, c.Speed, begin) == nil {
		say("The drill is over, the services stay well. Press Ctrl-C to stop.")
	}
}
