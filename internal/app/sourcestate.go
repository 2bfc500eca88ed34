package app

import (
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/exposition"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// sourceState is what a source of discovery found last. Its log lines have the
// attribute discovery, because promslog takes source for itself.
type sourceState struct {
	list        discovery.List      // with the targets that are kept
	http        *betanet.HTTPConfig // of the upstreams
	tried       bool
	lastSuccess time.Time
	duplicates  int
	err         string // of list

	failing, rejected, stripped, note changeLimit
}

// take takes the list of a read and logs what changed.
func (s *sourceState) take(name string, l discovery.List, log *slog.Logger) {
	now := time.Now()
	if l.Err != nil && !l.Partial { // nothing is known: what was found before is kept
		err := l.Err
		l = s.list
		l.Err = err
	}
	had, first := len(s.list.Targets), !s.tried
	s.list, s.tried = l, true
	if l.Err == nil {
		s.lastSuccess = now
	}
	log = log.With("discovery", name)
	reason := ""
	if l.Err != nil {
		reason = withoutLocalPort(quote(l.Err))
	}
	s.err = reason
	if changes := s.failing.note(reason, now); changes > 0 {
		if reason != "" {
			log.Warn("Discovery failed, keeping the last list of targets", keyErr, reason, "targets", len(l.Targets), "changes", changes)
		} else {
			log.Info("Discovery recovered", "targets", len(l.Targets), "changes", changes)
		}
	}
	if changes := s.rejected.note(strings.Join(l.Rejected, "\n"), now); changes > 0 {
		if n := len(l.Rejected); n > 0 {
			log.Warn("Targets left out", "rejected", n, keyErr, firstOf(l.Rejected), "changes", changes)
		} else {
			log.Info("No targets are left out any more", "changes", changes)
		}
	}
	if changes := s.stripped.note(strings.Join(l.Stripped, "\n"), now); changes > 0 && len(l.Stripped) > 0 {
		log.Warn("Labels instance and job dropped, which Prometheus sets", "targets", firstOf(l.Stripped), "changes", changes)
	}
	if changes := s.note.note(l.Note, now); changes > 0 && l.Note != "" {
		log.Warn("Discovery finds less than there is", "note", l.Note, "changes", changes)
	}
	if l.Err == nil && len(l.Targets) == 0 && (first || had > 0) {
		log.Warn("Discovery lists no targets")
	}
}

// state is that of the series.
func (s *sourceState) state() exposition.Discovery {
	return exposition.Discovery{
		Tried: s.tried, Up: s.tried && s.list.Err == nil, Targets: len(s.list.Targets),
		Duplicates: s.duplicates, Rejected: len(s.list.Rejected), LastSuccess: s.lastSuccess, Err: s.err,
	}
}

// upstreams gives the targets the settings of all discovered upstreams;
// credentials are only those of the source.
func (s *sourceState) upstreams(set fleet.Settings, api betanet.API) []*fleet.Upstream {
	all := make([]*fleet.Upstream, len(s.list.Targets))
	for i, t := range s.list.Targets {
		all[i] = &fleet.Upstream{Name: t.Name, URLs: []*url.URL{t.URL}, API: api, Settings: set, Labels: t.Labels, HTTP: s.http}
	}
	return all
}

// withoutLocalPort leaves out our own address of a connection, which differs from
// attempt to attempt, so that a failure that lasts has one reason.
func withoutLocalPort(text string) string { return localAddress.ReplaceAllString(text, "") }

var localAddress = regexp.MustCompile(`[0-9A-Za-z.:%\[\]]+:[0-9]+->`)

// maxNamed is how many of a list a log line names.
const maxNamed = 5

// firstOf joins the first of some texts, and counts the others.
func firstOf(all []string) string {
	shown := strings.Join(all[:min(len(all), maxNamed)], ", ")
	if more := len(all) - maxNamed; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return shown
}
