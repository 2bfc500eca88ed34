package status

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/exposition"
)

// sourceStatus is a source of discovery, as it was when last tried.
type sourceStatus struct {
	Source      string    `json:"source"` // as in betanet_exporter_discovery_up
	Up          bool      `json:"up"`
	Error       string    `json:"error,omitempty"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	Upstreams   int       `json:"upstreams"`
	Rejected    int       `json:"rejected"`
	Duplicates  int       `json:"duplicates"`
}

// Configuration is the state of the configuration in force.
type Configuration struct {
	File       string    `json:"file,omitempty"` // empty for flags and variables alone
	LastReload time.Time `json:"last_reload"`    // that succeeded, the start included
	Error      string    `json:"error,omitempty"`
}

// Push is the state of pushing by OTLP.
type Push struct {
	Endpoint    string    `json:"endpoint"` // without credentials
	LastSuccess time.Time `json:"last_success,omitzero"`
	Error       string    `json:"error,omitempty"` // of the last push
}

// newSources returns the sources, sorted by name.
func newSources(r *exposition.Registry) (all []sourceStatus) {
	found := r.Exporter.Sources()
	for _, name := range slices.Sorted(maps.Keys(found)) {
		d := found[name]
		all = append(all, sourceStatus{
			Source: name, Up: d.Up, Error: d.Err, LastSuccess: d.LastSuccess,
			Upstreams: d.Targets - d.Duplicates, Rejected: d.Rejected, Duplicates: d.Duplicates,
		})
	}
	return all
}

// itself adds the state of the exporter itself to s.
func (m *Model) itself(s *Status) {
	s.Sources = newSources(m.Registry)
	if m.Configuration != nil {
		c := m.Configuration()
		s.Config = &c
	}
	if m.Push != nil {
		push := m.Push()
		s.Push = &push
	}
}

// part is a part of the exporter itself, in the table of the page.
type part struct {
	What       string
	Pending    bool // nothing is known yet
	Failing    bool
	AgeSeconds *float64 // of the last success, nil before the first
	Upstreams  string   // "" where it has none
	Error      string
}

// newParts returns what can fail besides upstreams: the sources of discovery, the
// configuration file and pushing.
func newParts(s *Status, now time.Time) (all []part) {
	add := func(what, upstreams, failure string, success time.Time, failing bool) {
		p := part{What: what, Upstreams: upstreams, Error: failure, Failing: failing, Pending: !failing && success.IsZero()}
		if !success.IsZero() {
			p.AgeSeconds = new(max(0, now.Sub(success).Seconds()))
		}
		all = append(all, p)
	}
	for _, d := range s.Sources {
		upstreams := grouped(uint64(d.Upstreams))
		if left := d.Rejected + d.Duplicates; left > 0 {
			upstreams += fmt.Sprintf(", %s left out", grouped(uint64(left)))
		}
		add("Discovery "+d.Source, upstreams, d.Error, d.LastSuccess, d.Error != "")
	}
	if c := s.Config; c != nil && (c.File != "" || c.Error != "") {
		add("Configuration "+c.File, "", c.Error, c.LastReload, c.Error != "")
	}
	if p := s.Push; p != nil {
		add("Push to "+p.Endpoint, "", p.Error, p.LastSuccess, p.Error != "")
	}
	return all
}
