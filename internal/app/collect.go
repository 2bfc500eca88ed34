package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/web"

	"github.com/prometheus/common/version"
)

// collect makes one collection and prints what it gave. The error names every
// endpoint that failed, and why.
func collect(ctx context.Context, c *config.Config, log *slog.Logger, stdout io.Writer) error {
	registry := exposition.NewRegistry()
	upstreams := c.Upstreams()
	poller := newPoller(registry, new(past), log, c.Names, divideOpenFiles(openFilesLimit()).upstreams)
	if err := usable(upstreams); err != nil {
		return err
	}
	views := make([]*fleet.View, len(upstreams))
	var wg sync.WaitGroup
	for i, u := range upstreams {
		if err := poller.Add(ctx, u, false); err != nil {
			return err
		}
		wg.Go(func() {
			views[i], _ = poller.Demand(ctx, u, u.Settings.Timeout)
			registry.Publish(views[i])
		})
	}
	wg.Wait()
	for _, u := range upstreams {
		poller.Remove(u)
	}
	var err error
	switch c.Collect.Output {
	case "json":
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(web.NewStatus(views, version.Version, time.Now()))
	case "table":
		err = writeTable(stdout, views)
	default:
		err = registry.WriteUpstreams(stdout, exposition.Text)
	}
	return errors.Join(err, failures(views))
}

func failures(views []*fleet.View) error {
	var all []error
	for _, v := range views {
		for i := range v.Endpoints {
			switch e := &v.Endpoints[i]; {
			case e.Failure != nil:
				all = append(all, fmt.Errorf("%s: %s (%s)", v.URL, quote(e.Failure), e.Failure.Reason))
			case !e.Tried:
				all = append(all, fmt.Errorf("%s: fetch %s: interrupted", v.URL, e.Endpoint))
			}
		}
	}
	return errors.Join(all...)
}

// writeTable prints a line for each upstream, aligned. A dash is a value that
// is not known.
func writeTable(w io.Writer, views []*fleet.View) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "UPSTREAM\tSTATE\tAPI\tPEERS\tACTIVE\tINACTIVE\tMESSAGES\tDROPPED\tSENT\tRECEIVED\tLATENCY\t")
	now := time.Now()
	for _, view := range views {
		v := view.Values(now)
		fmt.Fprintf(t, "%s\t%s\t%s\t", view.Upstream.Title(), view.State(now), view.API)
		for _, n := range []*uint64{v.Peers, v.Active, v.Inactive, v.Messages, v.Dropped, v.BytesTransmitted, v.BytesRecvd} {
			if n == nil {
				fmt.Fprint(t, "-\t")
			} else {
				fmt.Fprintf(t, "%d\t", *n)
			}
		}
		if v.LatencySeconds == nil {
			fmt.Fprintln(t, "-\t")
		} else {
			fmt.Fprintf(t, "%.1fms\t\n", *v.LatencySeconds*1000)
		}
	}
	return t.Flush()
}
