// Package config loads, validates and prints the configuration. One table declares each
// setting: flag, environment variable, default, accepted values and meaning. Help, error
// messages, the printed configuration and the documentation are generated from it.
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

// Config is a complete and valid configuration. It does not change after Load.
type Config struct {
	URLs     []*url.URL // from flags, the environment or arguments
	File     string     // path of the configuration file; "" if there is none
	API      betanet.API
	Settings fleet.Settings // for upstreams without their own settings

	// Discovery configures the discovery sources. Discovered upstreams use API, Settings
	// and the HTTP settings of their source.
	Discovery discovery.Config
	Probe     probe.Config
	ProbeMode bool // collect only on requests to /probe

	Web      Web
	Log      Log
	Drill    Drill
	OTLP     otlp.Settings
	Simulate Simulate
	Collect  Collect

	Command string // such as ServeCmd
	Check   bool   // only validate the configuration
	Print   bool   // only print the configuration
	Schema  bool   // only print the schema of the file

	named           bool                   // upstreams have names, and their series have the label upstream
	values          map[string]optionValue // by name of the option
	otelEnv         []otlp.Variable        // OpenTelemetry's variables that apply
	warnings        []string
	document        *document
	upstreamConfigs []*upstreamConfig // one for each of upstreams
	upstreams       []*fleet.Upstream
}

// Web configures the listeners.
type Web struct {
	ListenAddresses []string
	HealthAddress   string // "" for no health listener
	ConfigFile      string
	SystemdSocket   bool
	TelemetryPath   string
	EnablePprof     bool
	EnableLifecycle bool
	MaxRequests     int // 0 for no limit
}

// Log configures logging.
type Log struct{ Level, Format string }

// Drill configures the scripted outage of the command demo.
type Drill struct {
	On    bool
	Speed float64 // 1 is real time
}

// Simulate configures the command simulate.
type Simulate struct {
	ListenAddress string
	Count         int
	API           string
	Faults        string
	Every, For    time.Duration
}

// Collect configures the command collect.
type Collect struct {
	Output string
	URLs   []string // the arguments of the command
}

// optionValue is the value of a setting as text, with its origin.
type optionValue struct {
	texts  []string
	origin string // flag, env, file, argument, demo or default
	where  string // "argument", flag, variable, or path and line in the file
	bad    bool   // invalid, and already reported
}

// Warnings returns a message for each setting that is accepted but probably a mistake.
func (c *Config) Warnings() []string { return slices.Clone(c.warnings) }

// Upstreams returns the upstreams of the configuration. A single upstream without a
// file has no name, and its series do not have the label upstream.
func (c *Config) Upstreams() []*fleet.Upstream { return slices.Clone(c.upstreams) }
