package config

import (
	"fmt"
	"strings"
)

// standard is a variable of OpenTelemetry that applies, as it is printed.
type standard struct{ name, printed string }

// standardPush configures the push that the standard variables ask for by an
// endpoint, and reports whether there is one. A protocol that is not supported is
// no error: the variables may be set for all programs of a machine.
func (c *Config) standardPush(e *environment) bool {
	name, _ := e.lookup("ENDPOINT")
	if name == "" || e.switchedOff() != "" {
		return false
	}
	if set, text := e.lookup("PROTOCOL"); set != "" && text != protocol {
		c.warn("%s: %q is not supported, so that nothing is pushed to the endpoint of %s; set %s%sPROTOCOL=%s if the receiver accepts it",
			set, text, name, standardPrefix, ofMetrics, protocol)
		return false
	}
	if disabled := e.getenv(sdkDisabled); disabled != "" && !strings.EqualFold(disabled, "false") {
		c.warn("%s: %q is neither true nor false and is taken for false", sdkDisabled, disabled)
	}
	e.read("ENDPOINT", func(name, text string) (string, error) { return text, c.standardEndpoint(name, text) })
	e.known = nil // it is printed as the option that it sets
	return c.OTLP.Endpoint != nil
}

// standardEndpoint takes the endpoint of a standard variable. That of metrics is
// the URL as it stands, the other a base of all signals.
func (c *Config) standardEndpoint(name, text string) error {
	u, err := parseURL(text, defaultEndpoint)
	if err != nil {
		return err
	}
	if strings.Contains(name, ofMetrics) {
		if u.Path == "" {
			u.Path = "/"
		}
	} else {
		u = u.JoinPath(metricsPath)
	}
	c.OTLP.Endpoint = u
	c.values["otlp.endpoint"] = value{texts: []string{u.String()}, origin: "env", where: name}
	return nil
}

// Variables of OpenTelemetry that are not about OTLP alone.
const (
	sdkDisabled     = "OTEL_SDK_DISABLED"
	metricsExporter = "OTEL_METRICS_EXPORTER"
)

// environment reads standard variables.
type environment struct {
	getenv func(string) string
	known  []standard
	errs   []error
}

// switchedOff returns the variable, with its value, that says that no metrics are
// to be exported by OTLP, "" for none.
func (e *environment) switchedOff() string {
	if v := e.getenv(sdkDisabled); strings.EqualFold(v, "true") {
		return sdkDisabled + "=" + v
	}
	exporters := e.getenv(metricsExporter)
	named := strings.FieldsFunc(exporters, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	for _, name := range named {
		if strings.EqualFold(name, "otlp") {
			return ""
		}
	}
	if len(named) == 0 {
		return ""
	}
	return fmt.Sprintf("%s=%s", metricsExporter, strings.Join(named, ","))
}

// lookup finds a variable that is set: that of metrics, else that of all signals.
func (e *environment) lookup(name string) (full, text string) {
	for _, full := range []string{standardPrefix + ofMetrics + name, standardPrefix + name} {
		if text := e.getenv(full); text != "" {
			return full, text
		}
	}
	return "", ""
}

// read takes a variable if it is set.
func (e *environment) read(name string, take func(name, text string) (printed string, err error)) {
	full, text := e.lookup(name)
	if full == "" {
		return
	}
	printed, err := take(full, text)
	if err != nil {
		e.errs = append(e.errs, fmt.Errorf("%s: %w", full, err))
	}
	e.known = append(e.known, standard{full, printed})
}
