package fleet

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// unixSocket matches the usual ways to write a Unix socket as a URL.
var unixSocket = regexp.MustCompile(`(?i)^((https?\+)?unix|unix\+https?):|^[/@]`)

// ParseURL parses a base URL: scheme, host, port and path. Its errors may quote text and
// suggest the example, but never contain a user name or password. The host may have any
// form that a URL allows, because a proxy or a resolver may accept it.
func ParseURL(text, example string) (*url.URL, error) {
	if unixSocket.MatchString(text) {
		return nil, fmt.Errorf("unix sockets are not supported, use a URL such as %s", example)
	}
	if strings.Contains(text, "@") {
		return nil, errors.New("a URL with a user name or password in it is refused: it would show up in logs")
	}
	if !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
		return nil, fmt.Errorf("%q is not a base URL, use one such as %s", text, example)
	}
	u, err := url.Parse(text)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, fmt.Errorf("%q is not a base URL: %w", text, err)
	}
	_, validPort := ParsePort(u.Port())
	switch {
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q has no host, use a URL such as %s", text, example)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, fmt.Errorf("%q has a query or fragment, use scheme, host, port and path only", text)
	case strings.HasSuffix(u.Host, ":") || u.Port() != "" && !validPort:
		return nil, fmt.Errorf("%q has no valid port, use a number from 1 to 65535", text)
	}
	if err := CheckHyphens(u.Hostname()); err != nil {
		return nil, fmt.Errorf("%q %w", text, err)
	}
	return u, nil
}
