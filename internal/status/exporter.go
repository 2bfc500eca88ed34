package status

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// sourceStatus is the result of the last read of a discovery source.
type sourceStatus struct {
	Source      string    `json:"source"` // as in betanet_exporter_discovery_up
	Up          bool      `json:"up"`
	Error       string    `json:"error,omitempty"`
	LastSuccess time.Time `json:"last_success,omitzero"`
	Upstreams   int       `json:"upstreams"`
	Rejected    int       `json:"rejected"`
	Duplicates  int       `json:"duplicates"`
}

// Configuration is the state of the configuration in use.
type Configuration struct {
	File       string    `json:"file,omitempty"` // "" if only flags and variables are used
	LastReload time.Time `json:"last_reload"`    // last success, including the load at startup
	Error      string    `json:"error,omitempty"`
}

// Push is the state of the OTLP push.
type Push struct {
	Endpoint    string    `json:"endpoint"` // without credentials
	LastSuccess time.Time `json:"last_success,omitzero"`
	Error       string    `json:"error,omitempty"` // of the last push
}

// addExporter adds the state of the exporter itself to a status.
func (m *Model) addExporter(s *Status) {
	sources := m.Registry.Exporter.Sources()
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		d := sources[name]
		s.Sources = append(s.Sources, sourceStatus{
			Source: name, Up: d.Up, Error: d.Err, LastSuccess: d.LastSuccess,
			Upstreams: d.Targets - d.Duplicates, Rejected: d.Rejected, Duplicates: d.Duplicates,
		})
	}
	if m.Configuration != nil {
		s.Config = new(m.Configuration())
	}
	if m.Push != nil {
		s.Push = new(m.Push())
	}
}

// exporterState is the template data of the section about the exporter itself.
type exporterState struct {
	Parts     []part
	Failing   bool
	Version   string
	OpenFiles string // "" if unknown
	Docs      string
	Runbook   string
}

// part is a part of the exporter that can fail.
type part struct {
	Name       string
	Pending    bool // not tried yet
	Failing    bool
	AgeSeconds *float64 // since the last success; nil before the first
	Upstreams  string   // number of upstreams; "" if the part has none
	Error      string
}

// docsURL is where the documentation is published.
const docsURL = "https://github.com/betanet/betanet_exporter/blob/main/docs/"

func (m *Model) newExporterState(s *Status, now time.Time) exporterState {
	e := exporterState{Parts: newParts(s, now), Version: m.Version, Docs: docsURL + "status-api.md", Runbook: docsURL + "runbook.md"}
	e.Failing = slices.ContainsFunc(e.Parts, func(p part) bool { return p.Failing })
	if m.OpenFiles == nil {
		return e
	}
	switch open, limit := m.OpenFiles(); {
	case open > 0 && limit > 0:
		e.OpenFiles = groupedInt(open) + " of " + groupedInt(limit)
	case open > 0:
		e.OpenFiles = groupedInt(open)
	}
	return e
}

// newParts returns the discovery sources, the configuration file and the push.
func newParts(s *Status, now time.Time) (all []part) {
	add := func(name, upstreams, failure string, success time.Time) {
		p := part{Name: name, Upstreams: upstreams, Error: failure, Failing: failure != "", Pending: failure == "" && success.IsZero()}
		if !success.IsZero() {
			p.AgeSeconds = new(max(0, now.Sub(success).Seconds()))
		}
		all = append(all, p)
	}
	for _, d := range s.Sources {
		upstreams := groupedInt(d.Upstreams)
		if ignored := d.Rejected + d.Duplicates; ignored > 0 {
			upstreams += fmt.Sprintf(", %s ignored", groupedInt(ignored))
		}
		add("Discovery "+d.Source, upstreams, d.Error, d.LastSuccess)
	}
	if c := s.Config; c != nil && (c.File != "" || c.Error != "") {
		add("Configuration "+c.File, "", c.Error, c.LastReload)
	}
	if p := s.Push; p != nil {
		add("Push to "+p.Endpoint, "", p.Error, p.LastSuccess)
	}
	return all
}
