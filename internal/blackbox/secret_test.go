package blackbox

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// canary is the beginning of every secret in these tests; the rest identifies the secret.
const canary = "c4n4ry-"

// secretPlace is a place for a secret: the settings of an http_client, and a file that they name.
type secretPlace struct{ name, client, file string }

// secretPlaces lists all places except the ones of OAuth2.
var secretPlaces = []secretPlace{
	{"password", "basic_auth: {username: user, password: CANARY}", ""},
	{"password-file", "basic_auth: {username: user, password_file: FILE}", "CANARY"},
	{"username-file", "basic_auth: {username_file: FILE, password: CANARY}", "CANARY"},
	{"bearer", "authorization: {credentials: CANARY}", ""},
	{"bearer-file", "authorization: {credentials_file: FILE}", "CANARY"},
	{"bearer-file-with-a-newline", "authorization: {credentials_file: FILE}", "CANARY\nCANARY\n"},
	{"bearer-token", "bearer_token: CANARY", ""},
	{"scheme", "authorization: {type: Token, credentials: CANARY}", ""},
	{"header", "http_headers: {X-Key: {secrets: [CANARY]}}", ""},
	{"header-value", "http_headers: {X-Key: {values: [CANARY]}}", ""},
	{"header-file", "http_headers: {X-Key: {files: [FILE]}}", "CANARY"},
	{"header-file-with-a-newline", "http_headers: {X-Key: {files: [FILE]}}", "CANARY\nCANARY"},
	{"proxy", "proxy_url: 'http://user:CANARY@127.0.0.1:1'", ""},
	{"proxy-header", "proxy_url: 'http://127.0.0.1:1', proxy_connect_header: {Proxy-Authorization: [CANARY]}", ""},
}

// tokenPlaces lists the places of OAuth2. TOKENS is the URL of a server that grants tokens, DENIES of one that denies
// them, ECHOES of one that repeats the request in its error, and GONE of one that is not running.
var tokenPlaces = []secretPlace{
	{"oauth2", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'TOKENS'}", ""},
	{"oauth2-denied", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'DENIES'}", ""},
	{"oauth2-gone", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'GONE'}", ""},
	{"oauth2-file", "oauth2: {client_id: id, client_secret_file: FILE, token_url: 'DENIES'}", "CANARY"},
	{"oauth2-params", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'DENIES', endpoint_params: {key: CANARY}}", ""},
	{"oauth2-echoed", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'ECHOES'}", ""},
	{"oauth2-url", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'http://user:CANARY@127.0.0.1:1/'}", ""},
}

