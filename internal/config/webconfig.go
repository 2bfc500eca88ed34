package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// checkWebConfig reports why the exporter could not serve with a web
// configuration file. Exporter-toolkit decides that; its errors are explained
// here, because they lack the place and may quote passwords.
func checkWebConfig(name, where string) []error {
	refused := tryServing(name)
	if refused == nil {
		return nil
	}
	s := newSource(name, where)
	p := s.read()
	if all, _ := s.errors(); len(all) > 0 {
		return all
	}
	if p == nil { // nothing is set in it, which the toolkit accepts
		return []error{fmt.Errorf("%s: %s: %s", where, name, harmlessWeb(refused))}
	}
	p.secret = true
	s.checkHTTP(p, webShape)
	if all, _ := s.errors(); len(all) > 0 {
		return all
	}
	checkUsers(p)
	if all, _ := s.errors(); len(all) > 0 {
		return all
	}
	return []error{fmt.Errorf("%s: %s: %s", where, name, harmlessWeb(refused))}
}

var webShape = shapeOf(reflect.TypeFor[toolkit.Config](), "")

// tryServing has the toolkit serve on a listener that is closed, which tells
// everything that would keep it from serving.
func tryServing(configFile string) error {
	log, systemd := slog.New(slog.DiscardHandler), false
	flags := &toolkit.FlagConfig{WebConfigFile: &configFile, WebSystemdSocket: &systemd}
	err := toolkit.Serve(closedListener{}, &http.Server{Handler: http.NotFoundHandler()}, flags, log)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

type closedListener struct{}

func (closedListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (closedListener) Close() error              { return nil }
func (closedListener) Addr() net.Addr            { return &net.TCPAddr{} }

// bcryptHash matches what the toolkit takes for a password.
var bcryptHash = regexp.MustCompile(`^\$2[a-z]?\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// checkUsers names the users whose password is not hashed.
func checkUsers(file *place) {
	for _, section := range file.entries() {
		if section.key != "basic_auth_users" {
			continue
		}
		for _, user := range section.entries() {
			if !bcryptHash.MatchString(user.node.Value) {
				user.fail("is not a bcrypt hash of the password, make one such as with: htpasswd -nBC 10 NAME")
			}
		}
	}
}

// harmlessWeb returns an error of the toolkit without what may be a secret in it,
// and in one line.
func harmlessWeb(err error) string {
	var path *fs.PathError
	switch text := err.Error(); {
	case errors.As(err, &path):
		return fmt.Sprintf("%s: %v", filepath.Base(path.Path), path.Err)
	case strings.HasPrefix(text, "yaml: "), strings.Contains(text, "\n"):
		return "a value in it is not accepted"
	case strings.HasPrefix(text, "crypto/bcrypt: "):
		return "a password in basic_auth_users is not a bcrypt hash"
	default:
		return text
	}
}
