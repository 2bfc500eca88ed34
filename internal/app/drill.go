package app

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/fake"
)

// play plays the drill on services and prints what it does, until the drill is
// over or ctx ends.
func play(ctx context.Context, c config.Drill, services map[string]*fake.Service, stdout io.Writer) {
	now := time.Now()
	length := fake.Length(fake.Script, c.Speed)
	fmt.Fprintf(stdout, "\nThe drill: %d phases in %s, until %s, and what should be seen in each.\n",
		len(fake.Script), fake.Brief(length), now.Add(length).Format(time.TimeOnly))
	if c.Speed > 1 {
		fmt.Fprintln(stdout, "Alerts are no faster than usual: those that wait longer than a phase do not fire.")
	}
	fake.WriteSchedule(stdout, fake.Script, c.Speed, now)
	fmt.Fprintln(stdout)
	say := func(what string) { fmt.Fprintf(stdout, "%s  %s\n", time.Now().Format(time.TimeOnly), what) }

	all := make(map[string]fake.Target, len(services))
	for name, s := range services {
		all[name] = s
	}
	begin := func(i int) {
		say(fmt.Sprintf("Phase %d of %d: %s.", i+1, len(fake.Script), fake.Script[i].Name))
	}
	if fake.Play(ctx, fake.Script, all, c.Speed, begin) == nil {
		say("The drill is over, the services stay well. Press Ctrl-C to stop.")
	}
}
