// Package config knows every setting once, in one table: its flag, its
// environment variable, its default, what is accepted and what it means. Help,
// error messages, the printed configuration and the documentation come from it.
package config

import (
	"net/url"
	"slices"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/otlp"
	"github.com/betanet/betanet_exporter/internal/probe"
)

// Config is a complete and valid configuration. It is not changed after Load.
type Config struct {
	URLs     []*url.URL // of flags, variable or arguments
	File     string     // the configuration file, "" for none
	Names    bool       // whether upstreams have names, and series the label upstream
	API      betanet.API
	Settings fleet.Settings // of an upstream that has none of its own

	// Discovery is where further upstreams come from. They have API and Settings, the
	// HTTP settings of their source and no others.
	Discovery discovery.Config
	Probe     probe.Config
	ProbeMode bool // collect only when /probe is asked

	Web      Web
	Log      Log
	Drill    Drill
	OTLP     otlp.Settings
	Simulate Simulate
	Collect  Collect

	Command string // the chosen command
	Check   bool   // only check the configuration
	Print   bool   // only print it
	Schema  bool   // only print the schema of the file

	values    map[string]value // what was set, as text, by option
	otelEnv   []otlp.Variable  // variables of OpenTelemetry that apply
	warnings  []string
	document  *document // what is in the file
	entries   []*upstreamConfig
	upstreams []*fleet.Upstream
}

// Web is how the exporter is reached.
type Web struct {
	ListenAddresses []string
	HealthAddress   string // "" for none
	ConfigFile      string
	SystemdSocket   bool
	TelemetryPath   string
	EnablePprof     bool
	EnableLifecycle bool
	MaxRequests     int // 0 is no limit
}

// Log is what is logged and how.
type Log struct{ Level, Format string }

// Drill is the scripted outage that the command demo may play.
type Drill struct {
	On    bool
	Speed float64 // how many times faster than real
}

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
	origin string // flag, env, file, argument, demo or default
	where  string // how the user knows it: --collect.interval, the variable, or the place in the file
	bad    bool   // not accepted, and reported
}

// Warnings returns what is accepted and probably not meant, a sentence each.
func (c *Config) Warnings() []string { return slices.Clone(c.warnings) }

// Upstreams are the upstreams of the configuration. A single one has no name if
// there is no file, so that its series are the seed's.
func (c *Config) Upstreams() []*fleet.Upstream { return slices.Clone(c.upstreams) }
