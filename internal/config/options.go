package config

import (
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/schema"
)

// option declares a setting.
type option struct {
	name        string // of the flag; keyPath is the path in a file
	help        string
	def         string // default; "(…)" describes a computed one
	placeholder string // names the value in the help, for an option without a fixed default
	accepts     valueSpec
	repeated    bool     // may be set several times
	upstream    bool     // also a key in the file, in defaults and in each upstream; changes only API and Settings
	commands    []string // commands that have the option; nil for all except simulate
}

// The commands of the program.
const (
	ServeCmd    = "serve"
	DemoCmd     = "demo"
	SimulateCmd = "simulate"
	CollectCmd  = "collect"
)

const (
	envPrefix  = "BETANET_EXPORTER_"
	defaultURL = "http://localhost:9000"
)

var (
	serveAndDemo = []string{ServeCmd, DemoCmd}
	demoOnly     = []string{DemoCmd}
	simulateOnly = []string{SimulateCmd}
	collectOnly  = []string{CollectCmd}
	allCommands  = []string{ServeCmd, DemoCmd, SimulateCmd, CollectCmd}
)

// options lists all settings in the order of the help and the documentation. The file
// and the drill come first, because they determine the defaults of the others.
var options = []*option{
	{
		name: "config.file", placeholder: "<path>", commands: []string{ServeCmd, CollectCmd}, accepts: text(func(c *Config) *string { return &c.File }),
		help: "Path to the configuration file (YAML): upstreams, discovery and the targets that may be probed. With a file, the series of every upstream have the label upstream.",
	},

	{
		name: "drill", def: "false", commands: demoOnly, accepts: boolean(func(c *Config) *bool { return &c.Drill.On }),
		help: "Run a scripted 45-minute outage instead of the usual demo, with the intervals of serve. See docs/drill.md.",
	},
	{
		name: "drill.speed", def: "1", commands: demoOnly, accepts: custom(setSpeed),
		help: "Speed of the drill and of its intervals, from 0.1 to 1000 times real time. Requires --drill.",
	},

	{
		name: "betanet.url", def: defaultURL, repeated: true, commands: []string{ServeCmd, CollectCmd}, accepts: custom(setURL),
		help: "Base URL of a Betanet service. Repeatable for multiple services; in the variable, separate URLs with commas or white space. With a single URL and no configuration file, series do not have the label upstream.",
	},
	{
		name: "betanet.api", upstream: true, def: "auto", accepts: valueSpec{&schema.Schema{Enum: []string{"auto", "v1", "mixnodes"}}, setAPI},
		help: "HTTP API of the services: auto, v1 or mixnodes. With auto, v1 is tried first, then mixnodes if all endpoints of v1 return 404.",
	},

	{
		name: "collect.mode", def: "poll", commands: []string{ServeCmd}, accepts: valueSpec{&schema.Schema{Enum: []string{"poll", "probe"}}, setMode},
		help: "When to collect: poll (every upstream at each interval) or probe (only on requests to /probe; /metrics then has only the exporter's own series).",
	},
	{
		name: "collect.interval", upstream: true, def: "15s", accepts: duration(func(c *Config) *time.Duration { return &c.Settings.Interval }, time.Millisecond),
		help: "Interval between collections of an upstream.",
	},
	{
		name: "collect.timeout", upstream: true, def: "(collect.interval - 1s, or 90% of an interval below 2s)", placeholder: "<duration>", accepts: positive(func(c *Config) *time.Duration { return &c.Settings.Timeout }),
		help: "Timeout of a collection, including all retries. Must be less than collect.interval.",
	},
	{
		name: "request.timeout", upstream: true, def: "(5s, but at most collect.timeout)", placeholder: "<duration>", accepts: positive(func(c *Config) *time.Duration { return &c.Settings.RequestTimeout }),
		help: "Timeout of a single attempt, from dialing to the last byte of the response. Must not be more than collect.timeout.",
	},
	{
		name: "retry.attempts", upstream: true, def: "3", accepts: count(1, 100, func(c *Config, n int) { c.Settings.Attempts = n }),
		help: "Maximum number of attempts per endpoint and collection, including the first.",
	},
	{
		name: "retry.backoff", upstream: true, def: "1s", accepts: positive(func(c *Config) *time.Duration { return &c.Settings.Backoff }),
		help: "Wait before the first retry. Doubles with each further retry.",
	},
	{
		name: "retry.max-backoff", upstream: true, def: "(4s, but at least retry.backoff)", placeholder: "<duration>", accepts: positive(func(c *Config) *time.Duration { return &c.Settings.MaxBackoff }),
		help: "Maximum wait before a retry.",
	},
	{
		name: "retry.jitter", upstream: true, def: "equal", accepts: valueSpec{&schema.Schema{Enum: []string{"none", "equal", "full"}}, setJitter},
		help: "Randomized part of each wait: none, equal (half of it) or full (all of it).",
	},
	{
		name: "breaker.failures", upstream: true, def: "5", accepts: count(1, 1_000_000, func(c *Config, n int) { c.Settings.BreakerFailures = uint32(n) }),
		help: "Number of consecutive failed attempts after which the circuit breaker of an endpoint opens.",
	},
	{
		name: "breaker.open", upstream: true, def: "30s", accepts: positive(func(c *Config) *time.Duration { return &c.Settings.BreakerOpen }),
		help: "How long an open circuit breaker blocks requests before it allows one probe.",
	},
	{
		name: "cache.ttl", upstream: true, def: "10s", accepts: notNegative(func(c *Config) *time.Duration { return &c.Settings.TTL }),
		help: "Maximum age of cached values that a request to /probe uses instead of a new request to the upstream. Use 0 to disable.",
	},
	{
		name: "cache.max-stale", upstream: true, def: "5m", accepts: notNegative(func(c *Config) *time.Duration { return &c.Settings.MaxStale }),
		help: "Age at which the last good values of a failing upstream are removed. Use 0 to keep them forever.",
	},

	{
		name: "metrics.latency-histogram", upstream: true, def: "(on for a single upstream without a name, otherwise off)", commands: []string{ServeCmd, DemoCmd, CollectCmd}, accepts: boolean(func(c *Config) *bool { return &c.Settings.Histogram }),
		help: "Expose the histogram betanet_message_latency_seconds: 14 series per upstream, or 1 as a native histogram.",
	},
	{
		name: "metrics.mixnodes", upstream: true, def: "1000", commands: []string{ServeCmd, DemoCmd, CollectCmd}, accepts: count(0, 1_000_000, func(c *Config, n int) { c.Settings.Mixnodes = n }),
		help: "Maximum number of mixnodes per upstream with their own series, in document order. Use 0 for none.",
	},

	{
		name: "web.listen-address", def: ":9200", repeated: true, commands: serveAndDemo, accepts: custom(setListenAddress),
		help: "Address on which to expose metrics and the web interface, such as :9200 or [::1]:9200. Repeatable for multiple addresses; in the variable, separate addresses with commas or white space.",
	},
	{
		name: "web.config.file", placeholder: "<path>", commands: serveAndDemo, accepts: text(func(c *Config) *string { return &c.Web.ConfigFile }),
		help: "Path to a configuration file that can enable TLS, basic authentication or HTTP/2. See https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md.",
	},
	{
		name: "web.systemd-socket", def: "false", commands: serveAndDemo, accepts: boolean(func(c *Config) *bool { return &c.Web.SystemdSocket }),
		help: "Use systemd socket activation listeners instead of web.listen-address.",
	},
	{
		name: "web.health-address", placeholder: "<address>", commands: serveAndDemo, accepts: custom(setHealthAddress),
		help: "Additional address on which to serve only /health, /-/healthy and /-/ready, without TLS or authentication, for health checks that cannot authenticate.",
	},
	{
		name: "web.telemetry-path", def: "/metrics", commands: serveAndDemo, accepts: custom(setPath),
		help: "Path under which to expose metrics.",
	},
	{
		name: "web.enable-pprof", def: "false", commands: serveAndDemo, accepts: boolean(func(c *Config) *bool { return &c.Web.EnablePprof }),
		help: "Enable Go profiling endpoints under /debug/pprof/.",
	},
	{
		name: "web.enable-lifecycle", def: "false", commands: serveAndDemo, accepts: boolean(func(c *Config) *bool { return &c.Web.EnableLifecycle }),
		help: "Enable reload via HTTP request (POST /-/reload).",
	},
	{
		name: "web.max-requests", def: "40", commands: serveAndDemo, accepts: count(0, 1_000_000, func(c *Config, n int) { c.Web.MaxRequests = n }),
		help: "Maximum number of parallel scrape requests; further requests get status 503. Use 0 to disable.",
	},

	{
		name: "otlp.endpoint", placeholder: "<URL>", commands: []string{ServeCmd}, accepts: custom(setEndpoint),
		help: "URL to which to push the metrics with OTLP over HTTP. /v1/metrics is appended to a URL without a path. Default: the URL in OTEL_EXPORTER_OTLP_METRICS_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT; if neither is set, nothing is pushed.",
	},
	{
		name: "otlp.interval", def: "15s", commands: []string{ServeCmd}, accepts: duration(func(c *Config) *time.Duration { return &c.OTLP.Interval }, time.Second),
		help: "Interval between pushes.",
	},
	{
		name: "otlp.headers-file", placeholder: "<path>", commands: []string{ServeCmd}, accepts: custom(setHeadersFile),
		help: "File with HTTP headers to send with each push, one per line, such as Authorization: Bearer secret. Reread before each push. Takes precedence over OTEL_EXPORTER_OTLP_HEADERS.",
	},

	{
		name: "log.level", def: "info", commands: allCommands, accepts: oneOf(func(c *Config) *string { return &c.Log.Level }, "debug", "info", "warn", "error"),
		help: "Only log messages with the given severity or above. One of: [debug, info, warn, error]",
	},
	{
		name: "log.format", def: "logfmt", commands: allCommands, accepts: oneOf(func(c *Config) *string { return &c.Log.Format }, "logfmt", "json"),
		help: "Output format of log messages. One of: [logfmt, json]",
	},

	{
		name: "config.check", def: "false", commands: []string{ServeCmd, DemoCmd, CollectCmd}, accepts: boolean(func(c *Config) *bool { return &c.Check }),
		help: "Validate the configuration, report all errors, and exit with 0 (valid) or 1.",
	},
	{
		name: "config.print", def: "false", commands: []string{ServeCmd, DemoCmd, CollectCmd}, accepts: boolean(func(c *Config) *bool { return &c.Print }),
		help: "Print the effective configuration with the origin of each value, and exit.",
	},
	{
		name: "config.schema", def: "false", commands: []string{ServeCmd, CollectCmd}, accepts: boolean(func(c *Config) *bool { return &c.Schema }),
		help: "Print the JSON Schema of the configuration file, for use in editors, and exit.",
	},

	{
		name: "listen-address", def: "127.0.0.1:9000", commands: simulateOnly, accepts: text(func(c *Config) *string { return &c.Simulate.ListenAddress }),
		help: "Loopback address to listen on.",
	},
	{
		name: "count", def: "1", commands: simulateOnly, accepts: count(1, 250, func(c *Config, n int) { c.Simulate.Count = n }),
		help: "Number of services to simulate, on 127.0.0.1, 127.0.0.2 and so on, all on the same port.",
	},
	{
		name: "api", def: "v1", commands: simulateOnly, accepts: oneOf(func(c *Config) *string { return &c.Simulate.API }, "v1", "mixnodes"),
		help: "API to serve: v1 or mixnodes.",
	},
	{
		name: "fault", placeholder: "<faults>", commands: simulateOnly, accepts: text(func(c *Config) *string { return &c.Simulate.Faults }),
		help: "Comma-separated list of faults to inject: refuse, hang, reset, http500, badjson, truncate, slow=3s.",
	},
	{
		name: "fault.every", def: "0s", commands: simulateOnly, accepts: notNegative(func(c *Config) *time.Duration { return &c.Simulate.Every }),
		help: "Period of the faults, which occur at the end of each period. Use 0 for permanent faults.",
	},
	{
		name: "fault.for", def: "0s", commands: simulateOnly, accepts: notNegative(func(c *Config) *time.Duration { return &c.Simulate.For }),
		help: "Duration of the faults within each period.",
	},

	{
		name: "output", def: "metrics", commands: collectOnly, accepts: oneOf(func(c *Config) *string { return &c.Collect.Output }, "metrics", "table", "json"),
		help: "Output format. One of: [metrics, table, json]",
	},
}

// knownTo reports whether a command has the option.
func (o *option) knownTo(command string) bool {
	if o.commands == nil {
		return command != SimulateCmd
	}
	return slices.Contains(o.commands, command)
}

// onlyOf returns the only command that has the option, or "" if several have it.
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

// optionNamed returns the option with the given name, or nil if there is none.
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