// tokenServers starts the servers of tokenPlaces and returns a replacer that inserts their URLs.
func tokenServers(t *testing.T) *strings.Replacer {
	grant := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"%sgranted","token_type":"Bearer","expires_in":3600}`, canary)
	}))
	deny := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
	}))
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		http.Error(w, fmt.Sprintf("invalid client %s:%s in %s", user, password, body), http.StatusBadRequest)
	}))
	for _, server := range []*httptest.Server{grant, deny, echo} {
		t.Cleanup(server.Close)
	}
	return strings.NewReplacer("TOKENS", grant.URL, "DENIES", deny.URL, "ECHOES", echo.URL, "GONE", "http://127.0.0.1:1/")
}

// configureSecrets returns a configuration file with two upstreams for each place, one of which refuses every request.
func configureSecrets(t *testing.T, dir string, places []secretPlace) (config string, upstreams []string) {
	t.Helper()
	servers := tokenServers(t)
	var b strings.Builder
	b.WriteString("upstreams:\n")
	for i, place := range places {
		secret := canary + place.name
		if place.file != "" {
			write(t, filepath.Join(dir, fmt.Sprint(i)), strings.ReplaceAll(place.file, "CANARY", secret))
		}
		http := strings.NewReplacer("CANARY", secret, "FILE", fmt.Sprint(i)).Replace(servers.Replace(place.client))
		for _, refuses := range []bool{false, true} {
			server, name := start(t), place.name
			if refuses {
				name += "-refused"
				setAll(server, fake.Status(401, "{}", "WWW-Authenticate: Basic"))
			}
			fmt.Fprintf(&b, "- {name: %s, url: '%s', http_client: {%s}}\n", name, server.URL(), http)
			upstreams = append(upstreams, name)
		}
	}
	return b.String(), upstreams
}

// checkNoSecret fails the test if text contains a canary.
func checkNoSecret(t *testing.T, where, text string) {
	t.Helper()
	if i := strings.Index(text, canary); i >= 0 {
		t.Errorf("%s shows a secret: ...%s...", where, text[max(0, i-150):min(len(text), i+60)])
	}
}

func TestASecretIsNeverShown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, upstreams := configureSecrets(t, dir, secretPlaces)
	flags := append([]string{"--web.enable-lifecycle", "--web.enable-pprof"}, patientFlags...)
	p := serveConfig(t, dir, config, flags...)
	checkNeverShown(t, p, upstreams)

	if !wholeSuite() {
		return
	}
	file := filepath.Join(dir, "betanet.yml")
	for _, broken := range []string{
		strings.ReplaceAll(config, "http_client: {", "http_client: {no_such_key: 1, "),
		strings.ReplaceAll(config, "http_client: {", "http_client: {follow_redirects: "+canary+"broken, "),
		strings.ReplaceAll(config, canary, "["+canary),
		strings.ReplaceAll(config, "}}", "}"),
		strings.ReplaceAll(config, "url: 'http://", "url: 'http://user:"+canary+"url@"),
	} {
		write(t, file, broken)
		status, body, err := p.request("POST", "/-/reload")
		if err != nil || status != http.StatusInternalServerError {
			t.Errorf("a reload of a broken file: got %d %v, want 500", status, err)
		}
		checkNoSecret(t, "the response to a reload", string(body))
		for _, args := range [][]string{{"--config.check"}, {"--config.print"}, {"collect"}, {}} {
			out, errs, err := run(t, nil, append(args, "--config.file="+file)...)
			if err == nil {
				t.Errorf("%q of a broken file: got no error", args)
			}
			checkNoSecret(t, fmt.Sprintf("%q of a broken file", args), out+errs)
		}
	}
	write(t, file, config)
	out, errs, err := run(t, nil, "--config.print", "--config.file="+file)
	if err != nil || strings.Count(out, "<secret>") < len(secretPlaces) {
		t.Errorf("--config.print: got error %v and too few <secret>:\n%s", err, out)
	}
	checkNoSecret(t, "--config.print", out+errs)
	for _, format := range []string{"metrics", "table", "json"} {
		out, errs, err := run(t, nil, "collect", "--output="+format, "--retry.attempts=1", "--log.level=debug", "--config.file="+file)
		if err == nil {
			t.Error("collect: got no error, want one for each upstream that refuses")
		}
		checkNoSecret(t, "collect", out+errs)
	}
	checkNoSecret(t, "the log", p.log.String())
}

// checkNeverShown waits until every endpoint has been requested, and checks the log and all pages.
func checkNeverShown(t *testing.T, p *program, upstreams []string) {
	t.Helper()
	e := p.await(t, "", func(e exposition) error {
		for _, name := range upstreams {
			for _, path := range v1Paths {
				s := endpoint{name, path}
				if e.values[s.key("betanet_exporter_endpoint_up")] == 0 && len(s.failing(e)) == 0 {
					return fmt.Errorf("%s was not requested at %s", name, path)
				}
			}
		}
		return nil
	})
	for _, name := range []string{"password", "bearer", "header"} {
		if err := e.is(series("betanet_up", "upstream", name), 1); err != nil && slices.Contains(upstreams, name) {
			t.Errorf("an upstream that accepts any secret: %v", err)
		}
	}
	paths := []string{"/metrics", "/", "/health", "/health/details", "/api/v1/status", "/sd", "/debug/pprof/cmdline", "/-/ready"}
	for _, name := range upstreams {
		paths = append(paths, "/upstream/"+name, "/probe?target="+name)
	}
	for _, path := range paths {
		checkNoSecret(t, path, string(p.page(t, path)))
	}
	for _, format := range []string{"application/openmetrics-text", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"} {
		checkNoSecret(t, "/metrics as "+format, string(p.page(t, "/metrics", "Accept", format)))
	}
	checkNoSecret(t, "the log", p.log.String())
}

// TestAnOAuth2SecretIsNeverShown has token servers, one of which repeats the request in its error page.
func TestAnOAuth2SecretIsNeverShown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, upstreams := configureSecrets(t, dir, tokenPlaces)
	p := serveConfig(t, dir, config, patientFlags...)
	checkNeverShown(t, p, upstreams)
	p.await(t, "oauth2", func(e exposition) error { return e.is(series("betanet_up", "upstream", "oauth2"), 1) })
}

func TestAPasswordInAURLIsRejectedAndNotShown(t *testing.T) {
	t.Parallel()
	url := "http://user:" + canary + "url@127.0.0.1:1"
	for name, c := range map[string]struct {
		env  []string
		args []string
	}{
		"flag":         {args: []string{"--betanet.url=" + url}},
		"variable":     {env: []string{"BETANET_EXPORTER_BETANET_URL=" + url}},
		"argument":     {args: []string{"collect", url}},
		"user only":    {args: []string{"--betanet.url=http://" + canary + "user@127.0.0.1:1"}},
		"in the query": {args: []string{"--betanet.url=http://127.0.0.1:1/?token=" + canary + "query#" + canary}},
		"check":        {args: []string{"--config.check", "--betanet.url=" + url}},
		"print":        {args: []string{"--config.print", "--betanet.url=" + url}},
		"invalid URL":  {args: []string{"--betanet.url=http://user:" + canary + "%zz@127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, err := run(t, c.env, c.args...)
			if err == nil {
				t.Error("got no error, want the URL rejected")
			}
			if name != "in the query" { // which is not a secret
				checkNoSecret(t, "the error", out+errs)
			}
		})
	}
}
