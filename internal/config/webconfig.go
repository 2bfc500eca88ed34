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

// checkWebConfig returns the errors in a web configuration file that exporter-toolkit
// rejects. Most errors come from a schema of the file, because the errors of the toolkit
// have no line and may quote passwords.
func checkWebConfig(name, where string) []error {
	rejected := tryServing(name)
	if rejected == nil {
		return nil
	}
	s := httpclient.SchemaOf(reflect.TypeFor[toolkit.Config](), "")
	s.Secret = true
	s.Key("basic_auth_users").After = checkUsers
	if all, _ := schema.Read(name, where, s).Errors(); len(all) > 0 {
		return all
	}
	return []error{fmt.Errorf("%s: %s: %s", where, name, redactWeb(rejected))}
}

// tryServing makes the toolkit serve on a closed listener, and returns the error that
// would keep it from serving.
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

// bcryptHash matches password hashes that the toolkit accepts.
var bcryptHash = regexp.MustCompile(`^\$2[a-z]?\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// checkUsers reports an error for each user whose password is not a bcrypt hash.
func checkUsers(users *schema.Node) {
	for _, u := range users.Valid() {
		if !bcryptHash.MatchString(u.Text()) {
			u.Fail("is not a bcrypt hash of the password, generate one with: htpasswd -nBC 10 NAME")
		}
	}
}

// redactWeb returns the text of an error of the toolkit in one line, without secrets.
func redactWeb(err error) string {
	var path *fs.PathError
	switch text := err.Error(); {
	case errors.As(err, &path):
		return fmt.Sprintf("%s: %v", filepath.Base(path.Path), path.Err)
	case strings.HasPrefix(text, "yaml: "), strings.Contains(text, "\n"):
		return "contains an invalid value"
	case strings.HasPrefix(text, "crypto/bcrypt: "):
		return "a password in basic_auth_users is not a bcrypt hash"
	default:
		return text
	}
}
