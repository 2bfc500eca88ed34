package config

import (
	"slices"
	"strings"
	"testing"
)

func TestAMistypedCommandLineGetsASuggestion(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--collect.intervall=5s"}, "unknown flag --collect.intervall, did you mean --collect.interval?"},
		{[]string{"serve", "--collect_interval", "5s"}, "unknown flag --collect_interval, did you mean --collect.interval?"},
		{[]string{"--no-web.enable-prof"}, "unknown flag --no-web.enable-prof, did you mean --no-web.enable-pprof?"},
		{[]string{"collect", "--outptu=json"}, "unknown flag --outptu, did you mean --output?"},
		{[]string{"--verison"}, "unknown flag --verison, did you mean --version?"},
		{[]string{"--frobnicate=hunter2"}, "unknown flag --frobnicate, see --help"},
		{[]string{"--fro\nb"}, `unknown flag --"fro\nb", see --help`},
		{[]string{"-collect.interval=5s"}, "unknown flag -collect.interval, did you mean --collect.interval?"},
		{[]string{"-x"}, "unknown short flag '-x', see --help"},
		{[]string{"--fault=hang"}, "unknown flag --fault for command serve, see serve --help"},
		{[]string{"collect", "--web.listen-address=:1"}, "unknown flag --web.listen-address for command collect, see collect --help"},
		{[]string{"--collect.interval"}, "--collect.interval: has no value, use --collect.interval=VALUE"},
		{[]string{"--collect.interval", "--web.enable-pprof"}, "--collect.interval: has no value, use --collect.interval=VALUE"},
		{[]string{"collect", "--output"}, "--output: has no value, use --output=VALUE"},
		{[]string{"collect", "--output", "--log.level=debug"}, "--output: has no value, use --output=VALUE"},
		{[]string{"frobnicate"}, `unknown command "frobnicate", use serve, demo, simulate or collect`},
		{[]string{"--log.level=warn", "frobnicate"}, `unknown command "frobnicate", use serve, demo, simulate or collect`},
		{[]string{"colect", "http://a"}, `unknown command "colect", did you mean collect?`},
		{[]string{"Demo"}, `unknown command "Demo", did you mean demo?`},
		{[]string{"http://me:hunter2@a"}, "a URL is not a command, use --betanet.url=URL or the command collect"},
		{[]string{"me:hunter2@a"}, "unknown command (not shown), use serve, demo, simulate or collect"},
		{[]string{"demo", "now"}, `unexpected argument "now" for command demo, see --help`},
	} {
		_, err := load(c.args)
		checkError(t, strings.Join(c.args, " "), err, c.want)
	}
}

func TestMistypedVariablesCauseWarnings(t *testing.T) {
	for env, want := range map[string]string{
		"BETANET_EXPORTER_COLECT_INTERVAL=5s":                    "BETANET_EXPORTER_COLECT_INTERVAL: unknown variable, did you mean BETANET_EXPORTER_COLLECT_INTERVAL?",
		"BETANET_EXPORTR_COLLECT_INTERVAL=5s":                    "BETANET_EXPORTR_COLLECT_INTERVAL: unknown variable, did you mean BETANET_EXPORTER_COLLECT_INTERVAL?",
		"betanet_exporter_collect_interval=5s":                   "betanet_exporter_collect_interval: unknown variable, did you mean BETANET_EXPORTER_COLLECT_INTERVAL?",
		"BETANET_EXPORTER_COLLECT.INTERVAL=5s":                   "BETANET_EXPORTER_COLLECT.INTERVAL: unknown variable, did you mean BETANET_EXPORTER_COLLECT_INTERVAL?",
		"BETANET_EXPORTER_FROBNICATE=hunter2":                    "BETANET_EXPORTER_FROBNICATE: unknown variable is ignored, see --help",
		"BETANET_EXPORTER_WEB_LISTEN_PORT=9200":                  "BETANET_EXPORTER_WEB_LISTEN_PORT: unknown variable is ignored, see --help",
		"BETANET_EXPORTER_PORT=9200":                             "BETANET_EXPORTER_PORT: unknown variable is ignored, see --help",
		"BETANET_EXPORTER_COLECT_INTERVAL=":                      "",
		"BETANET_EXPORTER_COLLECT_INTERVAL=5s":                   "",
		"BETANET_EXPORTER_FAULT=hang":                            "", // of another command
		"BETANET_URL=http://a":                                   "", // of another program
		"HOME=/root":                                             "",
		"BETANET_EXPORTER_SERVICE_HOST=10.0.0.1":                 "",
		"BETANET_EXPORTER_SERVICE_PORT=9200":                     "",
		"BETANET_EXPORTER_SERVICE_PORT_METRICS=9200":             "",
		"BETANET_EXPORTER_PORT=tcp://10.0.0.1:9200":              "",
		"BETANET_EXPORTER_PORT_9200_TCP=tcp://10.0.0.1:9200":     "",
		"BETANET_EXPORTER_PORT_9200_TCP_PROTO=tcp":               "",
		"BETANET_EXPORTER_PORT_9200_TCP_PORT=9200":               "",
		"BETANET_EXPORTER_PORT_9200_TCP_ADDR=10.0.0.1":           "",
		"BETANET_EXPORTER_FOO_SERVICE_HOST=10.0.0.1":             "",
		"BETANET_EXPORTER_FOO_2_SERVICE_PORT_HTTP_METRICS=1":     "",
		"BETANET_EXPORTER_FOO_PORT=udp://10.0.0.1:9200":          "",
		"BETANET_EXPORTER_FOO_PORT_9200_UDP=udp://10.0.0.1:9200": "",
		"BETANET_EXPORTER_FOO_PORT_9200_SCTP_ADDR=10.0.0.1":      "",
	} {
		c, err := load(nil, env)
		if err != nil {
			t.Errorf("%s: %v", env, err)
			continue
		}
		var all []string
		if want != "" {
			all = []string{want}
		}
		if got := c.Warnings(); !slices.Equal(got, all) {
			t.Errorf("%s: got %q, want %q", env, got, all)
		}
	}
}
