package otlp

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/schema"
)

// Variable is a standard variable of OpenTelemetry, with its value in printable form.
type Variable struct{ Name, Printed string }

// An Environment is the result of Settings.ReadEnvironment.
type Environment struct {
	Endpoint string     // name of the variable that sets the endpoint, "" if none does
	Applied  []Variable // other variables that apply
	Warnings []string
	Errs     []error

	getenv func(string) string
}

// Standard variables that do not begin with EnvPrefix.
const (
	sdkDisabled     = "OTEL_SDK_DISABLED"
	metricsExporter = "OTEL_METRICS_EXPORTER"
)

// ReadEnvironment completes the settings with the standard variables of OpenTelemetry.
// Without an endpoint they have no effect, because they may be meant for other programs
// in the same environment. configuredBy names the flag or variable that set s.Endpoint,
// if it is set. parse parses the URL in a variable.
func (s *Settings) ReadEnvironment(getenv func(string) string, configuredBy string, parse func(string) (*url.URL, error)) *Environment {
	e := &Environment{getenv: getenv}
	if s.Endpoint == nil {
		if !e.setEndpoint(s, parse) {
			return e
		}
	} else if variable := e.disabledBy(); variable != "" {
		e.warn("%s does not disable the push that %s configures", variable, configuredBy)
	}
	s.Timeout = 10 * time.Second // OpenTelemetry's default
	for _, v := range []struct {
		name string
		set  func(*Settings, string) error
	}{
		{"PROTOCOL", setProtocol},
		{"TIMEOUT", setTimeout},
		{"COMPRESSION", setCompression},
		{"CERTIFICATE", func(s *Settings, text string) error { s.TLS.CAFile = text; return nil }},
		{"CLIENT_CERTIFICATE", func(s *Settings, text string) error { s.TLS.CertFile = text; return nil }},
		{"CLIENT_KEY", func(s *Settings, text string) error { s.TLS.KeyFile = text; return nil }},
		{"HEADERS", setHeaders},
	} {
		name, text := e.lookup(v.name)
		if name == "" {
			continue
		}
		printed := schema.QuoteYAML(text)
		if v.name == "HEADERS" {
			printed = schema.Redacted
		}
		e.Applied = append(e.Applied, Variable{name, printed})
		e.addError(name, v.set(s, text))
	}
	return e
}

func (e *Environment) warn(format string, args ...any) {
	e.Warnings = append(e.Warnings, fmt.Sprintf(format, args...))
}

// addError adds an error in the value of a variable, unless err is nil.
func (e *Environment) addError(name string, err error) {
	if err != nil {
		e.Errs = append(e.Errs, fmt.Errorf("%s: %w", name, err))
	}
}

// setEndpoint sets the endpoint from the variables, and reports whether they configure
// one. An unsupported protocol is only a warning, because the variables may be set for
// all programs on a machine.
func (e *Environment) setEndpoint(s *Settings, parse func(string) (*url.URL, error)) bool {
	name, text := e.lookup("ENDPOINT")
	if name == "" || e.disabledBy() != "" {
		return false
	}
	if set, text := e.lookup("PROTOCOL"); set != "" && text != protocol {
		e.warn("%s: %q is not supported, so nothing is pushed to the endpoint of %s; set %s%sPROTOCOL=%s if the receiver accepts it",
			set, text, name, EnvPrefix, metricsInfix, protocol)
		return false
	}
	if disabled := e.getenv(sdkDisabled); disabled != "" && !strings.EqualFold(disabled, "false") {
		e.warn("%s: %q is neither true nor false and is treated as false", sdkDisabled, disabled)
	}
	u, err := parse(text)
	e.addError(name, err)
	if err != nil {
		return false
	}
	e.Endpoint, s.Endpoint = name, endpoint(name, u)
	return true
}

// endpoint returns the URL to push to, given the variable that set it and its URL: the
// variable for metrics contains the complete URL, the variable for all signals a base URL.
func endpoint(name string, u *url.URL) *url.URL {
	if !strings.Contains(name, metricsInfix) {
		return u.JoinPath(metricsPath)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u
}

// disabledBy returns the variable, with its value, that disables the export of metrics
// over OTLP, "" if none does.
func (e *Environment) disabledBy() string {
	if v := e.getenv(sdkDisabled); strings.EqualFold(v, "true") {
		return sdkDisabled + "=" + v
	}
	named := strings.FieldsFunc(e.getenv(metricsExporter), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	if len(named) == 0 || slices.ContainsFunc(named, func(name string) bool { return strings.EqualFold(name, "otlp") }) {
		return ""
	}
	return metricsExporter + "=" + strings.Join(named, ",")
}

// lookup returns the name and value of the variable for metrics with the given suffix, or
// of the variable for all signals if it is not set. Both are "" if neither is set.
func (e *Environment) lookup(suffix string) (name, value string) {
	for _, name := range []string{EnvPrefix + metricsInfix + suffix, EnvPrefix + suffix} {
		if value := e.getenv(name); value != "" {
			return name, value
		}
	}
	return "", ""
}
