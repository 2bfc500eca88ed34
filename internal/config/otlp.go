package config

import (
	"errors"
	"fmt"
	"net/url"

	promconfig "github.com/prometheus/common/config"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/httpclient"
	"github.com/betanet/betanet_exporter/internal/otlp"
	"github.com/betanet/betanet_exporter/internal/schema"
)

func parseEndpoint(text string) (*url.URL, error) {
	return fleet.ParseURL(text, "http://localhost:4318")
}

func setEndpoint(c *Config, text string) error {
	u, err := parseEndpoint(text)
	if err == nil {
		c.OTLP.Endpoint = otlp.WithPath(u)
	}
	return err
}

func setHeadersFile(c *Config, text string) error {
	c.OTLP.HeadersFile = text
	_, err := c.OTLP.Headers()
	return err
}

// applyOpenTelemetry applies the standard OpenTelemetry variables.
func (c *Config) applyOpenTelemetry(getenv func(string) string) []error {
	own := c.values["otlp.endpoint"]
	if own.bad {
		return nil
	}
	e := c.OTLP.ReadEnvironment(getenv, own.where, parseEndpoint)
	if e.Endpoint != "" {
		c.values["otlp.endpoint"] = optionValue{texts: []string{c.OTLP.Endpoint.String()}, origin: "env", where: e.Endpoint}
	}
	c.otelEnv, c.warnings = e.Applied, append(c.warnings, e.Warnings...)
	if err := checkTLS(&c.OTLP.TLS); c.OTLP.Endpoint != nil && err != nil {
		return append(e.Errs, err)
	}
	return e.Errs
}

// checkTLS returns an error if the certificates cannot be used.
func checkTLS(t *otlp.TLS) error {
	const prefix = otlp.EnvPrefix
	if (t.CertFile == "") != (t.KeyFile == "") {
		return errors.New(prefix + "CLIENT_CERTIFICATE and " + prefix + "CLIENT_KEY: must be set together")
	}
	for _, f := range []struct{ name, path string }{{"CERTIFICATE", t.CAFile}, {"CLIENT_CERTIFICATE", t.CertFile}, {"CLIENT_KEY", t.KeyFile}} {
		if f.path == "" {
			continue
		}
		if err := schema.CheckReadable(f.path); err != nil {
			return fmt.Errorf("%s%s: %w", prefix, f.name, err)
		}
	}
	if err := make(httpclient.TLSChecks).Check(&promconfig.TLSConfig{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile}); err != nil {
		return fmt.Errorf("%sCERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY: %w", prefix, err)
	}
	return nil
}
