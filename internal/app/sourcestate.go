package app

import (
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// sourceState is the last result of a discovery source. Log lines name the source in
// the attribute discovery, because promslog reserves the attribute source.
type sourceState struct {
	list        discovery.List      // after a failure, with the targets found before
	http        *betanet.HTTPConfig // for the discovered upstreams
	tried       bool
	lastSuccess time.Time

	failing, rejected, stripped, note changeLimit
}

// update replaces the last result and logs what changed. After a failed read it
// keeps the targets that were found before.
func (s *sourceState) update(name string, l discovery.List, log *slog.Logger) {
	now := time.Now()
	if l.Err != nil && !l.Partial {
		err := l.Err
		l = s.list
		l.Err = err
	}
	becameEmpty := len(l.Targets) == 0 && (!s.tried || len(s.list.Targets) > 0)
	s.list, s.tried = l, true
	reason := ""
	if l.Err == nil {
		s.lastSuccess = now
	} else {
		// Remove the local address, whose port differs each time, so that a lasting
		// failure keeps the same reason.
		reason = localAddress.ReplaceAllString(escape(l.Err.Error()), "")
	}
	log = log.With("discovery", name)
	for _, c := range []struct {
		limit     *changeLimit
		reason    string
		message   string
		attrs     []any  // attributes of message
		recovered string // message when the reason is gone, "" for none
		common    []any  // attributes of both messages
	}{
		{&s.failing, reason, "Discovery failed, keeping the last list of targets", []any{keyErr, reason}, "Discovery recovered", []any{"targets", len(l.Targets)}},
		{&s.rejected, strings.Join(l.Rejected, "\n"), "Targets left out", []any{"rejected", len(l.Rejected), keyErr, joinFirst(l.Rejected)}, "All targets are valid again", nil},
		{&s.stripped, strings.Join(l.Stripped, "\n"), "Dropping the labels instance and job, which Prometheus sets itself", []any{"targets", joinFirst(l.Stripped)}, "", nil},
		{&s.note, l.Note, "Discovery may be missing targets", []any{"note", l.Note}, "", nil},
	} {
		changes := c.limit.record(c.reason, now)
		common := append(c.common, "changes", changes)
		switch {
		case changes == 0:
		case c.reason != "":
			log.Warn(c.message, append(c.attrs, common...)...)
		case c.recovered != "":
			log.Info(c.recovered, common...)
		}
	}
	if l.Err == nil && becameEmpty {
		log.Warn("Discovery found no targets")
	}
}

// metrics returns the values of the metrics about the source.
func (s *sourceState) metrics(duplicates int) exposition.Discovery {
	return exposition.Discovery{
		Tried: s.tried, Up: s.tried && s.list.Err == nil, Targets: len(s.list.Targets),
		Duplicates: duplicates, Rejected: len(s.list.Rejected), LastSuccess: s.lastSuccess, Err: s.failing.reason,
	}
}

// upstreams returns an upstream for each target. All discovered upstreams share
// settings and api; each source has its own HTTP settings.
func (s *sourceState) upstreams(settings fleet.Settings, api betanet.API) []*fleet.Upstream {
	all := make([]*fleet.Upstream, len(s.list.Targets))
	for i, t := range s.list.Targets {
		all[i] = &fleet.Upstream{Name: t.Name, URLs: []*url.URL{t.URL}, API: api, Settings: settings, Labels: t.Labels, HTTP: s.http}
	}
	return all
}
