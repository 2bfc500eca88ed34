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

// sourceState is the last result of a source of discovery. Its log lines have the
// attribute discovery, because promslog reserves source.
type sourceState struct {
	list        discovery.List      // with the targets that were kept
	http        *betanet.HTTPConfig // of the upstreams
	tried       bool
	lastSuccess time.Time

	failing, rejected, stripped, note changeLimit
}

// update replaces the last result and logs what changed. A failed read keeps the
// targets that were found before.
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
		// Each connection has another local port, but a lasting failure has one reason.
		reason = localAddress.ReplaceAllString(escape(l.Err.Error()), "")
	}
	log = log.With("discovery", name)
	for _, c := range []struct {
		limit     *changeLimit
		reason    string
		message   string
		attrs     []any  // of the message
		recovered string // "" for no line
		common    []any  // attributes of both
	}{
		{&s.failing, reason, "Discovery failed, keeping the last list of targets", []any{keyErr, reason}, "Discovery recovered", []any{"targets", len(l.Targets)}},
		{&s.rejected, strings.Join(l.Rejected, "\n"), "Targets left out", []any{"rejected", len(l.Rejected), keyErr, firstOf(l.Rejected)}, "No targets are left out any more", nil},
		{&s.stripped, strings.Join(l.Stripped, "\n"), "Labels instance and job dropped, which Prometheus sets", []any{"targets", firstOf(l.Stripped)}, "", nil},
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
		log.Warn("Discovery lists no targets")
	}
}

// metrics returns the values of the source's series.
func (s *sourceState) metrics(duplicates int) exposition.Discovery {
	return exposition.Discovery{
		Tried: s.tried, Up: s.tried && s.list.Err == nil, Targets: len(s.list.Targets),
		Duplicates: duplicates, Rejected: len(s.list.Rejected), LastSuccess: s.lastSuccess, Err: s.failing.reason,
	}
}

// upstreams returns the upstreams of the targets. They have the settings of all
// discovered upstreams, and the source's own credentials.
func (s *sourceState) upstreams(settings fleet.Settings, api betanet.API) []*fleet.Upstream {
	all := make([]*fleet.Upstream, len(s.list.Targets))
	for i, t := range s.list.Targets {
		all[i] = &fleet.Upstream{Name: t.Name, URLs: []*url.URL{t.URL}, API: api, Settings: settings, Labels: t.Labels, HTTP: s.http}
	}
	return all
}
