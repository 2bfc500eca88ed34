package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/betanet/betanet_exporter/internal/schema"
)

// explain returns the error of an invalid command line, or nil. It adds suggestions for
// mistyped names to kingpin's error rejected. It also reports a flag without a value,
// which kingpin ignores when it selects the default command.
func (cl *commandLine) explain(args []string, rejected error) error {
	context, _ := cl.app.ParseContext(args)
	if context == nil {
		return rejected
	}
	if err := cl.missingValue(context); err != nil || rejected == nil {
		return err
	}
	rejected = fmt.Errorf("%w, see --help", rejected)
	if context.EOL() {
		return rejected
	}
	command := ServeCmd
	if context.SelectedCommand != nil {
		command = context.SelectedCommand.FullCommand()
	}
	switch token := context.Peek(); token.Type {
	case kingpin.TokenLong:
		return unknownFlag(token.Value, command)
	case kingpin.TokenShort:
		return singleDash(args, rejected)
	case kingpin.TokenArg:
		if slices.Contains(args, command) {
			return fmt.Errorf("unexpected argument %s for command %s, see --help", quoteArgument(token.Value), command)
		}
		return unknownCommand(token.Value)
	default:
		return rejected
	}
}

// missingValue returns an error for a flag that is set without a value.
func (cl *commandLine) missingValue(context *kingpin.ParseContext) error {
	complete := make(map[string]bool)
	for _, e := range context.Elements {
		if f, ok := e.Clause.(*kingpin.FlagClause); ok {
			complete[f.Model().Name] = true
		}
	}
	for _, o := range options {
		if cl.flags[o.name].byUser && !complete[o.name] {
			return fmt.Errorf("--%s: has no value, use --%s=VALUE", o.name, o.name)
		}
	}
	return nil
}

func unknownFlag(name, command string) error {
	var known []string
	for _, o := range options {
		if o.name == name || "no-"+o.name == name && o.isBool() {
			return wrongCommand(o.name, command)
		}
		if o.knownTo(command) {
			known = append(known, o.name)
			if o.isBool() {
				known = append(known, "no-"+o.name)
			}
		}
	}
	name = quoteName(name)
	if near, ok := schema.Suggest(name, append(known, "help", "version")); ok {
		return fmt.Errorf("unknown flag --%s, did you mean --%s?", name, near)
	}
	return fmt.Errorf("unknown flag --%s, see --help", name)
}

// wrongCommand returns the error for a flag that the command does not have.
func wrongCommand(name, command string) error {
	return fmt.Errorf("unknown flag --%s for command %s, see %s --help", name, command, command)
}

// singleDash returns the error for a long flag with one dash instead of two, or rejected
// if there is none.
func singleDash(args []string, rejected error) error {
	for _, a := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(a, "-"), "=")
		if strings.HasPrefix(a, "-") && optionNamed(name) != nil {
			return fmt.Errorf("unknown flag -%s, did you mean --%s?", name, name)
		}
	}
	return rejected
}

func unknownCommand(name string) error {
	// Do not show the URL, which may contain a password.
	if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
		return fmt.Errorf("a URL is not a command, use --betanet.url=URL or the command %s", CollectCmd)
	}
	if near, ok := schema.Suggest(name, allCommands); ok {
		return fmt.Errorf("unknown command %s, did you mean %s?", quoteArgument(name), near)
	}
	return fmt.Errorf("unknown command %s, use %s", quoteArgument(name), schema.OneOf(allCommands))
}

// quoteArgument quotes an argument for an error, unless it may contain a password.
func quoteArgument(argument string) string {
	if strings.Contains(argument, "@") {
		return "(not shown)"
	}
	return fmt.Sprintf("%.64q", argument)
}

// quoteName returns a name, in quotes unless it has only plain characters.
func quoteName(name string) string {
	if schema.PlainKey.MatchString(name) {
		return name
	}
	return fmt.Sprintf("%.64q", name)
}

// Kubernetes sets variables with the exporter's prefix for a service whose name begins
// with betanet-exporter. service and servicePort match what follows the prefix. A
// variable that ends in PORT is recognized by its value, which serviceURL matches,
// because a user may mistake its name for a setting.
var (
	service     = regexp.MustCompile(`^([A-Z0-9_]*_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	servicePort = regexp.MustCompile(`^([A-Z0-9_]*_)?PORT$`)
	serviceURL  = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// warnUnknown adds warnings about unknown variables with the exporter's prefix, and about
// variables whose names are probably mistyped.
func (c *Config) warnUnknown(environ []string) {
	known := make([]string, len(options))
	for i, o := range options {
		known[i] = o.variable()
	}
	var all []string
	for _, e := range environ {
		name, text, _ := strings.Cut(e, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if text == "" || slices.Contains(known, name) ||
			ours && (service.MatchString(rest) || servicePort.MatchString(rest) && serviceURL.MatchString(text)) {
			continue
		}
		if near, ok := schema.Suggest(strings.ToUpper(name), known); ok {
			all = append(all, fmt.Sprintf("%s: unknown variable, did you mean %s?", quoteName(name), near))
		} else if ours {
			all = append(all, quoteName(name)+": unknown variable is ignored, see --help")
		}
	}
	slices.Sort(all) // the environment has no defined order
	c.warnings = append(c.warnings, slices.Compact(all)...)
}

// getenvFrom returns a function like os.Getenv for the given environment.
func getenvFrom(environ []string) func(name string) string {
	all := make(map[string]string, len(environ))
	for _, e := range environ {
		name, text, _ := strings.Cut(e, "=")
		if _, duplicate := all[name]; !duplicate { // the first one applies, as in os.Getenv
			all[name] = text
		}
	}
	return func(name string) string { return all[name] }
}
