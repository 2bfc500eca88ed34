package config

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// ErrDone is what Load returns when there is nothing left to do: help or the
// version was asked for and has been printed.
var ErrDone = errors.New("done")

// Load makes the configuration from arguments and environment. Every error in
// them is reported, joined in one. Other defaults, by name of the option, come
// before those of the table; demo has some. What --help and --version print
// goes to out.
func Load(args []string, getenv func(string) string, out io.Writer) (*Config, error) {
	cl := newCommandLine(out)
	command, err := cl.app.Parse(args)
	if cl.done {
		return nil, ErrDone
	}
	if err != nil {
		return nil, fmt.Errorf("%w, see --help", err)
	}
	c := &Config{Command: command, values: make(map[string]value)}
	c.Collect.URLs = *cl.urls
	var all []error
	for i := range options {
		o := &options[i]
		given := cl.given[o.name]
		if !o.knownTo(command) {
			if given.byUser {
				all = append(all, fmt.Errorf("--%s: the command %s does not know it", o.name, command))
			}
			continue
		}
		v := o.value(given, getenv)
		if len(c.Collect.URLs) > 0 && o.name == "betanet.url" {
			v = value{texts: c.Collect.URLs, origin: "argument", where: "argument"}
		}
		if d, ok := defaultsOf(command)[o.name]; ok && v.origin == "default" {
			v.texts, v.origin = []string{d}, command
		}
		c.values[o.name] = v
		for _, t := range v.texts {
			if err := o.set(c, t); err != nil {
				all = append(all, fmt.Errorf("%s: %w", v.where, err))
			}
		}
	}
	if len(all) == 0 {
		all = c.finish()
	}
	return c, errors.Join(all...)
}

// defaultsOf are the defaults in which a command differs: a demo with the usual
// pauses would take minutes to show what there is to see, and what collect has
// to say is its output.
func defaultsOf(command string) map[string]string {
	switch command {
	case Demo:
		return map[string]string{"web.listen-address": "127.0.0.1:9200", "collect.interval": "3s", "breaker.open": "8s", "cache.max-stale": "1m"}
	case CollectCmd:
		return map[string]string{"log.level": "error"}
	default:
		return nil
	}
}

// value finds what was set, and by what: flag, then variable, then default.
func (o *option) value(given *given, getenv func(string) string) value {
	if given.byUser {
		return value{given.texts, "flag", "--" + o.name}
	}
	if text := getenv(o.variable()); text != "" {
		v := value{[]string{text}, "env", o.variable()}
		if o.repeated {
			v.texts = strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
		}
		return v
	}
	v := value{origin: "default", where: "--" + o.name}
	if o.def != "" && !o.computed() {
		v.texts = []string{o.def}
	}
	return v
}

// finish computes the defaults that depend on other settings, and checks what
// only makes sense together.
func (c *Config) finish() (all []error) {
	s := &c.Settings
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
	if s.Timeout >= s.Interval && c.Command != SimulateCmd {
		all = append(all, fmt.Errorf("%s: %s is not less than %s, the time between two collections (collect.interval)", c.values["collect.timeout"].where, s.Timeout, s.Interval))
	}
	if s.RequestTimeout > s.Timeout {
		all = append(all, fmt.Errorf("%s: %s is more than %s, the limit for a whole collection (collect.timeout)", c.values["request.timeout"].where, s.RequestTimeout, s.Timeout))
	}
	if s.Backoff > s.MaxBackoff {
		all = append(all, fmt.Errorf("%s: %s is more than %s, the longest wait (retry.max-backoff)", c.values["retry.backoff"].where, s.Backoff, s.MaxBackoff))
	}
	if sim := &c.Simulate; sim.For > sim.Every || sim.Every > 0 && sim.For == 0 {
		all = append(all, fmt.Errorf("--fault.for: %s is not accepted with --fault.every=%s, use more than 0 and at most that", sim.For, sim.Every))
	}
	return all
}

// commandLine is the flags as kingpin knows them.
type commandLine struct {
	app   *kingpin.Application
	given map[string]*given
	urls  *[]string
	done  bool
}

// given is what the user gave for one option, as text: kingpin finds the words,
// the table of options judges them.
type given struct {
	bool, repeated, byUser bool
	texts                  []string
}

// Set implements kingpin.Value. Kingpin calls it with defaults too.
func (g *given) Set(text string) error { g.texts = append(g.texts, text); return nil }
func (g *given) String() string        { return strings.Join(g.texts, ",") }

// IsBoolFlag and IsCumulative are how kingpin asks what kind of flag it is.
func (g *given) IsBoolFlag() bool   { return g.bool }
func (g *given) IsCumulative() bool { return g.repeated }

func newCommandLine(out io.Writer) *commandLine {
	cl := &commandLine{given: make(map[string]*given)}
	app := kingpin.New("betanet_exporter", "Prometheus exporter for Betanet services: polls them and keeps telling the truth when they fail.")
	cl.app = app
	app.UsageWriter(out)
	app.ErrorWriter(out)
	app.Terminate(func(int) { cl.done = true })
	app.Version(version.Print("betanet_exporter"))
	app.HelpFlag.Short('h')
	commands := map[string]*kingpin.CmdClause{
		Serve:       app.Command(Serve, "Serve metrics of the configured upstreams (the default command).").Default(),
		Demo:        app.Command(Demo, "Show the exporter at work on three simulated upstreams, in one process, on loopback."),
		SimulateCmd: app.Command(SimulateCmd, "Be a Betanet service to develop against, on loopback."),
		CollectCmd:  app.Command(CollectCmd, "Collect once and print the result; exit 1 if an endpoint failed."),
	}
	cl.urls = commands[CollectCmd].Arg("url", "Base URLs to collect instead of the configured ones.").Strings()
	for i := range options {
		o := &options[i]
		g := &given{bool: o.bool, repeated: o.repeated}
		cl.given[o.name] = g
		flags := interface {
			Flag(name, help string) *kingpin.FlagClause
		}(app)
		if only := o.onlyOf(); only != "" && only != Serve {
			flags = commands[only]
		}
		help := o.help
		if o.computed() {
			help += " Default: " + strings.Trim(o.def, "()") + "."
		}
		f := flags.Flag(o.name, help).Envar(o.variable()).IsSetByUser(&g.byUser)
		if o.def != "" && !o.computed() {
			f.Default(o.def)
		} else {
			f.PlaceHolder("...")
		}
		f.SetValue(g)
	}
	return cl
}
