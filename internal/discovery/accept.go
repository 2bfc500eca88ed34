package discovery

import (
	"errors"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Limits of a source.
const (
	maxBody       = 10 << 20 // bytes of a document
	maxFiles      = 20_000
	maxTargets    = 20_000
	maxLabels     = 64   // labels of a group, including dropped ones
	maxLabelValue = 4096 // bytes
	maxName       = 256  // bytes of an upstream's name, and of a target
)

// checkAddress checks that a target is host:port, where host is a name, an IPv4
// address or an IPv6 address in brackets. The error does not contain the target.
func checkAddress(a string) error {
	switch {
	case len(a) > maxName:
		return errors.New("is too long, want host:port of at most 256 bytes")
	case strings.Contains(a, "://"):
		return errors.New("is a URL, want host:port; for https, set the label __scheme__")
	case strings.Contains(a, "@"):
		return errors.New("has userinfo, want host:port; credentials belong in the source's http_client")
	case strings.ContainsAny(a, "/?#"):
		return errors.New("has a path, want host:port")
	}
	_, err := fleet.ParseAddress(a)
	return err
}
