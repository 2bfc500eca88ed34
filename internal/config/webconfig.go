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

	"github.com/betanet/betanet_exporter/internal/httpclient"
	"github.com/betanet/betanet_exporter/internal/schema"
)

// checkWebConfig reports why the exporter could not serve with a web
// configuration file. Exporter-toolkit decides that; its errors are explained
// here, because they lack the place and may quote passwords.
func checkWebConfig(name, where string) []error {
	refused := tryServing(name)
	if refused == nil {
		return nil
	}
	s := httpclient.SchemaOf(reflect.TypeFor[toolkit.Config](), "")
	s.Secret = true
	s.Key("basic_auth_users").After = checkUsers
	if all, _ := schema.Read(name, where, s).Errors(); len(all) > 0 {
		return all
	}
	return []error{fmt.Errorf("%s: %s: %s", where, name, redactWeb(refused))}
}

// tryServing has the toolkit serve on a listener that is closed, which reports
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
func checkUsers(users *schema.Node) {
	for _, u := range users.Valid() {
		if !bcryptHash.MatchString(u.Text()) {
			u.Fail("is not a bcrypt hash of the password, make one such as with: htpasswd -nBC 10 NAME")
		}
	}
}

// redactWeb returns an error of the toolkit without what may be a secret in it,
// and in one line.
func redactWeb(err error) string {
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
