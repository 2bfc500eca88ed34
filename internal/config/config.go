// Package config knows every setting once, in one table: its flag, its
// environment variable, its default, what is accepted and what it means. Help,
// error messages, the printed configuration and the documentation come from it.
package config

import (
	"net/url"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Config is a complete and valid configuration. It is not changed after Load.
type Config struct {
	URLs     []*url.URL
	API      betanet.API
	Settings fleet.Settings
	Web      Web
	Log      Log
	Simulate Simulate
	Collect  Collect

	Command string // the chosen command
	Check   bool   // only check the configuration
	Print   bool   // only print it

	values map[string]value // what was set, as text, by option
}

// Web is how the exporter is reached.
type Web struct {
	ListenAddresses []string
	ConfigFile      string
	SystemdSocket   bool
	TelemetryPath   string
	EnablePprof     bool
	EnableLifecycle bool
	MaxRequests     int // 0 is no limit
}

// Log is what is logged and how.
type Log struct{ Level, Format string }

// Simulate is what the command simulate does.
type Simulate struct {
	ListenAddress string
	Count         int
	API           string
	Faults        string
	Every, For    time.Duration
}

// Collect is what the command collect does.
type Collect struct {
	Output string
	URLs   []string // its arguments
}

// value is the text of a setting and where it comes from.
type value struct {
	texts  []string
	origin string // flag, env or default
	where  string // how the user knows it: --collect.interval, or the variable
}

// Upstreams are the upstreams of the configuration. A single one has no name,
// so that its series are the seed's.
func (c *Config) Upstreams() []*fleet.Upstream {
	var all []*fleet.Upstream
	for _, u := range c.URLs {
		up := &fleet.Upstream{URLs: []*url.URL{u}, API: c.API, Settings: c.Settings}
		if len(c.URLs) > 1 {
			up.Name = fleet.HostPort(u)
		}
		all = append(all, up)
	}
	return all
}
