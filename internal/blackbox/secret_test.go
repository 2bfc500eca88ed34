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

// canary is the beginning of every secret of these tests. What follows it says which one has been told.
const canary = "c4n4ry-"

// secretPlace is where a secret can stand: an http_client, and a file that it names.
type secretPlace struct{ name, client, file string }

// secretPlaces are all of them but those of OAuth2.
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

// tokenPlaces are those of OAuth2. TOKENS is the URL of a server that grants tokens, DENIES of one that does not, ECHOES
// of one that says in its refusal what it was sent, and GONE of none.
var tokenPlaces = []secretPlace{
	{"oauth2", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'TOKENS'}", ""},
	{"oauth2-denied", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'DENIES'}", ""},
	{"oauth2-gone", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'GONE'}", ""},
	{"oauth2-file", "oauth2: {client_id: id, client_secret_file: FILE, token_url: 'DENIES'}", "CANARY"},
	{"oauth2-params", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'DENIES', endpoint_params: {key: CANARY}}", ""},
	{"oauth2-echoed", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'ECHOES'}", ""},
	{"oauth2-url", "oauth2: {client_id: id, client_secret: CANARY, token_url: 'http://user:CANARY@127.0.0.1:1/'}", ""},
}

// tokens starts the servers of tokenPlaces and gives their URLs in place of the words.
func tokens(t *testing.T) *strings.Replacer {
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
		http.Error(w, fmt.Sprintf("what is %s:%s and %s?", user, password, body), http.StatusBadRequest)
	}))
	t.Cleanup(grant.Close)
	t.Cleanup(deny.Close)
	t.Cleanup(echo.Close)
	return strings.NewReplacer("TOKENS", grant.URL, "DENIES", deny.URL, "ECHOES", echo.URL, "GONE", "http://127.0.0.1:1/")
}

// secretive writes a file with two upstreams for each place, of which one refuses every request.
func secretive(t *testing.T, dir string, places []secretPlace) (config string, upstreams []string) {
	t.Helper()
	servers := tokens(t)
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
				for _, path := range v1Paths {
					server.Set(path, fake.Status(401, "{}", "WWW-Authenticate: Basic"))
				}
			}
			fmt.Fprintf(&b, "- {name: %s, url: '%s', http_client: {%s}}\n", name, server.URL(), http)
			upstreams = append(upstreams, name)
		}
	}
	return b.String(), upstreams
}

// tells complains about a canary in what was said.
func tells(t *testing.T, where, said string) {
	t.Helper()
	if i := strings.Index(said, canary); i >= 0 {
		t.Errorf("%s tells a secret: ...%s...", where, said[max(0, i-150):min(len(said), i+60)])
	}
}

func TestASecretIsToldNowhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, upstreams := secretive(t, dir, secretPlaces)
	flags := append([]string{"--web.enable-lifecycle", "--web.enable-pprof"}, patient...)
	p := configured(t, dir, config, flags...)
	checkToldNowhere(t, p, upstreams)

	if !whole() {
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
		response, err := client.Post(p.url+"/-/reload", "", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusInternalServerError {
			t.Errorf("a reload of a broken file: got %v, want 500", response.Status)
		}
		tells(t, "the answer to a reload", string(said))
		for _, args := range [][]string{{"--config.check"}, {"--config.print"}, {"collect"}, {}} {
			out, errs, err := run(t, nil, append(args, "--config.file="+file)...)
			if err == nil {
				t.Errorf("%q of a broken file: got no error", args)
			}
			tells(t, fmt.Sprintf("%q of a broken file", args), out+errs)
		}
	}
	write(t, file, config)
	out, errs, err := run(t, nil, "--config.print", "--config.file="+file)
	if err != nil || strings.Count(out, "<secret>") < len(secretPlaces) {
		t.Errorf("--config.print: got %v and too few <secret>:\n%s", err, out)
	}
	tells(t, "--config.print", out+errs)
	for _, format := range []string{"metrics", "table", "json"} {
		out, errs, err := run(t, nil, "collect", "--output="+format, "--retry.attempts=1", "--log.level=debug", "--config.file="+file)
		if err == nil {
			t.Error("collect: got no error, want one for each upstream that refuses")
		}
		tells(t, "collect", out+errs)
	}
	tells(t, "the log", strings.Join(p.log.all(), "\n"))
}

// checkToldNowhere waits until every upstream was tried and looks at all that the exporter says then.
func checkToldNowhere(t *testing.T, p *program, upstreams []string) {
	t.Helper()
	e := p.await(t, "", func(e exposition) error {
		for _, name := range upstreams {
			for _, path := range v1Paths {
				s := state{name, path}
				if e.values[s.key("betanet_exporter_endpoint_up")] == 0 && len(e.failing[[2]string{name, endpoints[path]}]) == 0 {
					return fmt.Errorf("%s was not tried at %s", name, path)
				}
			}
		}
		return nil
	})
	for _, name := range []string{"password", "bearer", "header"} {
		if err := e.is(series("betanet_up", "upstream", name), 1); err != nil && slices.Contains(upstreams, name) {
			t.Errorf("an upstream that takes any secret: %v", err)
		}
	}
	paths := []string{"/metrics", "/", "/health", "/health/details", "/api/v1/status", "/sd", "/debug/pprof/cmdline", "/-/ready"}
	for _, name := range upstreams {
		paths = append(paths, "/upstream/"+name, "/probe?target="+name)
	}
	for _, path := range paths {
		tells(t, path, string(p.page(t, path)))
	}
	for _, format := range []string{"application/openmetrics-text", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"} {
		tells(t, "/metrics as "+format, string(p.page(t, "/metrics", "Accept", format)))
	}
	tells(t, "the log", strings.Join(p.log.all(), "\n"))
}

// TestASecretOfOAuth2IsToldNowhere has token servers too, one of which puts what it was sent into its error page.
func TestASecretOfOAuth2IsToldNowhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, upstreams := secretive(t, dir, tokenPlaces)
	p := configured(t, dir, config, patient...)
	checkToldNowhere(t, p, upstreams)
	p.await(t, "oauth2", func(e exposition) error { return e.is(series("betanet_up", "upstream", "oauth2"), 1) })
}

func TestAPasswordInAURLIsRefusedWithoutBeingRepeated(t *testing.T) {
	t.Parallel()
	url := "http://user:" + canary + "url@127.0.0.1:1"
	for name, c := range map[string]struct {
		env  []string
		args []string
	}{
		"flag":          {args: []string{"--betanet.url=" + url}},
		"variable":      {env: []string{"BETANET_EXPORTER_BETANET_URL=" + url}},
		"argument":      {args: []string{"collect", url}},
		"no password":   {args: []string{"--betanet.url=http://" + canary + "user@127.0.0.1:1"}},
		"in the query":  {args: []string{"--betanet.url=http://127.0.0.1:1/?token=" + canary + "query#" + canary}},
		"check":         {args: []string{"--config.check", "--betanet.url=" + url}},
		"print":         {args: []string{"--config.print", "--betanet.url=" + url}},
		"no URL at all": {args: []string{"--betanet.url=http://user:" + canary + "%zz@127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, err := run(t, c.env, c.args...)
			if err == nil {
				t.Error("got no error, want the URL refused")
			}
			if name != "in the query" { // which the interface calls no secret
				tells(t, "the error", out+errs)
			}
		})
	}
}
