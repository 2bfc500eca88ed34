package config

import (
	"io"
	"strings"
	"text/template"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// commandLine is the command line, which kingpin parses.
type commandLine struct {
	app   *kingpin.Application
	flags map[string]*flagValue
	urls  *[]string // arguments of collect
	done  bool      // help or version was printed
}

// flagValue collects the values of a flag as text. They are checked later, by the table
// of options.
type flagValue struct {
	isBool, repeated, byUser bool
	texts                    []string
}

// Set implements kingpin.Value. It is also called with defaults.
func (f *flagValue) Set(text string) error { f.texts = append(f.texts, text); return nil }
func (f *flagValue) String() string        { return strings.Join(f.texts, ",") }

// IsBoolFlag reports to kingpin whether the flag takes no value.
func (f *flagValue) IsBoolFlag() bool { return f.isBool }

// IsCumulative reports to kingpin whether the flag may be repeated.
func (f *flagValue) IsCumulative() bool { return f.repeated }

func newCommandLine(out io.Writer) *commandLine {
	cl := &commandLine{flags: make(map[string]*flagValue)}
	app := kingpin.New("betanet_exporter", "Prometheus exporter for Betanet services. Polls them with retries, circuit breakers and a cache of the last good values.")
	cl.app = app
	app.UsageWriter(out)
	app.ErrorWriter(out)
	app.Terminate(func(int) { cl.done = true })
	app.Version(version.Print("betanet_exporter"))
	app.HelpFlag.Short('h')
	app.UsageTemplate(usage).UsageFuncs(template.FuncMap{"KnownTo": knownFlags})
	cl.onManual(out)
	commands := map[string]*kingpin.CmdClause{
		ServeCmd:    app.Command(ServeCmd, "Serve the metrics of the configured upstreams (default command).").Default(),
		DemoCmd:     app.Command(DemoCmd, "Run the exporter with three simulated upstreams in one process, on loopback. With --drill, run a scripted outage."),
		SimulateCmd: app.Command(SimulateCmd, "Run a simulated Betanet service for development, on loopback."),
		CollectCmd:  app.Command(CollectCmd, "Collect once, print the result, and exit with 1 if an endpoint failed."),
	}
	cl.urls = commands[CollectCmd].Arg("url", "Base URLs of the services to collect from instead of the configured ones.").Strings()
	for _, o := range options {
		value := &flagValue{isBool: o.isBool(), repeated: o.repeated}
		cl.flags[o.name] = value
		flags := interface {
			Flag(name, help string) *kingpin.FlagClause
		}(app)
		if only := o.onlyOf(); only != "" && only != ServeCmd {
			flags = commands[only]
		}
		help := o.help
		if o.computed() {
			help += " Default: " + strings.Trim(o.def, "()") + "."
		}
		f := flags.Flag(o.name, help).Envar(o.variable()).IsSetByUser(&value.byUser)
		if o.def != "" && !o.computed() {
			f.Default(o.def)
		} else {
			f.PlaceHolder(o.placeholder)
		}
		f.SetValue(value)
	}
	return cl
}

// usage is kingpin's help template with two changes: the usage line of each command has
// [<flags>], and only flags that the command accepts are listed.
var usage = strings.NewReplacer(
	"{{if .FlagSummary}} {{.FlagSummary}}{{end -}}", `{{" [<flags>]" -}}`,
	".Context.Flags|FlagsToTwoColumns", ".Context.Flags|KnownTo .Context.SelectedCommand|FlagsToTwoColumns",
).Replace(kingpin.DefaultUsageTemplate)

// knownFlags returns the flags that a command accepts, with the defaults of the command.
// If command is nil, it returns flags unchanged.
func knownFlags(command *kingpin.CmdModel, flags []*kingpin.FlagModel) []*kingpin.FlagModel {
	if command == nil {
		return flags
	}
	own := (&Config{Command: command.Name}).commandDefaults()
	var known []*kingpin.FlagModel
	for _, f := range flags {
		if o := optionNamed(f.Name); o != nil && !o.knownTo(command.Name) {
			continue
		}
		if d, ok := own[f.Name]; ok {
			f.Default = []string{d}
		}
		known = append(known, f)
	}
	return known
}
