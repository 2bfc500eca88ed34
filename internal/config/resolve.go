package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// resolve computes the defaults that depend on other settings, creates the upstreams,
// and checks settings against each other.
func (c *Config) resolve() (all []error) {
	switch sim := &c.Simulate; {
	case sim.Every == 0 && sim.For > 0:
		all = append(all, fmt.Errorf("--fault.for: %s requires --fault.every", sim.For))
	case sim.For > sim.Every, sim.Every > 0 && sim.For == 0:
		all = append(all, fmt.Errorf("--fault.for: %s is not valid with --fault.every=%s, use more than 0 and at most --fault.every", sim.For, sim.Every))
	}
	if c.Command == SimulateCmd {
		return all
	}
	if speed := c.values["drill.speed"]; c.Command == DemoCmd && !c.Drill.On && speed.origin != "default" && !c.values["drill"].bad {
		all = append(all, fmt.Errorf("%s: %s requires --drill", speed.where, strings.Join(speed.texts, "")))
	}
	all = append(all, c.checkListening()...)
	from := c.values["betanet.url"]
	for _, u := range c.URLs {
		c.upstreamConfigs = append(c.upstreamConfigs, &upstreamConfig{urls: []*url.URL{u}, nameAt: from.where, origin: from.origin})
	}
	if from.origin != "argument" {
		c.upstreamConfigs = append(c.upstreamConfigs, c.document.upstreams...)
		c.named = c.File != ""
	}
	c.named = c.named || len(c.upstreamConfigs) > 1
	if c.values["metrics.latency-histogram"].origin == "default" {
		c.Settings.Histogram = !c.named
	}
	shared := c.Settings // before the remaining defaults are computed
	setComputedDefaults(&c.Settings)
	all = append(all, c.check(&c.Settings, nil)...)
	c.Discovery, c.Probe = c.document.discovery, c.document.probe
	names := make(map[string]string, len(c.upstreamConfigs))
	for _, e := range c.upstreamConfigs {
		u := c.upstream(e, shared)
		if first, ok := names[u.Name]; ok && u.Name != "" {
			all = append(all, fmt.Errorf("%s: duplicate name %q, first at %s", e.nameAt, u.Name, strings.TrimPrefix(first, c.File+": ")))
		} else {
			names[u.Name] = e.nameAt
		}
		if len(e.settings) > 0 {
			all = append(all, c.check(&u.Settings, e)...)
		}
		c.upstreams = append(c.upstreams, u)
	}
	return all
}

// upstream creates an upstream from its own settings and the shared settings. It needs the
// shared settings before defaults are computed, because the upstream's own settings may
// change a computed default.
func (c *Config) upstream(e *upstreamConfig, shared fleet.Settings) *fleet.Upstream {
	u := &fleet.Upstream{Name: e.name, URLs: e.urls, API: c.API, Settings: c.Settings, Labels: e.allLabels(c.document.defaults.labels)}
	if c.named && u.Name == "" && len(u.URLs) > 0 {
		u.Name = fleet.HostPort(u.URLs[0])
	}
	if len(e.settings) > 0 {
		own := Config{API: c.API, Settings: shared}
		for _, s := range e.settings {
			for _, text := range s.texts {
				_ = s.option.set(&own, text) // checked when the file was read
			}
		}
		setComputedDefaults(&own.Settings)
		u.API, u.Settings = own.API, own.Settings
	}
	if u.HTTP = e.http; u.HTTP == nil {
		u.HTTP = c.document.defaults.http
	}
	return u
}

// allLabels returns the labels of the upstream, sorted, including the labels of defaults
// that it does not override. It omits labels with an empty value.
func (u *upstreamConfig) allLabels(defaults []fleet.Label) []fleet.Label {
	all := slices.Clone(u.labels)
	for _, d := range defaults {
		if !slices.ContainsFunc(u.labels, func(l fleet.Label) bool { return l.Name == d.Name }) {
			all = append(all, d)
		}
	}
	all = slices.DeleteFunc(all, func(l fleet.Label) bool { return l.Value == "" })
	slices.SortFunc(all, func(a, b fleet.Label) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// setComputedDefaults sets each setting that is not set and whose default is computed.
func setComputedDefaults(s *fleet.Settings) {
	if s.Timeout == 0 {
		if s.Timeout = s.Interval - time.Second; s.Interval < 2*time.Second {
			s.Timeout = s.Interval * 9 / 10
		}
	}
	if s.RequestTimeout == 0 {
		s.RequestTimeout = min(5*time.Second, s.Timeout)
	}
	if s.MaxBackoff == 0 {
		s.MaxBackoff = max(4*time.Second, s.Backoff)
	}
}

// constraints relate several settings. An error names the first of the options. broken
// reports whether the constraint is violated, and returns the two values that problem
// shows.
var constraints = []struct {
	options []string
	broken  func(*fleet.Settings) (bool, time.Duration, time.Duration)
	problem string
}{
	{
		[]string{"collect.timeout", "collect.interval"},
		func(s *fleet.Settings) (bool, time.Duration, time.Duration) {
			return s.Timeout >= s.Interval, s.Timeout, s.Interval
		},
		"%s must be less than collect.interval (%s)",
	},
	{
		[]string{"request.timeout", "collect.timeout", "collect.interval"},
		func(s *fleet.Settings) (bool, time.Duration, time.Duration) {
			return s.RequestTimeout > s.Timeout, s.RequestTimeout, s.Timeout
		},
		"%s must not be more than collect.timeout (%s)",
	},
	{
		[]string{"retry.backoff", "retry.max-backoff"},
		func(s *fleet.Settings) (bool, time.Duration, time.Duration) {
			return s.Backoff > s.MaxBackoff, s.Backoff, s.MaxBackoff
		},
		"%s must not be more than retry.max-backoff (%s)",
	},
}

// check returns an error for each violated constraint. If e is not nil, it returns only the
// errors that e's own settings cause.
func (c *Config) check(s *fleet.Settings, e *upstreamConfig) (all []error) {
	for _, r := range constraints {
		if broken, value, limit := r.broken(s); broken && c.shouldReport(e, r.options) {
			all = append(all, fmt.Errorf("%s: "+r.problem, c.where(e, r.options[0]), value, limit))
		}
	}
	return all
}

// shouldReport reports whether a violated constraint on the named options is worth an
// error: e is nil or sets one of them, and none of their values has been reported as
// invalid.
func (c *Config) shouldReport(e *upstreamConfig, names []string) bool {
	own := e == nil
	for _, n := range names {
		bad := c.values[n].bad
		if e != nil {
			if s := e.setting(n); s != nil {
				own, bad = true, s.bad
			}
		}
		if bad {
			return false
		}
	}
	return own
}

// where returns the place that sets an option of e or, if e is nil, of all upstreams.
func (c *Config) where(e *upstreamConfig, name string) string {
	v := c.values[name]
	if e == nil {
		return v.where
	}
	if s := e.setting(name); s != nil {
		return s.where
	}
	from := map[string]string{"file": "defaults", "default": "the default"}[v.origin]
	if from == "" {
		from = v.where
	}
	return fmt.Sprintf("%s: %s.%s (line %d, from %s)", c.File, e.path, name, e.line, from)
}
