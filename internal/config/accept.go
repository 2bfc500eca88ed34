package config

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
)

type dur = time.Duration

// The functions below make the set of an option. Their errors say what was
// given and what is accepted; which option it is, the caller knows.

func positive(to func(*Config) *dur) func(*Config, string) error {
	return duration(to, 1, "more than 0")
}

func notNegative(to func(*Config) *dur) func(*Config, string) error {
	return duration(to, 0, "0 or more")
}

func interval(to func(*Config) *dur) func(*Config, string) error {
	return duration(to, time.Millisecond, "at least 1ms")
}

func duration(to func(*Config) *dur, least dur, want string) func(*Config, string) error {
	return func(c *Config, text string) error {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is no duration, use a number with a unit such as 500ms, 15s or 5m", text)
		}
		if d < least {
			return fmt.Errorf("%s is out of range, use %s", text, want)
		}
		*to(c) = d
		return nil
	}
}

func count(least, most int, to func(*Config, int)) func(*Config, string) error {
	return func(c *Config, text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is not accepted, use a whole number from %d to %d", text, least, most)
		}
		to(c, n)
		return nil
	}
}

func boolean(to func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, text string) error {
		switch text {
		case "true", "1":
			*to(c) = true
		case "false", "0":
			*to(c) = false
		default:
			return fmt.Errorf("%q is not accepted, use true or false", text)
		}
		return nil
	}
}

func text(to func(*Config) *string) func(*Config, string) error {
	return func(c *Config, text string) error {
		*to(c) = text
		return nil
	}
}

func oneOf(to func(*Config) *string, accepted ...string) func(*Config, string) error {
	return func(c *Config, text string) error {
		if !slices.Contains(accepted, text) {
			return fmt.Errorf("%q is not accepted, use %s", text, oneOfThese(accepted))
		}
		*to(c) = text
		return nil
	}
}

func setAPI(c *Config, text string) (err error) {
	c.API, err = betanet.ParseAPI(text)
	return err
}

func setMode(c *Config, text string) error {
	var mode string
	if err := oneOf(func(*Config) *string { return &mode }, "poll", "probe")(c, text); err != nil {
		return err
	}
	c.ProbeMode = mode == "probe"
	return nil
}

func setJitter(c *Config, text string) (err error) {
	c.Settings.Jitter, err = retry.ParseJitter(text)
	return err
}

func setSpeed(c *Config, text string) error {
	speed, err := strconv.ParseFloat(text, 64)
	if inside := speed >= 0.1 && speed <= 1000; err != nil || !inside {
		return fmt.Errorf("%q is not accepted, use a number from 0.1 to 1000", text)
	}
	c.Drill.Speed = speed
	return nil
}

// taken are the paths that the exporter serves itself.
var taken = []string{"/health", "/-/", "/api/", "/debug/", "/probe", "/sd", "/upstream/"}

func setPath(c *Config, text string) error {
	for _, p := range taken {
		if text == p || strings.HasPrefix(text, strings.TrimSuffix(p, "/")+"/") {
			return fmt.Errorf("%q is taken by the exporter's own %s, use another path such as /metrics", text, p)
		}
	}
	if !strings.HasPrefix(text, "/") || text == "/" || strings.ContainsAny(text, " ?#{}%") || path.Clean(text) != text {
		return fmt.Errorf("%q is no path, use one such as /metrics", text)
	}
	c.Web.TelemetryPath = text
	return nil
}

func setListen(c *Config, text string) error {
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
		return fmt.Errorf("%q is not an address to listen on: %s is not supported, use host:port or :port", text, scheme)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%q is no address, use host:port or :port", text)
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
	u, err := ParseURL(text)
	if err != nil {
		return err
	}
	for _, other := range c.URLs {
		if fleet.HostPort(other) == fleet.HostPort(u) {
			return fmt.Errorf("%q is there twice", fleet.HostPort(u))
		}
	}
	c.URLs = append(c.URLs, u)
	return nil
}

// ParseURL reads the base URL of an upstream. Its errors repeat nothing that
// could be a password.
func ParseURL(text string) (*url.URL, error) { return parseURL(text, defaultURL) }

func parseURL(text, example string) (*url.URL, error) { return fleet.ParseURL(text, example) }

// validPort accepts a sign, as numbers of YAML have it.
func validPort(text string) bool {
	_, ok := fleet.ParsePort(strings.TrimPrefix(text, "+"))
	return ok
}
