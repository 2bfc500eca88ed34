package config

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/schema"
)

// ErrDone is returned by Load after it has printed the help, the version or the schema,
// as requested.
var ErrDone = errors.New("done")

// Load returns the configuration that is set by the arguments, the environment
// (NAME=value) and the configuration file that they name. It joins all errors, one per
// line. It keeps no state between calls and reads the file each time. The output of
// --help, --version and --config.schema is written to out.
func Load(args []string, environ []string, out io.Writer) (*Config, error) {
	cl := newCommandLine(out)
	command, err := cl.app.Parse(args)
	if cl.done {
		return nil, ErrDone
	}
	if err := cl.explain(args, err); err != nil {
		return nil, err
	}
	getenv := getenvFrom(environ)
	c := &Config{Command: command, Drill: Drill{Speed: 1}, values: make(map[string]optionValue), document: &document{defaults: &upstreamConfig{}}}
	c.Collect.URLs = *cl.urls
	var all []error
	more := 0 // number of errors in the file beyond the limit
	for _, o := range options {
		flag := cl.flags[o.name]
		if !o.knownTo(command) {
			if flag.byUser {
				all = append(all, wrongCommand(o.name, command))
			}
			continue
		}
		v := c.value(o, flag, getenv)
		for _, t := range v.texts {
			if err := o.set(c, t); err != nil {
				all = append(all, fmt.Errorf("%s: %w", v.where, err))
				v.bad = true
			}
		}
		c.values[o.name] = v
		if o.name == "config.file" && c.File != "" { // read it before the options that it may set
			var inFile []error
			c.document, inFile, more = readDocument(c.File, v.where)
			all = append(all, inFile...)
		}
	}
	if c.Schema {
		if err := writeSchema(out); err != nil {
			return nil, err
		}
		return nil, ErrDone
	}
	if command == ServeCmd {
		all = append(all, c.applyOpenTelemetry(getenv)...)
	}
	if all = append(all, c.resolve()...); len(all) > 0 {
		return nil, join(all, more)
	}
	c.warnUnknown(environ)
	return c, nil
}

// value returns the value of an option from the first source that sets it: argument,
// flag, variable, file, default of the command, default.
func (c *Config) value(o *option, flag *flagValue, getenv func(string) string) optionValue {
	isURL := o.name == "betanet.url"
	if isURL && len(c.Collect.URLs) > 0 {
		return optionValue{texts: c.Collect.URLs, origin: "argument", where: "argument"}
	}
	if flag.byUser {
		return optionValue{texts: flag.texts, origin: "flag", where: "--" + o.name}
	}
	if text := getenv(o.variable()); text != "" {
		v := optionValue{texts: []string{text}, origin: "env", where: o.variable()}
		if o.repeated {
			v.texts = strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
		}
		return v
	}
	if s := c.document.defaults.setting(o.name); s != nil {
		return s.optionValue
	}
	v := optionValue{origin: "default", where: "--" + o.name}
	if d, ok := c.commandDefaults()[o.name]; ok {
		v.texts, v.origin = []string{d}, c.Command
	} else if o.def != "" && !o.computed() && !(isURL && c.document.namesUpstreams()) {
		v.texts = []string{o.def}
	}
	return v
}

// commandDefaults returns the defaults of the command that differ from the usual ones. A
// demo with the intervals of serve would take minutes to show anything, and the output
// of collect should not be mixed with log messages. A drill has the intervals of serve,
// which the alerts expect, divided by the speed of the drill.
func (c *Config) commandDefaults() map[string]string {
	switch {
	case c.Command == DemoCmd && c.Drill.On:
		own := map[string]string{"web.listen-address": "127.0.0.1:9200", "log.level": "warn"}
		for _, name := range []string{"collect.interval", "retry.backoff", "breaker.open", "cache.max-stale"} {
			own[name] = defaultAtSpeed(name, c.Drill.Speed)
		}
		return own
	case c.Command == DemoCmd:
		return map[string]string{"web.listen-address": "127.0.0.1:9200", "collect.interval": "3s", "breaker.open": "8s", "cache.max-stale": "1m", "log.level": "warn"}
	case c.Command == CollectCmd:
		return map[string]string{"log.level": "error"}
	default:
		return nil
	}
}

// defaultAtSpeed returns the default of a duration option, divided by speed.
func defaultAtSpeed(name string, speed float64) string {
	normal, _ := time.ParseDuration(optionNamed(name).def)
	return time.Duration(float64(normal) / speed).Round(time.Microsecond).String()
}

// join joins at most schema.MaxErrors errors. If there are further errors, a last line
// has their number, including more that the caller has counted.
func join(all []error, more int) error {
	if left := len(all) - schema.MaxErrors; left > 0 {
		all, more = all[:schema.MaxErrors], more+left
	}
	if more > 0 {
		all = append(all[:len(all):len(all)], fmt.Errorf("and %d more errors", more))
	}
	return errors.Join(all...)
}
