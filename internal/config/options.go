package config

import (
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/schema"
)

// option declares a setting.
type option struct {
	name     string // of the flag; keyPath is the path in a file
	help     string
	def      string // "(…)" describes a computed default
	accepts  valueSpec
	repeated bool     // may be set several times
	upstream bool     // also a key of defaults and of each upstream in the file; sets only API and Settings
	commands []string // that have the option; empty for all except simulate
}

// Commands of the program.
const (
	Serve       = "serve"
	Demo        = "demo"
	SimulateCmd = "simulate"
	CollectCmd  = "collect"
)

const (
	envPrefix  = "BETANET_EXPORTER_"
	defaultURL = "http://localhost:9000"
)

var (
	serving      = []string{Serve, Demo}
	demoOnly     = []string{Demo}
	simulateOnly = []string{SimulateCmd}
	collectOnly  = []string{CollectCmd}
	allCommands  = []string{Serve, Demo, SimulateCmd, CollectCmd}
)

// options are all settings, in the order of help and documentation. The file and
// the drill come first, because they determine the defaults of the others.
var options = []*option{
	{
		name: "config.file", commands: []string{Serve, CollectCmd}, accepts: text(func(c *Config) *string { return &c.File }),
		help: "YAML file with upstreams, discovery and the targets that may be probed. Every upstream then has the label upstream.",
	},

	{
		name: "drill", def: "false", commands: demoOnly, accepts: boolean(func(c *Config) *bool { return &c.Drill.On }),
		help: "Run a scripted 45-minute outage instead of the usual demo, with the intervals of serve; see docs/drill.md.",
	},
	{
		name: "drill.speed", def: "1", commands: demoOnly, accepts: custom(setSpeed),
		help: "Speed of the drill and its intervals, from 0.1 to 1000 times real time. Only with --drill.",
	},

	{
		name: "betanet.url", def: defaultURL, repeated: true, commands: []string{Serve, CollectCmd}, accepts: custom(setURL),
		help: "Base URL of a Betanet service. Repeatable; in the variable, separated by commas or white space. With a single URL, series do not have the label upstream.",
	},
	{
		name: "betanet.api", upstream: true, def: "auto", accepts: valueSpec{&schema.Schema{Enum: []string{"auto", "v1", "mixnodes"}}, setAPI},
		help: "HTTP API of the services: auto, v1 or mixnodes. auto tries v1 first, then mixnodes if all endpoints of v1 respond with 404.",
	},

	{
		name: "collect.mode", def: "poll", commands: []string{Serve}, accepts: valueSpec{&schema.Schema{Enum: []string{"poll", "probe"}}, setMode},
		help: "poll: collect every upstream at each interval. probe: collect only on requests to /probe; /metrics then has only the exporter's own series.",
	},
	{
		name: "collect.interval", upstream: true, def: "15s", accepts: duration(func(c *Config) *time.Duration { return &c.Settings.Interval }, time.Millisecond),
		help: "Time between two collections of an upstream.",
	},
	{
		name: "collect.timeout", upstream: true, def: "(interval - 1s, or 9/10 of an interval below 2s)", accepts: positive(func(c *Config) *time.Duration { return &c.Settings.Timeout }),
		help: "Time limit for one collection, including all retries. Must be less than the interval.",
	},
	{
		name: "request.timeout", upstream: true, def: "(5s, or collect.timeout if that is less)", accepts: positive(func(c *Config) *time.Duration { return &c.Settings.RequestTimeout }),
		help: "Time limit for one attempt, from the dial to the last byte. At most collect.timeout.",
	},
	{
		name: "retry.attempts", upstream: true, def: "3", accepts: count(1, 100, func(c *Config, n int) { c.Settings.Attempts = n }),
		help: "Attempts per endpoint and collection, including the first.",
	},
	{
		name: "retry.backoff", upstream: true, def: "1s", accepts: positive(func(c *Config) *time.Duration { return &c.Settings.Backoff }),
		help: "Wait before the first retry. It doubles with each further retry.",
	},
	{
		name: "retry.max-backoff", upstream: true, def: "(4s, or retry.backoff if that is more)", accepts: positive(func(c *Config) *time.Duration { return &c.Settings.MaxBackoff }),
		help: "Maximum wait before a retry.",
	},
	{
		name: "retry.jitter", upstream: true, def: "equal", accepts: valueSpec{&schema.Schema{Enum: []string{"none", "equal", "full"}}, setJitter},
		help: "Random part of a wait: none, equal (half of it) or full.",
	},
	{
		name: "breaker.failures", upstream: true, def: "5", accepts: count(1, 1_000_000, func(c *Config, n int) { c.Settings.BreakerFailures = uint32(n) }),
		help: "Consecutive failed attempts that open an endpoint's circuit breaker.",
	},
	{
		name: "breaker.open", upstream: true, def: "30s", accepts: positive(func(c *Config) *time.Duration { return &c.Settings.BreakerOpen }),
		help: "Time for which an open circuit breaker blocks requests before it allows one probe.",
	},
	{
		name: "cache.ttl", upstream: true, def: "10s", accepts: notNegative(func(c *Config) *time.Duration { return &c.Settings.TTL }),
		help: "Age up to which a collection on demand uses the cached values instead of a request. 0 = never.",
	},
	{
		name: "cache.max-stale", upstream: true, def: "5m", accepts: notNegative(func(c *Config) *time.Duration { return &c.Settings.MaxStale }),
		help: "Age at which the last good values are removed. 0 = never.",
	},

	{
		name: "metrics.latency-histogram", upstream: true, def: "(on for one upstream without a name, else off)", commands: []string{Serve, Demo, CollectCmd}, accepts: boolean(func(c *Config) *bool { return &c.Settings.Histogram }),
		help: "Expose the histogram betanet_message_latency_seconds: 14 series per upstream, 1 as a native histogram.",
	},
	{
		name: "metrics.mixnodes", upstream: true, def: "1000", commands: []string{Serve, Demo, CollectCmd}, accepts: count(0, 1_000_000, func(c *Config, n int) { c.Settings.Mixnodes = n }),
		help: "Maximum number of mixnodes per upstream that have their own series, in the order of its document. 0 = none.",
	},

	{
		name: "web.listen-address", def: ":9200", repeated: true, commands: serving, accepts: custom(setListen),
		help: "Address to listen on, such as :9200 or [::1]:9200. Repeatable; in the variable, separated by commas or white space.",
	},
	{
		name: "web.config.file", commands: serving, accepts: text(func(c *Config) *string { return &c.Web.ConfigFile }),
		help: "File that turns on TLS, basic authentication or HTTP/2, in the format of Prometheus' exporter-toolkit.",
	},
	{
		name: "web.systemd-socket", def: "false", commands: serving, accepts: boolean(func(c *Config) *bool { return &c.Web.SystemdSocket }),
		help: "Use the sockets that systemd passes instead of web.listen-address.",
	},
	{
		name: "web.health-address", commands: serving, accepts: custom(setHealthAddress),
		help: "Additional address that serves only /health, /-/healthy and /-/ready, without TLS and authentication, for probes that cannot authenticate.",
	},
	{
		name: "web.telemetry-path", def: "/metrics", commands: serving, accepts: custom(setPath),
		help: "Path of the metrics.",
	},
	{
		name: "web.enable-pprof", def: "false", commands: serving, accepts: boolean(func(c *Config) *bool { return &c.Web.EnablePprof }),
		help: "Serve Go profiles under /debug/pprof/.",
	},
	{
		name: "web.enable-lifecycle", def: "false", commands: serving, accepts: boolean(func(c *Config) *bool { return &c.Web.EnableLifecycle }),
		help: "Allow POST /-/reload.",
	},
	{
		name: "web.max-requests", def: "40", commands: serving, accepts: count(0, 1_000_000, func(c *Config, n int) { c.Web.MaxRequests = n }),
		help: "Maximum number of concurrent scrapes; others get status 503. 0 = no limit.",
	},

	{
		name: "otlp.endpoint", commands: []string{Serve}, accepts: custom(setEndpoint),
		help: "URL to push the same series to with OTLP over HTTP. If it has no path, /v1/metrics is added. Default: the URL in OTEL_EXPORTER_OTLP_METRICS_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT, else nothing is pushed.",
	},
	{
		name: "otlp.interval", def: "15s", commands: []string{Serve}, accepts: duration(func(c *Config) *time.Duration { return &c.OTLP.Interval }, time.Second),
		help: "Time between two pushes.",
	},
	{
		name: "otlp.headers-file", commands: []string{Serve}, accepts: custom(setHeadersFile),
		help: "File with the headers of each push, one per line, such as Authorization: Bearer secret. Read again at each push; takes precedence over OTEL_EXPORTER_OTLP_HEADERS.",
	},

	{
		name: "log.level", def: "info", commands: allCommands, accepts: oneOf(func(c *Config) *string { return &c.Log.Level }, "debug", "info", "warn", "error"),
		help: "Only log messages with the given severity or above: debug, info, warn or error.",
	},
	{
		name: "log.format", def: "logfmt", commands: allCommands, accepts: oneOf(func(c *Config) *string { return &c.Log.Format }, "logfmt", "json"),
		help: "Output format of log messages: logfmt or json.",
	},

	{
		name: "config.check", def: "false", commands: []string{Serve, Demo, CollectCmd}, accepts: boolean(func(c *Config) *bool { return &c.Check }),
		help: "Check the configuration, report every error, and exit with 0 or 1.",
	},
	{
		name: "config.print", def: "false", commands: []string{Serve, Demo, CollectCmd}, accepts: boolean(func(c *Config) *bool { return &c.Print }),
		help: "Print the configuration with the origin of each value, and exit.",
	},
	{
		name: "config.schema", def: "false", commands: []string{Serve, CollectCmd}, accepts: boolean(func(c *Config) *bool { return &c.Schema }),
		help: "Print the JSON Schema of the configuration file, for editors, and exit.",
	},

	{
		name: "listen-address", def: "127.0.0.1:9000", commands: simulateOnly, accepts: text(func(c *Config) *string { return &c.Simulate.ListenAddress }),
		help: "Loopback address to listen on.",
	},
	{
		name: "count", def: "1", commands: simulateOnly, accepts: count(1, 250, func(c *Config, n int) { c.Simulate.Count = n }),
		help: "Number of instances, on 127.0.0.1, 127.0.0.2 and so on, all on the same port.",
	},
	{
		name: "api", def: "v1", commands: simulateOnly, accepts: oneOf(func(c *Config) *string { return &c.Simulate.API }, "v1", "mixnodes"),
		help: "API to serve: v1 or mixnodes.",
	},
	{
		name: "fault", commands: simulateOnly, accepts: text(func(c *Config) *string { return &c.Simulate.Faults }),
		help: "Faults to inject, separated by commas: refuse, hang, reset, http500, badjson, truncate, slow=3s.",
	},
	{
		name: "fault.every", def: "0s", commands: simulateOnly, accepts: notNegative(func(c *Config) *time.Duration { return &c.Simulate.Every }),
		help: "Period of the faults, which occur at the end of each period. 0 = always.",
	},
	{
		name: "fault.for", def: "0s", commands: simulateOnly, accepts: notNegative(func(c *Config) *time.Duration { return &c.Simulate.For }),
		help: "Duration of the faults in each period.",
	},

	{
		name: "output", def: "metrics", commands: collectOnly, accepts: oneOf(func(c *Config) *string { return &c.Collect.Output }, "metrics", "table", "json"),
		help: "What to print: metrics, table or json.",
	},
}

// knownTo reports whether a command has the option.
func (o *option) knownTo(command string) bool {
	if o.commands == nil {
		return command != SimulateCmd
	}
	return slices.Contains(o.commands, command)
}

// onlyOf returns the only command that has the option, "" if several have it.
func (o *option) onlyOf() string {
	if len(o.commands) == 1 {
		return o.commands[0]
	}
	return ""
}

// computed reports whether the default depends on other settings.
func (o *option) computed() bool { return strings.HasPrefix(o.def, "(") }

// keyPath returns the path of the option in a file, relative to defaults or an
// upstream.
func (o *option) keyPath() string { return strings.TrimPrefix(o.name, "betanet.") }

// isBool reports whether the option is set by --name and --no-name, without a value.
func (o *option) isBool() bool { return o.accepts.schema.Type == schema.Flag }

// optionNamed returns the option with a name, nil if there is none.
func optionNamed(name string) *option {
	i := slices.IndexFunc(options, func(o *option) bool { return o.name == name })
	if i < 0 {
		return nil
	}
	return options[i]
}

// variable returns the name of the option's environment variable.
func (o *option) variable() string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(o.name))
}
