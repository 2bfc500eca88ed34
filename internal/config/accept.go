package config

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
	"github.com/betanet/betanet_exporter/internal/schema"
)

// valueSpec describes the accepted values of an option and parses them.
type valueSpec struct {
	schema *schema.Schema
	set    func(*Config, string) error // parses and stores a value
}

// set parses the text and sets the option. Its errors do not name the option.
func (o *option) set(c *Config, text string) error {
	if err := o.accepts.schema.CheckText(text); err != nil {
		return err
	}
	return o.accepts.set(c, text)
}

// check returns an error if the parser of the option rejects the text.
func (o *option) check(text string) error { return o.accepts.set(&Config{}, text) }

func positive(field func(*Config) *time.Duration) valueSpec { return duration(field, 1) }

func notNegative(field func(*Config) *time.Duration) valueSpec { return duration(field, 0) }

func duration(field func(*Config) *time.Duration, minimum time.Duration) valueSpec {
	return valueSpec{
		&schema.Schema{Type: schema.Duration, MinDuration: minimum},
		func(c *Config, text string) (err error) {
			*field(c), err = time.ParseDuration(text)
			return err
		},
	}
}

func count(minimum, maximum int, set func(*Config, int)) valueSpec {
	return valueSpec{
		&schema.Schema{Type: schema.Integer, Min: minimum, Max: maximum},
		func(c *Config, text string) error {
			n, err := strconv.Atoi(text)
			set(c, n)
			return err
		},
	}
}

func boolean(field func(*Config) *bool) valueSpec {
	return valueSpec{
		&schema.Schema{Type: schema.Flag},
		func(c *Config, text string) error {
			*field(c) = text == "true" || text == "1"
			return nil
		},
	}
}

func text(field func(*Config) *string) valueSpec {
	return custom(func(c *Config, text string) error {
		*field(c) = text
		return nil
	})
}

func oneOf(field func(*Config) *string, accepted ...string) valueSpec {
	return valueSpec{&schema.Schema{Enum: accepted}, text(field).set}
}

// custom accepts any text for which set returns no error.
func custom(set func(*Config, string) error) valueSpec { return valueSpec{&schema.Schema{}, set} }

func setAPI(c *Config, text string) (err error) {
	c.API, err = betanet.ParseAPI(text)
	return err
}

func setMode(c *Config, text string) error {
	c.ProbeMode = text == "probe"
	return nil
}

func setJitter(c *Config, text string) (err error) {
	c.Settings.Jitter, err = retry.ParseJitter(text)
	return err
}

func setSpeed(c *Config, text string) error {
	speed, err := strconv.ParseFloat(text, 64)
	if inRange := speed >= 0.1 && speed <= 1000; err != nil || !inRange { // NaN is not in range
		return fmt.Errorf("%q is not valid, use a number from 0.1 to 1000", text)
	}
	c.Drill.Speed = speed
	return nil
}

// reservedPaths are the paths that the exporter serves itself.
var reservedPaths = []string{"/health", "/-/", "/api/", "/debug/", "/probe", "/sd", "/upstream/"}

func setPath(c *Config, text string) error {
	for _, p := range reservedPaths {
		if text == p || strings.HasPrefix(text, strings.TrimSuffix(p, "/")+"/") {
			return fmt.Errorf("%q conflicts with the exporter's own %s, use another path such as /metrics", text, p)
		}
	}
	if !strings.HasPrefix(text, "/") || text == "/" || strings.ContainsAny(text, " ?#{}%") || path.Clean(text) != text {
		return fmt.Errorf("%q is not a valid path, use one such as /metrics", text)
	}
	c.Web.TelemetryPath = text
	return nil
}

func setListenAddress(c *Config, text string) error {
	if err := checkAddress(text); err != nil {
		return err
	}
	c.Web.ListenAddresses = append(c.Web.ListenAddresses, text)
	return nil
}

func setHealthAddress(c *Config, text string) error {
	c.Web.HealthAddress = text
	return checkAddress(text)
}

func checkAddress(text string) error {
	if scheme, _, found := strings.Cut(text, "://"); found {
		return fmt.Errorf("%q is not a valid listen address: %s is not supported, use host:port or :port", text, scheme)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%q is not a valid address, use host:port or :port", text)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("%q has no valid port, use a number from 0 to 65535", text)
	}
	if err := fleet.CheckHyphens(host); err != nil {
		return fmt.Errorf("%q %w", text, err)
	}
	return nil
}

func setURL(c *Config, text string) error {
	u, err := parseURL(text)
	if err != nil {
		return err
	}
	for _, other := range c.URLs {
		if fleet.HostPort(other) == fleet.HostPort(u) {
			return fmt.Errorf("duplicate %q", fleet.HostPort(u))
		}
	}
	c.URLs = append(c.URLs, u)
	return nil
}

// parseURL parses the base URL of an upstream. Its errors never show what could be a
// password.
func parseURL(text string) (*url.URL, error) { return fleet.ParseURL(text, defaultURL) }
